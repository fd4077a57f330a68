//! The account of a budget in one period, and what may be leased from it.

use systemprompt_domain::Nanos;

/// What a budget has spent and lent in one period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// The cost of the requests that ended.
    pub spent: Nanos,
    /// What servers hold: reserved for requests under way, and not yet used.
    pub leased: Nanos,
}

/// The answer to a server that needs more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// This much is lent, at least what was needed.
    Grant(Nanos),
    /// The request would fit if others' reservations came to nothing: they may,
    /// within seconds.
    Busy,
    /// The request does not fit into what is left of the period.
    Exhausted,
}

/// A lease is this part of what is free, so that several servers find some.
const OF_THE_FREE: i64 = 8;
/// And at most this part of the limit, so that what idle servers hold is little.
const OF_THE_LIMIT: i64 = 50;

impl Account {
    /// What may be lent to a server that needs `need` at once. While there is
    /// plenty, it gets more, and need not ask again for long; the less is left,
    /// the smaller the lease, down to the very request.
    #[must_use]
    pub fn decide(self, limit: Nanos, need: Nanos) -> Decision {
        let left = limit.0.saturating_sub(self.spent.0);
        let free = left.saturating_sub(self.leased.0);
        if need.0 > left {
            Decision::Exhausted
        } else if need.0 > free {
            Decision::Busy
        } else {
            let lease = (free / OF_THE_FREE).min(Self::largest_lease(limit).0);
            Decision::Grant(Nanos(lease.max(need.0)))
        }
    }

    /// What is lent while the budget is lifted: the limit does not count.
    #[must_use]
    pub fn decide_lifted(limit: Nanos, need: Nanos) -> Nanos {
        Self::largest_lease(limit).max(need)
    }

    /// What is lent to a server that needs less, while there is plenty.
    #[must_use]
    pub const fn largest_lease(limit: Nanos) -> Nanos {
        Nanos(limit.0 / OF_THE_LIMIT)
    }
}
