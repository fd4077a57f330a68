//! The visitors that an import has counted, on days that are its own: nobody else
//! asks for them, so they are remembered here and not in the database.

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher as _, Hash, RandomState};

use time::Date;

/// Days that are remembered: logs are in the order of their times.
const DAYS: usize = 3;

#[derive(Debug, Default)]
pub(in crate::web) struct Seen {
    hashes: [RandomState; 2],
    /// By day; `None` for days on which others add visitors too, or did: these are
    /// counted again in the end.
    days: BTreeMap<Date, Option<HashSet<u128>>>,
}

impl Seen {
    /// Whether it was told about a day.
    pub(super) fn knows(&self, day: Date) -> bool {
        self.days.contains_key(&day)
    }

    /// Begins with a day.
    pub(super) fn begin(&mut self, day: Date, alone: bool) {
        self.days.insert(day, alone.then(HashSet::new));
        let full: Vec<Date> = self
            .days
            .iter()
            .filter(|(_, seen)| seen.is_some())
            .map(|(day, _)| *day)
            .collect();
        if full.len() > DAYS {
            // Should it come back, it is not alone any more.
            self.days.remove(&full[0]);
        }
    }

    /// Whether nobody else adds visitors to a day.
    pub(super) fn is_alone(&self, day: Date) -> bool {
        matches!(self.days.get(&day), Some(Some(_)))
    }

    /// Whether something is to be counted that has not been on that day.
    pub(in crate::web) fn is_new(&mut self, day: Date, what: impl Hash) -> bool {
        let [one, two] = &self.hashes;
        let hash = u128::from(one.hash_one(&what)) << 64 | u128::from(two.hash_one(&what));
        match self.days.get_mut(&day) {
            Some(Some(seen)) => seen.insert(hash),
            _ => false,
        }
    }
}
