//! What servers are set to: a change is an event of the audit trail that names
//! the keys, never what they say.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use sqlx::{PgConnection, PgPool, Row};
use systemprompt_domain::ids::SpoolId;
use time::OffsetDateTime;

use crate::audit::{self, Entry};

/// The keys below which prices of the profile stand.
const PRICES: &str = "analytics.costs.custom_pricing.";

/// One key of a server's profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// A keyed hash of what it says.
    pub hash: [u8; 32],
    /// The agent whose budget it is part of.
    pub agent: Option<String>,
}

/// The settings of a server, by key.
pub type Settings = BTreeMap<String, Setting>;

/// When it was seen that settings differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// At a start.
    Start,
    /// While the server ran: it read its profile again, or a key's file.
    Reload,
}

impl Seen {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Reload => "reload",
        }
    }
}

/// Keeps the settings a server has now, and records which of them are not as
/// they were when it was last seen; nothing for one that is new. Answers their
/// keys.
///
/// # Errors
/// When the database fails; then nothing was kept.
pub async fn note(
    db: &PgPool,
    server: SpoolId,
    settings: &Settings,
    seen: Seen,
    now: OffsetDateTime,
) -> Result<Vec<String>, sqlx::Error> {
    let mut tx = db.begin().await?;
    let before = kept(&mut tx, server).await?;
    if before == *settings {
        return Ok(Vec::new());
    }
    keep(&mut tx, server, settings).await?;
    let keys = if before.is_empty() {
        Vec::new()
    } else {
        let keys = differing(&before, settings);
        record(&mut tx, &keys, [&before, settings], seen, now).await?;
        keys
    };
    tx.commit().await?;
    Ok(keys)
}

/// The keys that are in only one of them, or not the same in both.
fn differing(before: &Settings, after: &Settings) -> Vec<String> {
    let keys: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let differ = keys
        .into_iter()
        .filter(|key| before.get(*key) != after.get(*key));
    differ.cloned().collect()
}

async fn kept(db: &mut PgConnection, server: SpoolId) -> Result<Settings, sqlx::Error> {
    let rows = sqlx::query("select key, hash, agent from server_settings where server = $1")
        .bind(server.0)
        .fetch_all(db)
        .await?;
    let setting = |row: &sqlx::postgres::PgRow| {
        let setting = Setting {
            hash: row.try_get("hash")?,
            agent: row.try_get("agent")?,
        };
        Ok((row.try_get("key")?, setting))
    };
    rows.iter().map(setting).collect()
}

async fn keep(
    db: &mut PgConnection,
    server: SpoolId,
    settings: &Settings,
) -> Result<(), sqlx::Error> {
    sqlx::query("delete from server_settings where server = $1")
        .bind(server.0)
        .execute(&mut *db)
        .await?;
    let hashes = settings.values().map(|setting| &setting.hash[..]);
    sqlx::query(
        "insert into server_settings (server, key, hash, agent) \
         select $1, * from unnest($2::text[], $3::bytea[], $4::text[])",
    )
    .bind(server.0)
    .bind(settings.keys().collect::<Vec<_>>())
    .bind(hashes.collect::<Vec<_>>())
    .bind(
        settings
            .values()
            .map(|setting| &setting.agent)
            .collect::<Vec<_>>(),
    )
    .execute(db)
    .await?;
    Ok(())
}

async fn record(
    db: &mut PgConnection,
    keys: &[String],
    states: [&Settings; 2],
    seen: Seen,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    let changed = json!({ "keys": keys, "seen": seen.as_str() });
    let prices: Vec<_> = keys.iter().filter(|key| key.starts_with(PRICES)).collect();
    let priced = json!({ "source": "profile", "keys": prices });
    let agents = keys
        .iter()
        .flat_map(|key| states.map(|state| state.get(key)));
    let agents: BTreeSet<_> = agents
        .flatten()
        .filter_map(|s| s.agent.as_deref())
        .collect();
    let budgets: Vec<_> = agents
        .iter()
        .map(|agent| json!({ "agent": agent, "change": "budget" }))
        .collect();
    let mut entries = vec![Entry::administration("config_changed", now, &changed)];
    if !prices.is_empty() {
        entries.push(Entry::administration("prices_changed", now, &priced));
    }
    let modified = budgets.iter();
    entries.extend(modified.map(|detail| Entry::administration("agent_modified", now, detail)));
    audit::append_all(db, &entries).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, u8)]) -> Settings {
        let setting = |(key, hash): &(&str, u8)| {
            let setting = Setting {
                hash: [*hash; 32],
                agent: None,
            };
            ((*key).to_owned(), setting)
        };
        pairs.iter().map(setting).collect()
    }

    #[test]
    fn what_is_new_gone_or_other_differs() {
        let before = settings(&[("a", 1), ("b", 1), ("c", 1)]);
        let after = settings(&[("a", 1), ("b", 2), ("d", 1)]);
        assert_eq!(differing(&before, &after), ["b", "c", "d"]);
        assert!(differing(&before, &before).is_empty());
    }
}
