//! Audit events by quarter, hour and day.

use std::borrow::Cow;
use std::collections::BTreeMap;

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

/// Counts of events by grain, a row each, column by column. Every row keeps the lowest
/// and the highest number among the events that came with those that it counts: there
/// is no other way to find events by time. The numbers are known, and the rows written,
/// when the log is locked: `audit/advance.sql`.
#[derive(Debug, Default)]
pub(crate) struct Counts<'a> {
    pub(crate) grain: Vec<&'static str>,
    pub(crate) bucket: Vec<OffsetDateTime>,
    pub(crate) category: Vec<&'a str>,
    pub(crate) event: Vec<&'a str>,
    pub(crate) agent: Vec<Cow<'a, str>>,
    pub(crate) n: Vec<i64>,
}

impl<'a> Counts<'a> {
    pub(crate) fn of(events: impl Iterator<Item = Audited<'a>>) -> Self {
        let mut quarters: BTreeMap<Key<'a>, i64> = BTreeMap::new();
        for event in events {
            let bucket = Grain::Quarter.bucket(event.at.unix_timestamp());
            let key = (bucket, event.category, event.event, clean(event.agent));
            *quarters.entry(key).or_default() += 1;
        }
        let mut counts = Self::default();
        for grain in [Grain::Quarter, Grain::Hour, Grain::Day] {
            let mut sums: BTreeMap<Key<'a>, i64> = BTreeMap::new();
            for ((bucket, category, event, agent), n) in &quarters {
                let key = (grain.bucket(bucket.0), *category, *event, agent.clone());
                *sums.entry(key).or_default() += n;
            }
            for ((bucket, category, event, agent), n) in sums {
                counts.grain.push(grain.as_str());
                counts.bucket.push(bucket.time());
                counts.category.push(category);
                counts.event.push(event);
                counts.agent.push(agent);
                counts.n.push(n);
            }
        }
        counts
    }
}
