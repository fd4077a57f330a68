//! Audit events by quarter, hour and day.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{Bucket, Grain};
use crate::writer::rows::clean;

/// What of an audit event is counted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Audited<'a> {
    pub(crate) at: OffsetDateTime,
    pub(crate) category: &'a str,
    pub(crate) event: &'a str,
    /// Empty if none is known.
    pub(crate) agent: &'a str,
}

/// The finest key there is, in the order in which rows are locked.
type Key<'a> = (Bucket, &'a str, &'a str, Cow<'a, str>);

/// Counts events that were appended to the audit trail with these numbers. Every
/// count keeps the lowest and the highest number among the events that came with
/// those that it counts: there is no other way to find events by time.
pub(crate) async fn add_audited<'a>(
    db: &mut PgConnection,
    numbers: &RangeInclusive<i64>,
    events: impl Iterator<Item = Audited<'a>>,
) -> Result<(), sqlx::Error> {
    let mut quarters: BTreeMap<Key<'a>, i64> = BTreeMap::new();
    for event in events {
        let bucket = Grain::Quarter.bucket(event.at.unix_timestamp());
        let key = (bucket, event.category, event.event, clean(event.agent));
        *quarters.entry(key).or_default() += 1;
    }
    if quarters.is_empty() {
        return Ok(());
    }
    let mut rows = Vec::new();
    for grain in [Grain::Quarter, Grain::Hour, Grain::Day] {
        let mut sums: BTreeMap<Key<'_>, i64> = BTreeMap::new();
        for ((bucket, category, event, agent), n) in &quarters {
            let key = (grain.bucket(bucket.0), *category, *event, agent.clone());
            *sums.entry(key).or_default() += n;
        }
        rows.extend(sums.into_iter().map(|(key, n)| (grain.as_str(), key, n)));
    }
    sqlx::query(include_str!("audit.sql"))
        .bind(rows.iter().map(|(grain, ..)| *grain).collect::<Vec<_>>())
        .bind(
            rows.iter()
                .map(|(_, key, _)| key.0.time())
                .collect::<Vec<_>>(),
        )
        .bind(rows.iter().map(|(_, key, _)| key.1).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, key, _)| key.2).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, key, _)| &key.3).collect::<Vec<_>>())
        .bind(rows.iter().map(|(.., n)| *n).collect::<Vec<_>>())
        .bind(numbers.start())
        .bind(numbers.end())
        .execute(db)
        .await?;
    Ok(())
}
