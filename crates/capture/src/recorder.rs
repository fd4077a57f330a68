//! The recorder: turns events into spool records. Recording never waits for
//! the disk; whoever needs the event to be on disk awaits it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use systemprompt_domain::Event;

use crate::spool::{Admission, Spool, Ticket};

/// How often room is asked for, every ten milliseconds.
#[cfg(feature = "reqwest")]
const SOON: usize = 10;

/// Whether an event is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// It survives the loss of power.
    Durable,
    /// The disk failed or took too long. The event is still in memory and will
    /// be written as soon as the disk allows.
    Undurable,
}

/// Writes events to a spool. Clones write to the same one.
#[derive(Clone, Debug)]
pub struct Recorder {
    spool: Spool,
    patience: Duration,
    unrecorded: Arc<AtomicU64>,
}

/// An event that was handed to the recorder.
#[derive(Debug)]
#[must_use = "await `durable` before acknowledging, or drop it on purpose"]
pub struct Recorded {
    spool: Spool,
    ticket: Ticket,
    patience: Duration,
}

impl Recorder {
    /// Records into `spool`; [`Recorded::durable`] waits for `patience` at most.
    #[must_use]
    pub fn new(spool: Spool, patience: Duration) -> Self {
        Self {
            spool,
            patience,
            unrecorded: Arc::default(),
        }
    }

    /// Makes sure that everything a request will record has room on disk.
    /// `None` means that the spool is full or the disk fails: refuse the work
    /// before it costs money.
    #[must_use]
    pub fn admit(&self, bytes: u64) -> Option<Admission> {
        self.spool.admit(bytes)
    }

    /// Records an event that nobody waits for.
    pub fn record(&self, event: &Event) {
        self.spool.append(&encode(event), false);
    }

    /// Records an event if there is room for `bytes`, which it does not exceed. Else it
    /// is not recorded and counted as such: what is observed goes on.
    #[cfg(feature = "tower")]
    pub(crate) fn observe(&self, event: &Event, bytes: u64) {
        match self.admit(bytes) {
            Some(_room) => self.record(event),
            None => self.count_unrecorded(),
        }
    }

    /// Room for `bytes`, awaited for a moment: many at once may need another segment,
    /// which is being prepared.
    #[cfg(feature = "reqwest")]
    pub(crate) async fn admit_soon(&self, bytes: u64) -> Option<Admission> {
        for _ in 0..SOON {
            if let Some(admission) = self.admit(bytes) {
                return Some(admission);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.count_unrecorded();
        None
    }

    #[cfg(any(feature = "tower", feature = "reqwest"))]
    pub(crate) fn count_unrecorded(&self) {
        if self.unrecorded.fetch_add(1, Ordering::Relaxed) == 0 {
            tracing::warn!("the spool is full or its disk fails: events are not recorded");
        }
    }

    /// What layers and clients saw and could not record, because the spool was full or
    /// its disk failed.
    #[must_use]
    pub fn unrecorded(&self) -> u64 {
        self.unrecorded.load(Ordering::Relaxed)
    }

    /// Records an event and forces it to disk; await the answer's
    /// [`Recorded::durable`].
    pub fn record_durably(&self, event: &Event) -> Recorded {
        let ticket = self.spool.append(&encode(event), true);
        Recorded {
            spool: self.spool.clone(),
            ticket,
            patience: self.patience,
        }
    }
}

impl Recorded {
    /// Resolves when the event is on disk, or when patience runs out.
    pub async fn durable(self) -> Durability {
        match tokio::time::timeout(self.patience, self.spool.durable(self.ticket)).await {
            Ok(true) => Durability::Durable,
            Ok(false) | Err(_) => Durability::Undurable,
        }
    }
}

fn encode(event: &Event) -> Vec<u8> {
    serde_json::to_vec(event).expect("events hold only what JSON can say")
}
