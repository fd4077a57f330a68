//! The spool: an append-only journal on local disk.
//!
//! Appending never waits: records go to memory and a thread of its own writes
//! them, with one sync for everybody who is waiting. Reading gives only what is
//! durable. A folder belongs to one process at a time.

mod commit;
mod format;
mod open;
mod reader;
mod segment;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use systemprompt_domain::ids::SpoolId;
use tokio::sync::watch;

pub use format::MAX_PAYLOAD;
pub use reader::{Chunk, Reader, Record};

/// A place in a spool: where the next record starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Position {
    /// The segment's number.
    pub segment: u64,
    /// Bytes from the start of the segment.
    pub offset: u64,
}

/// How a spool is kept.
#[derive(Clone, Debug)]
pub struct SpoolOptions {
    /// The folder; made if it is missing.
    pub dir: PathBuf,
    /// What the spool is for: `gateway` or `public`.
    pub lane: &'static str,
    /// Bytes on disk at the most; beyond that nothing is admitted.
    pub cap: u64,
    /// Bytes of a segment.
    pub segment: u64,
    /// How long segments stay after everything in them was stored, within the
    /// cap, so that a restored backup of the database can be caught up.
    pub keep: Duration,
}

/// Why a spool cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The file system said no.
    #[error("cannot use the spool folder {}: {source}", dir.display())]
    Io {
        /// The spool's folder.
        dir: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
    /// Another process holds the folder.
    #[error("the spool folder {} is in use by another server; give each server a --storage of its own", .0.display())]
    InUse(PathBuf),
    /// A segment cannot be read.
    #[error("the spool segment {} cannot be read ({reason}); move it away and start again to go on without its events", path.display())]
    Segment {
        /// The segment's file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// A handle on a spool; clones share it.
#[derive(Clone, Debug)]
pub struct Spool {
    shared: Arc<Shared>,
    /// Keeps the lock and stops the threads with the last handle.
    _life: Arc<open::Life>,
}

/// Stands for a record that was appended.
#[derive(Clone, Copy, Debug)]
pub struct Ticket(u64);

/// Room on disk that is set aside for one piece of work; given back on drop.
#[derive(Debug)]
pub struct Admission {
    shared: Arc<Shared>,
    bytes: u64,
}

#[derive(Debug)]
struct Shared {
    id: SpoolId,
    options: SpoolOptions,
    queue: Mutex<Queue>,
    /// Wakes the commit thread.
    appended: Condvar,
    /// Wakes the thread that prepares segments.
    short_of_room: Condvar,
    progress: watch::Sender<Progress>,
}

/// What is under way, guarded by one short-held lock.
#[derive(Debug, Default)]
struct Queue {
    /// Records that the commit thread has not taken yet.
    records: Batch,
    /// Logical end of everything appended: bytes since the start of the process.
    end: u64,
    /// Whether somebody waits for a sync.
    sync: bool,
    closing: bool,
    /// Bytes that admitted work may still write.
    reserved: u64,
    /// Bytes that prepared segments can still take.
    room: u64,
    /// Prepared segments, in the order of their numbers.
    spares: VecDeque<segment::Spare>,
    /// The number of the segment that is prepared next.
    next: u64,
    /// A segment is being prepared at the moment.
    preparing: bool,
    /// Segments that are not written to any more.
    closed: BTreeMap<u64, Closed>,
    /// Bytes of the active and the spare segments.
    prepared: u64,
    /// Everything before this is stored.
    committed: Option<Position>,
    /// The last thing the disk did was fail.
    failing: bool,
}

#[derive(Clone, Copy, Debug)]
struct Closed {
    size: u64,
    at: SystemTime,
}

/// Whole records, end to end.
#[derive(Debug, Default)]
struct Batch {
    bytes: Vec<u8>,
    lengths: Vec<u32>,
}

/// What is durable.
#[derive(Clone, Copy, Debug)]
struct Progress {
    logical: u64,
    position: Position,
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Nothing panics while the lock is held; if it did, the numbers would
        // still be whole.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Spool {
    /// The spool's own id, kept in its folder.
    #[must_use]
    pub fn id(&self) -> SpoolId {
        self.shared.id
    }

    /// What the spool is for.
    #[must_use]
    pub fn lane(&self) -> &'static str {
        self.shared.options.lane
    }

    /// Appends a record; with `sync` the commit thread forces it to disk at
    /// once. A payload over [`MAX_PAYLOAD`] is cut to nothing and counted as a
    /// bug, because callers bound what they record.
    pub fn append(&self, payload: &[u8], sync: bool) -> Ticket {
        debug_assert!(
            payload.len() <= MAX_PAYLOAD,
            "events are bounded where they are made"
        );
        let mut queue = self.shared.queue();
        if payload.len() <= MAX_PAYLOAD {
            let before = queue.records.bytes.len();
            format::write_record(&mut queue.records.bytes, payload);
            let length = queue.records.bytes.len() - before;
            queue
                .records
                .lengths
                .push(u32::try_from(length).expect("below MAX_PAYLOAD"));
            queue.end += length as u64;
        } else {
            tracing::error!(
                bytes = payload.len(),
                "an event too large for the spool was dropped"
            );
        }
        queue.sync |= sync;
        let ticket = Ticket(queue.end);
        drop(queue);
        self.shared.appended.notify_one();
        ticket
    }

    /// Resolves to `true` when the record is durable; `false` if the spool
    /// closes before.
    pub async fn durable(&self, ticket: Ticket) -> bool {
        let mut progress = self.shared.progress.subscribe();
        progress.wait_for(|p| p.logical >= ticket.0).await.is_ok()
    }

    /// Forces everything appended so far to disk.
    pub async fn flush(&self) -> bool {
        let ticket = {
            let mut queue = self.shared.queue();
            queue.sync = true;
            Ticket(queue.end)
        };
        self.shared.appended.notify_one();
        self.durable(ticket).await
    }

    /// Sets room aside. `None`: the spool is full or its disk fails.
    #[must_use]
    pub fn admit(&self, bytes: u64) -> Option<Admission> {
        let mut queue = self.shared.queue();
        let taken = queue.reserved + queue.records.bytes.len() as u64;
        let fits = !queue.failing && taken + bytes <= queue.room;
        if fits {
            queue.reserved += bytes;
        }
        let short = queue.wants_room(&self.shared.options);
        drop(queue);
        if short {
            self.shared.short_of_room.notify_one();
        }
        fits.then(|| Admission {
            shared: Arc::clone(&self.shared),
            bytes,
        })
    }

    /// Whether work is admitted at the moment.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        let queue = self.shared.queue();
        !queue.failing && queue.room > queue.reserved
    }

    /// The place up to which everything is durable.
    #[must_use]
    pub fn durable_end(&self) -> Position {
        self.shared.progress.borrow().position
    }

    /// Resolves when something became durable beyond `position`.
    pub async fn beyond(&self, position: Position) {
        let mut progress = self.shared.progress.subscribe();
        // An error means that the spool closes; the caller is about to learn.
        let _ = progress.wait_for(|p| p.position > position).await;
    }

    /// The first place that can still be read.
    #[must_use]
    pub fn oldest(&self) -> Position {
        let queue = self.shared.queue();
        let segment = queue.closed.keys().next().copied();
        drop(queue);
        let segment = segment.unwrap_or_else(|| self.durable_end().segment);
        Position {
            segment,
            offset: format::SEGMENT_HEADER as u64,
        }
    }

    /// Bytes on disk that are not stored yet.
    #[must_use]
    pub fn backlog(&self) -> u64 {
        let end = self.durable_end();
        let queue = self.shared.queue();
        let Some(from) = queue.committed else {
            return 0;
        };
        if from.segment == end.segment {
            return end.offset.saturating_sub(from.offset);
        }
        let closed: u64 = queue
            .closed
            .range(from.segment..)
            .map(|(_, c)| c.size)
            .sum();
        (closed + end.offset).saturating_sub(from.offset)
    }

    /// Reads on from a place.
    #[must_use]
    pub fn reader(&self, from: Position) -> Reader {
        Reader::new(self.clone(), from)
    }

    /// Everything before `position` is stored: its segments may go when their
    /// time has come.
    pub fn committed(&self, position: Position) {
        let mut queue = self.shared.queue();
        queue.committed = Some(position);
        queue.expire(&self.shared.options, SystemTime::now(), false);
    }
}

impl Queue {
    /// Whether another segment should be prepared.
    const fn wants_room(&self, options: &SpoolOptions) -> bool {
        self.room < self.reserved + options.segment
    }

    fn used(&self) -> u64 {
        self.prepared + self.closed.values().map(|c| c.size).sum::<u64>()
    }

    /// Removes segments that are stored: those past their time, and with
    /// `short` as many as it takes to make room for one more.
    fn expire(&mut self, options: &SpoolOptions, now: SystemTime, short: bool) {
        let Some(committed) = self.committed else {
            return;
        };
        while let Some((&number, closed)) = self.closed.first_key_value() {
            let old = now
                .duration_since(closed.at)
                .is_ok_and(|age| age >= options.keep);
            let needed = short && self.used() + options.segment > options.cap;
            if number >= committed.segment || !(old || needed) {
                return;
            }
            if let Err(error) = std::fs::remove_file(segment::path(&options.dir, number)) {
                tracing::warn!(%error, number, "cannot remove a stored spool segment");
                return;
            }
            self.closed.remove(&number);
        }
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.shared.queue().reserved -= self.bytes;
    }
}
