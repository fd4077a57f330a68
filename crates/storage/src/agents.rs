//! Agents that tokens are issued for. What was recorded of an agent stays when it
//! is deleted.

use serde_json::{Map, Value, json};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, PgPool, Row};
use time::OffsetDateTime;

use crate::audit::{Entry, append};
use crate::tokens;

/// The longest name of an agent, in bytes: as long as the gateway records one.
const LONGEST: usize = 200;

/// An agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// What requests and answers call it.
    pub name: String,
    /// What it is, for people.
    pub description: String,
    /// When it was made known.
    pub created_at: OffsetDateTime,
    /// Since when its tokens are refused.
    pub disabled_at: Option<OffsetDateTime>,
}

/// What may be changed about an agent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Change<'a> {
    /// Another description.
    pub description: Option<&'a str>,
    /// Whether its tokens are refused.
    pub disabled: Option<bool>,
}

/// Why an agent is not changed or cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AgentsError {
    /// The database fails.
    #[error("the agents in the database cannot be read or changed: {0}")]
    Database(#[from] sqlx::Error),
    /// The name is taken.
    #[error("there is an agent {0} already; systemprompt admin agent set {0} changes it")]
    Taken(String),
    /// There is no such agent.
    #[error("there is no agent {0}; make it known with systemprompt admin agent create {0}")]
    Unknown(String),
    /// Its tokens are refused.
    #[error("the agent {0} is disabled; systemprompt admin agent set {0} --enable")]
    Disabled(String),
    /// What it is called.
    #[error("an agent's name has 1 to 200 bytes, none of them a control character")]
    Name,
}

/// Makes an agent known. `by` is who did it.
///
/// # Errors
/// If there is one of that name, or the database fails.
pub async fn create(
    db: &PgPool,
    name: &str,
    description: &str,
    by: Option<&str>,
    now: OffsetDateTime,
) -> Result<Agent, AgentsError> {
    if name.is_empty() || name.len() > LONGEST || name.chars().any(char::is_control) {
        return Err(AgentsError::Name);
    }
    let mut tx = db.begin().await?;
    let row = sqlx::query(
        "insert into agents (name, description, created_at) values ($1, $2, $3) \
         on conflict do nothing returning *",
    )
    .bind(name)
    .bind(description)
    .bind(now)
    .fetch_optional(&mut *tx)
    .await?;
    let row = row.ok_or_else(|| AgentsError::Taken(name.to_owned()))?;
    let detail = json!({ "agent": name, "change": "created", "description": description });
    record(&mut tx, &detail, by, now).await?;
    tx.commit().await?;
    Ok(agent(&row)?)
}

/// Every agent, by name.
///
/// # Errors
/// When the database fails.
pub async fn list(db: &PgPool) -> Result<Vec<Agent>, AgentsError> {
    let rows = sqlx::query("select * from agents order by name")
        .fetch_all(db)
        .await?;
    Ok(rows.iter().map(agent).collect::<Result<_, _>>()?)
}

/// The agent of that name.
///
/// # Errors
/// If there is none, or the database fails.
pub async fn find(db: &PgPool, name: &str) -> Result<Agent, AgentsError> {
    let row = sqlx::query("select * from agents where name = $1")
        .bind(name)
        .fetch_optional(db)
        .await?;
    let row = row.ok_or_else(|| AgentsError::Unknown(name.to_owned()))?;
    Ok(agent(&row)?)
}

/// Changes an agent. Servers refuse the tokens of a disabled one within a second.
///
/// # Errors
/// If there is none, or the database fails; then nothing has changed.
pub async fn set(
    db: &PgPool,
    name: &str,
    change: Change<'_>,
    by: Option<&str>,
    now: OffsetDateTime,
) -> Result<Agent, AgentsError> {
    let mut tx = db.begin().await?;
    let row = sqlx::query(
        "update agents set description = coalesce($2, description), \
             disabled_at = case $3 when true then coalesce(disabled_at, $4) \
                                   when false then null else disabled_at end \
         where name = $1 returning *",
    )
    .bind(name)
    .bind(change.description)
    .bind(change.disabled)
    .bind(now)
    .fetch_optional(&mut *tx)
    .await?;
    let row = row.ok_or_else(|| AgentsError::Unknown(name.to_owned()))?;
    let mut detail = Map::from_iter([
        ("agent".to_owned(), json!(name)),
        ("change".to_owned(), json!("set")),
    ]);
    let described = change.description.map(|text| ("description", json!(text)));
    let disabled = change
        .disabled
        .map(|disabled| ("disabled", json!(disabled)));
    let changed = described.into_iter().chain(disabled);
    detail.extend(changed.map(|(key, value)| (key.to_owned(), value)));
    tokens::announce(&mut tx, None).await?;
    record(&mut tx, &Value::Object(detail), by, now).await?;
    tx.commit().await?;
    Ok(agent(&row)?)
}

/// Deletes an agent and revokes its tokens; answers how many there were.
///
/// # Errors
/// If there is none, or the database fails; then nothing has changed.
pub async fn delete(
    db: &PgPool,
    name: &str,
    by: Option<&str>,
    now: OffsetDateTime,
) -> Result<usize, AgentsError> {
    let mut tx = db.begin().await?;
    let tokens = tokens::revoke_of(&mut tx, name, now).await?;
    let deleted = sqlx::query("delete from agents where name = $1")
        .bind(name)
        .execute(&mut *tx)
        .await?;
    if deleted.rows_affected() == 0 {
        return Err(AgentsError::Unknown(name.to_owned()));
    }
    tokens::record_all(&mut tx, &tokens, by, now).await?;
    let revoked = tokens.len();
    let detail = json!({ "agent": name, "change": "deleted", "revoked_tokens": revoked });
    record(&mut tx, &detail, by, now).await?;
    tx.commit().await?;
    Ok(revoked)
}

/// Makes sure that tokens can be issued for an agent until the transaction ends.
pub(crate) async fn usable(db: &mut PgConnection, name: &str) -> Result<(), AgentsError> {
    let disabled: Option<bool> =
        sqlx::query_scalar("select disabled_at is not null from agents where name = $1 for share")
            .bind(name)
            .fetch_optional(db)
            .await?;
    match disabled {
        None => Err(AgentsError::Unknown(name.to_owned())),
        Some(true) => Err(AgentsError::Disabled(name.to_owned())),
        Some(false) => Ok(()),
    }
}

async fn record(
    db: &mut PgConnection,
    detail: &Value,
    by: Option<&str>,
    at: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    let entry = Entry {
        by,
        ..Entry::administration("agent_modified", at, detail)
    };
    append(db, entry).await
}

fn agent(row: &PgRow) -> Result<Agent, sqlx::Error> {
    Ok(Agent {
        name: row.try_get("name")?,
        description: row.try_get("description")?,
        created_at: row.try_get("created_at")?,
        disabled_at: row.try_get("disabled_at")?,
    })
}
