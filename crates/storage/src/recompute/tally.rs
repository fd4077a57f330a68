//! What a run came to, by model.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use systemprompt_domain::Nanos;
use time::Date;

/// What a run came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Days of the period that have requests.
    pub days: usize,
    /// What became of the requests, by model.
    pub models: Models,
    /// Days that were left as they were, because their detail is incomplete.
    pub left: Vec<Left>,
}

/// A day that was left as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    /// The day (UTC).
    pub day: Date,
    /// Requests whose detail is stored.
    pub stored: i64,
    /// Requests that were counted.
    pub counted: i64,
}

/// Tallies by provider and model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Models(pub BTreeMap<(String, String), Tally>);

/// What became of a set of requests with usage. Of imported usage, all requests of a row
/// are one kind; where nobody says how many they were, they count as one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many there are.
    pub requests: u64,
    /// Of these, those that have another cost.
    pub changed: u64,
    /// Of these, those that had no price before.
    pub newly_priced: u64,
    /// Those that have no price, before and after.
    pub unpriced: u64,
    /// Those that had a price but find none now: they keep their cost.
    pub kept: u64,
    /// What they cost before.
    pub old: Nanos,
    /// What they cost now.
    pub new: Nanos,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.requests += other.requests;
        self.changed += other.changed;
        self.newly_priced += other.newly_priced;
        self.unpriced += other.unpriced;
        self.kept += other.kept;
        self.old += other.old;
        self.new += other.new;
    }
}

impl Tally {
    /// Counts so many requests that were priced again alike.
    pub(super) fn note(&mut self, requests: u64, old: Option<i64>, priced: Option<i64>) {
        // A price that is not known any more is no reason to forget what was paid.
        let new = priced.or(old);
        self.requests += requests;
        self.old += Nanos(old.unwrap_or(0));
        self.new += Nanos(new.unwrap_or(0));
        let count = |is: bool| if is { requests } else { 0 };
        self.unpriced += count(new.is_none());
        self.kept += count(priced.is_none() && old.is_some());
        self.changed += count(new != old);
        self.newly_priced += count(new != old && old.is_none());
    }
}

impl Models {
    /// Everything together.
    #[must_use]
    pub fn total(&self) -> Tally {
        let mut total = Tally::default();
        for tally in self.0.values() {
            total += *tally;
        }
        total
    }

    pub(super) fn of(&mut self, provider: &str, model: &str) -> &mut Tally {
        let name = (provider.to_owned(), model.to_owned());
        self.0.entry(name).or_default()
    }

    pub(super) fn add(&mut self, other: Self) {
        for (name, tally) in other.0 {
            *self.0.entry(name).or_default() += tally;
        }
    }
}
