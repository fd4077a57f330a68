//! What the clients saw: the other side of the comparison.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use uuid::Uuid;

use super::shapes::Asked;

/// One answer of which at least the head arrived.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) id: Uuid,
    pub(super) asked: Asked,
    /// When its head arrived.
    pub(super) head: Instant,
    /// Whether it was read to its very end; with that it is acknowledged.
    pub(super) whole: bool,
}

/// What all clients of a run saw.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger(Arc<Mutex<Entries>>);

#[derive(Debug, Default)]
pub(super) struct Entries {
    pub(super) seen: Vec<Seen>,
    /// Requests that broke off before the head.
    pub(super) unanswered: u64,
    /// Requests that went wrong although nothing should have.
    pub(super) failures: Vec<String>,
}

impl Entries {
    pub(super) fn append(&mut self, mut more: Self) {
        self.seen.append(&mut more.seen);
        self.failures.append(&mut more.failures);
        self.unanswered += more.unanswered;
    }
}

impl Ledger {
    pub(super) fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything so far; the ledger is empty afterwards.
    pub(super) fn take(&self) -> Entries {
        std::mem::take(&mut *self.entries())
    }
}
