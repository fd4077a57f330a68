//! What an import has counted, on days that are its own: nobody else asks for their
//! visitors, so they are remembered here and not in the database, and where it has not
//! counted anything yet there is nothing.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{BuildHasher as _, Hash};

use foldhash::quality::RandomState;
use time::{Date, OffsetDateTime};

use super::utc_date;

/// Days that are remembered: logs are in the order of their times.
const DAYS: usize = 3;
/// The seconds of a day, within which the buckets lie that can be told empty.
const DAY: i64 = 86_400;

#[derive(Debug, Default)]
pub(in crate::web) struct Seen {
    hashes: [RandomState; 2],
    /// By day; `None` for days on which others count too, or did: their visitors are
    /// counted again in the end.
    days: BTreeMap<Date, Option<Counted>>,
}

/// What was counted on a day.
#[derive(Debug, Default)]
struct Counted {
    visitors: HashSet<u128>,
    /// Buckets with rows, by table and grain.
    filled: BTreeSet<(&'static str, i64, i64)>,
}

impl Seen {
    /// Whether it was told about a day.
    pub(super) fn knows(&self, day: Date) -> bool {
        self.days.contains_key(&day)
    }

    /// Begins with a day.
    pub(super) fn begin(&mut self, day: Date, alone: bool) {
        self.days.insert(day, alone.then(Counted::default));
        let full: Vec<Date> = self
            .days
            .iter()
            .filter(|(_, counted)| counted.is_some())
            .map(|(day, _)| *day)
            .collect();
        if full.len() > DAYS {
            // Should it come back, it is not alone any more.
            self.days.remove(&full[0]);
        }
    }

    /// Whether nobody else counts on a day.
    pub(super) fn is_alone(&self, day: Date) -> bool {
        matches!(self.days.get(&day), Some(Some(_)))
    }

    /// Whether something is to be counted that has not been on that day.
    pub(in crate::web) fn is_new(&mut self, day: Date, what: impl Hash) -> bool {
        let [one, two] = &self.hashes;
        let hash = u128::from(one.hash_one(&what)) << 64 | u128::from(two.hash_one(&what));
        match self.days.get_mut(&day) {
            Some(Some(counted)) => counted.visitors.insert(hash),
            _ => false,
        }
    }

    /// Whether a bucket, told by its seconds since 1970, is known to have no rows in a
    /// table of buckets of so many seconds.
    pub(in crate::web) fn is_empty(&self, table: &'static str, grain: i64, bucket: i64) -> bool {
        let counted = day_of(grain, bucket).and_then(|day| self.days.get(&day)?.as_ref());
        counted.is_some_and(|counted| !counted.filled.contains(&(table, grain, bucket)))
    }

    /// Notes that a bucket has rows from now on.
    pub(in crate::web) fn fill(&mut self, table: &'static str, grain: i64, bucket: i64) {
        let day = day_of(grain, bucket);
        if let Some(Some(counted)) = day.and_then(|day| self.days.get_mut(&day)) {
            counted.filled.insert((table, grain, bucket));
        }
    }
}

/// The one day that a bucket is of. A week is of several.
fn day_of(grain: i64, bucket: i64) -> Option<Date> {
    let at = OffsetDateTime::from_unix_timestamp(bucket).ok()?;
    (grain <= DAY).then(|| utc_date(at))
}
