//! The two threads of a spool: one writes and syncs, one keeps empty segments
//! ready. A failed sync is never trusted again: its records move to a new
//! segment, whose header says where the good part of the old one ends.

use std::io;
use std::sync::PoisonError;
use std::time::{Duration, SystemTime};

use super::format::{MAX_PAYLOAD, RECORD_HEADER, SEGMENT_HEADER};
use super::segment::{Active, Spare};
use super::{Batch, Closed, Position, Progress, Shared};

/// Records that nobody waits for reach the disk after this time at the latest.
const LAZY_SYNC: Duration = Duration::from_millis(100);
/// Pause between attempts while the disk fails.
const RETRY: Duration = Duration::from_millis(250);

/// Bytes of a spare segment that can be counted on: a record that does not fit
/// any more goes to the next one.
pub(super) const fn usable(size: u64) -> u64 {
    size.saturating_sub((SEGMENT_HEADER + RECORD_HEADER + MAX_PAYLOAD) as u64)
}

/// The thread that writes.
pub(super) struct Committer<'a> {
    shared: &'a Shared,
    active: Active,
    /// Records since the last sync, kept until they are known to be on disk.
    unsynced: Batch,
    /// How many of them are in the active segment.
    written: usize,
    written_bytes: usize,
    /// End of what is durable in the active segment.
    durable_end: u64,
    /// Logical end of what is durable.
    logical: u64,
}

impl<'a> Committer<'a> {
    pub(super) const fn new(shared: &'a Shared, active: Active) -> Self {
        let durable_end = active.end;
        Self {
            shared,
            active,
            unsynced: Batch {
                bytes: Vec::new(),
                lengths: Vec::new(),
            },
            written: 0,
            written_bytes: 0,
            durable_end,
            logical: 0,
        }
    }

    /// Runs until the spool closes and everything is on disk, or the disk fails
    /// while closing.
    pub(super) fn run(mut self) {
        loop {
            let (sync, closing) = self.take();
            while let Err(error) = self.commit(sync || closing) {
                tracing::error!(%error, segment = self.active.number, "the spool cannot be written; its records go to a new segment");
                self.set_failing(true);
                if closing && self.abandon().is_err() {
                    return;
                }
                if !closing {
                    self.recover();
                }
            }
            if closing {
                return;
            }
        }
    }

    /// Waits for records and takes them over.
    fn take(&mut self) -> (bool, bool) {
        let mut queue = self.shared.queue();
        loop {
            if !queue.records.lengths.is_empty() || queue.closing || queue.sync {
                break;
            }
            if self.unsynced.lengths.is_empty() {
                queue = self
                    .shared
                    .appended
                    .wait(queue)
                    .unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let (guard, wait) = self
                .shared
                .appended
                .wait_timeout(queue, LAZY_SYNC)
                .unwrap_or_else(PoisonError::into_inner);
            queue = guard;
            if wait.timed_out() {
                return (true, queue.closing);
            }
        }
        queue.room = queue.room.saturating_sub(queue.records.bytes.len() as u64);
        let sync = std::mem::take(&mut queue.sync);
        if self.unsynced.lengths.is_empty() {
            std::mem::swap(&mut self.unsynced, &mut queue.records);
        } else {
            self.unsynced.bytes.append(&mut queue.records.bytes);
            self.unsynced.lengths.append(&mut queue.records.lengths);
        }
        (sync, queue.closing)
    }

    /// Writes what is not written yet, and syncs if asked to.
    fn commit(&mut self, sync: bool) -> io::Result<()> {
        while self.written < self.unsynced.lengths.len() {
            let room = self.active.room();
            let mut count = 0;
            let mut bytes = 0;
            for length in &self.unsynced.lengths[self.written..] {
                if (bytes + *length as usize) as u64 > room {
                    break;
                }
                bytes += *length as usize;
                count += 1;
            }
            if count == 0 {
                self.sync()?;
                self.rotate()?;
                continue;
            }
            let from = self.written_bytes;
            self.active
                .write(&self.unsynced.bytes[from..from + bytes])?;
            self.written += count;
            self.written_bytes += bytes;
        }
        if sync {
            self.sync()?;
        }
        Ok(())
    }

    /// Forces what was written to disk and tells who waits.
    fn sync(&mut self) -> io::Result<()> {
        if self.written > 0 {
            self.active.sync()?;
            self.durable_end = self.active.end;
            self.logical += self.written_bytes as u64;
            if self.written == self.unsynced.lengths.len() {
                self.unsynced.bytes.clear();
                self.unsynced.lengths.clear();
            } else {
                self.unsynced.bytes.drain(..self.written_bytes);
                self.unsynced.lengths.drain(..self.written);
            }
            self.written = 0;
            self.written_bytes = 0;
        }
        let position = Position {
            segment: self.active.number,
            offset: self.durable_end,
        };
        self.shared.progress.send_replace(Progress {
            logical: self.logical,
            position,
        });
        Ok(())
    }

    /// Goes on in a new segment; the old one ends at `durable_end`.
    fn rotate(&mut self) -> io::Result<()> {
        let options = &self.shared.options;
        let next = self.spare()?.activate(self.shared.id, self.durable_end)?;
        let old = std::mem::replace(&mut self.active, next);
        let mut queue = self.shared.queue();
        queue.closed.insert(
            old.number,
            Closed {
                size: self.durable_end,
                at: SystemTime::now(),
            },
        );
        queue.prepared = queue.prepared.saturating_sub(options.segment);
        queue.room = self.active.room() + queue.spares.len() as u64 * usable(options.segment);
        drop(queue);
        self.durable_end = self.active.end;
        self.shared.short_of_room.notify_one();
        Ok(())
    }

    /// The next segment. Mostly it is ready; if it is being prepared, that is
    /// waited for, because segments are used in the order of their numbers.
    fn spare(&self) -> io::Result<Spare> {
        let options = &self.shared.options;
        let mut queue = self.shared.queue();
        loop {
            if let Some(spare) = queue.spares.pop_front() {
                return Ok(spare);
            }
            if !queue.preparing {
                break;
            }
            let timed = self.shared.appended.wait_timeout(queue, RETRY);
            queue = timed.unwrap_or_else(PoisonError::into_inner).0;
        }
        // Nobody reserved this room, or preparing it failed: make it now.
        let number = queue.next;
        queue.preparing = true;
        drop(queue);
        let prepared = Spare::prepare(&options.dir, number, options.segment);
        let mut queue = self.shared.queue();
        queue.preparing = false;
        if prepared.is_ok() {
            queue.next += 1;
            queue.prepared += options.segment;
        }
        prepared
    }

    /// Leaves the active segment for good: what was not synced is written again.
    fn abandon(&mut self) -> io::Result<()> {
        self.written = 0;
        self.written_bytes = 0;
        self.rotate()
    }

    /// Tries until a new segment takes the records.
    fn recover(&mut self) {
        loop {
            match self.abandon() {
                Ok(()) => {
                    self.set_failing(false);
                    return;
                }
                Err(error) => {
                    tracing::error!(%error, "no new spool segment can be made; trying again");
                    std::thread::sleep(RETRY);
                    if self.shared.queue().closing {
                        return;
                    }
                }
            }
        }
    }

    fn set_failing(&self, failing: bool) {
        self.shared.queue().failing = failing;
    }
}

/// Keeps a segment's worth of room ahead of what is reserved, within the cap.
pub(super) fn prepare(shared: &Shared) {
    let options = &shared.options;
    let mut queue = shared.queue();
    loop {
        if queue.closing {
            return;
        }
        let short = queue.wants_room(options);
        queue.expire(options, SystemTime::now(), short);
        let full = queue.used() + options.segment > options.cap;
        if !short || full || queue.preparing {
            // A full spool looks again when something was stored meanwhile.
            queue = if short {
                let timed = shared.short_of_room.wait_timeout(queue, RETRY);
                timed.unwrap_or_else(PoisonError::into_inner).0
            } else {
                let woken = shared.short_of_room.wait(queue);
                woken.unwrap_or_else(PoisonError::into_inner)
            };
            continue;
        }
        let number = queue.next;
        queue.preparing = true;
        queue.prepared += options.segment;
        drop(queue);
        let prepared = Spare::prepare(&options.dir, number, options.segment);
        queue = shared.queue();
        queue.preparing = false;
        match prepared {
            Ok(spare) => {
                queue.next += 1;
                queue.spares.push_back(spare);
                queue.room += usable(options.segment);
                shared.appended.notify_all();
            }
            Err(error) => {
                queue.prepared -= options.segment;
                tracing::error!(%error, "no room can be prepared for the spool");
                shared.appended.notify_all();
                let timed = shared.short_of_room.wait_timeout(queue, RETRY);
                queue = timed.unwrap_or_else(PoisonError::into_inner).0;
            }
        }
    }
}
