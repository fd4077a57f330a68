//! Usage of which only sums are known, as providers' exports tell it: what a key used of
//! a model in an hour or a day.
//!
//! No requests can be made of it again, so a row stays a row, in `imported_usage`, and
//! nothing of it is in lists, latencies and conversations. Totals and costs count it by the
//! hour, in equal parts that add up to it.

use std::collections::{BTreeSet, HashSet};

use serde_json::json;
use sqlx::{PgConnection, PgPool};
use systemprompt_budgets::{Rules, Subject};
use systemprompt_domain::period::Interval;
use systemprompt_domain::{Nanos, TokenClass, Usage};
use time::{Date, Duration, OffsetDateTime, UtcOffset};
use uuid::Uuid;

use crate::audit::{self, Entry};
use crate::budgets;
use crate::writer::{rollups, rows};

/// What was used by some requests of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedUsage {
    /// Made of what the export says, so that the same is stored once.
    pub id: Uuid,
    /// Whose export it is.
    pub source: &'static str,
    /// When it was used: at most a day.
    pub period: Interval,
    /// The provider's name in the configuration.
    pub provider: String,
    /// The model that answered.
    pub model: String,
    /// Who used it, as an agent.
    pub agent: Option<String>,
    /// Who used it, as a user.
    pub user: Option<String>,
    /// By how many requests; `None` where the export does not say.
    pub requests: Option<u64>,
    /// How many tokens of input one of them had, as far as it is known: what
    /// long-context prices are chosen on.
    pub prompt: u64,
    /// What they used together. Of one model, so there are no other models in it.
    pub usage: Usage,
    /// What that cost; `None` where no price is known.
    pub cost: Option<Nanos>,
    /// The price version that made the cost.
    pub price_version: Option<String>,
}

/// One of the equal parts of a period: an hour, or all of a shorter one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// When it begins.
    pub(crate) at: OffsetDateTime,
    n: i64,
    parts: i64,
}

impl Part {
    /// The parts of a period, in their order.
    pub(crate) fn all(period: Interval) -> impl Iterator<Item = Self> {
        let parts = (period.until - period.since).whole_hours().max(1);
        (0..parts).map(move |n| Self {
            at: period.since + Duration::hours(n),
            n,
            parts,
        })
    }

    /// Its part of a total: whole numbers that add up to it. The database's `part_of`
    /// says the same.
    pub(crate) fn of(self, total: i64) -> i64 {
        let up_to = |n: i64| i128::from(total) * i128::from(n) / i128::from(self.parts);
        i64::try_from(up_to(self.n + 1) - up_to(self.n)).expect("a part is no more than the whole")
    }
}

impl ImportedUsage {
    pub(crate) fn parts(&self) -> impl Iterator<Item = Part> + use<> {
        Part::all(self.period)
    }

    fn subject(&self) -> Subject<'_> {
        Subject {
            provider: &self.provider,
            requested_model: None,
            served_model: Some(&self.model),
            agent: self.agent.as_deref(),
            user: self.user.as_deref(),
        }
    }
}

/// Stores rows and counts them, in one transaction; answers the ids of those that were
/// not there yet. `by` is who brings them. Of a connection that allows statements of
/// some seconds.
///
/// # Errors
/// When the database fails; then nothing is stored.
pub async fn store(
    db: &PgPool,
    rules: &Rules,
    usage: &[ImportedUsage],
    by: &str,
    now: OffsetDateTime,
) -> Result<HashSet<Uuid>, sqlx::Error> {
    let mut tx = db.begin().await?;
    let fresh = insert(&mut tx, usage, now).await?;
    let mut left = fresh.clone();
    // What is twice among them is stored once.
    let new: Vec<&ImportedUsage> = usage.iter().filter(|row| left.remove(&row.id)).collect();
    if !new.is_empty() {
        rollups::add_imported(&mut tx, &new).await?;
        budgets::correct(&mut tx, rules, &changes(&new)).await?;
        audit(&mut tx, &new, by, now).await?;
        tx.commit().await?;
    }
    Ok(fresh)
}

/// What they add to the accounts of budgets.
fn changes<'a>(rows: &[&'a ImportedUsage]) -> Vec<budgets::Change<'a>> {
    let priced = rows.iter().filter_map(|row| Some((*row, row.cost?)));
    let parts = priced.flat_map(|(row, cost)| {
        row.parts().map(move |part| budgets::Change {
            subject: row.subject(),
            created_at: part.at,
            delta: Nanos(part.of(cost.0)),
        })
    });
    parts.filter(|change| change.delta != Nanos::ZERO).collect()
}

async fn insert(
    db: &mut PgConnection,
    usage: &[ImportedUsage],
    now: OffsetDateTime,
) -> Result<HashSet<Uuid>, sqlx::Error> {
    // In one order, so that two who bring the same wait for each other.
    let mut usage: Vec<&ImportedUsage> = usage.iter().collect();
    usage.sort_unstable_by_key(|row| row.id);
    macro_rules! column {
        ($row:ident => $value:expr) => {
            usage.iter().map(|$row| $value).collect::<Vec<_>>()
        };
    }
    let mut query = sqlx::query_scalar(include_str!("imported/insert.sql"))
        .bind(now)
        .bind(column!(row => row.id))
        .bind(column!(row => row.source))
        .bind(column!(row => row.period.since))
        .bind(column!(row => row.period.until))
        .bind(column!(row => rows::clean(&row.provider)))
        .bind(column!(row => rows::clean(&row.model)))
        .bind(column!(row => rows::text(row.agent.as_deref())))
        .bind(column!(row => rows::text(row.user.as_deref())))
        .bind(column!(row => rows::text(row.usage.service_tier.as_deref())))
        .bind(column!(row => row.prompt.cast_signed()))
        .bind(column!(row => row.requests.map(u64::cast_signed)))
        .bind(column!(row => rows::usage_extra(&row.usage, &[])))
        .bind(column!(row => row.cost.map(|cost| cost.0)))
        .bind(column!(row => row.price_version.as_deref()));
    for class in TokenClass::ALL {
        query = query.bind(column!(row => row.usage.tokens.get(class).cast_signed()));
    }
    let stored: Vec<Uuid> = query.fetch_all(db).await?;
    Ok(stored.into_iter().collect())
}

async fn audit(
    db: &mut PgConnection,
    rows: &[&ImportedUsage],
    by: &str,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    let sum = |of: fn(&ImportedUsage) -> i128| rows.iter().map(|row| of(row)).sum::<i128>();
    let nanos = sum(|row| row.cost.map_or(0, |cost| i128::from(cost.0)));
    let text = |at: Option<OffsetDateTime>| at.map(|at| at.to_offset(UtcOffset::UTC).to_string());
    let detail = json!({
        "source": rows.first().map(|row| row.source),
        "rows": rows.len(),
        "requests": sum(|row| i128::from(row.requests.unwrap_or(0))).to_string(),
        "cost_nanos": nanos.to_string(),
        "since": text(rows.iter().map(|row| row.period.since).min()),
        "until": text(rows.iter().map(|row| row.period.until).max()),
    });
    let entry = Entry {
        by: Some(by),
        ..Entry::new("data_access", "usage_imported", now, &detail)
    };
    audit::append(db, entry).await
}

/// The UTC days on which something of a provider is known already.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Covered {
    /// Requests were recorded, by whatever way they came.
    pub recorded: BTreeSet<Date>,
    /// Usage was imported.
    pub imported: BTreeSet<Date>,
}

/// Looks which days are covered.
///
/// # Errors
/// When the database fails.
pub async fn covered(db: &PgPool, provider: &str) -> Result<Covered, sqlx::Error> {
    let days: Vec<(OffsetDateTime, bool, bool)> =
        sqlx::query_as(include_str!("imported/covered.sql"))
            .bind(provider)
            .fetch_all(db)
            .await?;
    let mut covered = Covered::default();
    for (day, recorded, imported) in days {
        let day = day.to_offset(UtcOffset::UTC).date();
        if recorded {
            covered.recorded.insert(day);
        }
        if imported {
            covered.imported.insert(day);
        }
    }
    Ok(covered)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;

    fn period(minutes: i64) -> Interval {
        let since = datetime!(2026-03-04 00:00 UTC);
        Interval {
            since,
            until: since + Duration::minutes(minutes),
        }
    }

    #[test]
    fn a_day_has_its_hours_and_what_is_shorter_is_one() {
        let hours = |minutes| Part::all(period(minutes)).count();
        assert_eq!([1, 59, 60, 119, 120, 1_440].map(hours), [1, 1, 1, 1, 2, 24]);
        let last = Part::all(period(1_440)).last().expect("a part");
        assert_eq!(last.at, datetime!(2026-03-04 23:00 UTC));
    }

    proptest! {
        #[test]
        fn parts_add_up(total in 0..i64::MAX, minutes in 1..1_441_i64) {
            let parts: Vec<i64> = Part::all(period(minutes)).map(|part| part.of(total)).collect();
            prop_assert_eq!(parts.iter().sum::<i64>(), total);
            let (least, most) = (parts.iter().min().expect("one"), parts.iter().max().expect("one"));
            prop_assert!(most - least <= 1, "{} to {}", least, most);
        }
    }
}
