//! What a server holds of a budget.

use systemprompt_domain::Nanos;
use time::OffsetDateTime;

use crate::Account;

/// A server's lease on one budget: what it may still reserve in a period
/// without asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The beginning of the period it was granted for.
    pub period: OffsetDateTime,
    /// What is not reserved yet.
    pub in_hand: Nanos,
    /// What the last grant was.
    granted: Nanos,
}

impl Lease {
    /// A lease on nothing.
    #[must_use]
    pub const fn empty(period: OffsetDateTime) -> Self {
        Self {
            period,
            in_hand: Nanos::ZERO,
            granted: Nanos::ZERO,
        }
    }

    /// Adds what was granted.
    pub fn grant(&mut self, amount: Nanos) {
        self.in_hand += amount;
        self.granted = amount;
    }

    /// Sets an amount aside for a request, if there is that much.
    pub fn reserve(&mut self, amount: Nanos) -> bool {
        let enough = self.in_hand >= amount;
        if enough {
            self.in_hand = self.in_hand - amount;
        }
        enough
    }

    /// Takes back what was set aside for a request that never began.
    pub fn release(&mut self, amount: Nanos) {
        self.in_hand += amount;
    }

    /// Whether the last grant was a small part of the limit: little is free, and
    /// others may be waiting for what is not used here.
    #[must_use]
    pub fn is_scarce(&self, limit: Nanos) -> bool {
        self.granted < Account::largest_lease(limit)
    }

    /// Gives up what is not reserved.
    pub fn give_up(&mut self) -> Nanos {
        std::mem::take(&mut self.in_hand)
    }
}
