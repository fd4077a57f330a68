//! Taking a spool folder: lock, identity, what an earlier process left.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;

use rustix::fs::{FlockOperation, flock};
use systemprompt_domain::ids::SpoolId;
use tokio::sync::watch;

use super::commit::{self, Committer};
use super::format::{Item, SEGMENT_HEADER, SegmentHeader, read_item};
use super::segment::{self, Active, Spare};
use super::{Closed, Position, Progress, Queue, Shared, Spool, SpoolError, SpoolOptions};

/// What ends with the last handle: the threads and the lock.
#[derive(Debug)]
pub(super) struct Life {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    _lock: File,
}

impl Drop for Life {
    fn drop(&mut self) {
        self.shared.queue().closing = true;
        self.shared.appended.notify_all();
        self.shared.short_of_room.notify_all();
        let threads = self.threads.get_mut();
        for thread in threads
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .drain(..)
        {
            let _ = thread.join();
        }
    }
}

impl Spool {
    /// Takes the folder and starts the threads. Records of earlier processes
    /// stay readable; writing goes on in a new segment.
    ///
    /// # Errors
    /// When another process holds the folder, when it cannot be written, or
    /// when a segment is not one of this spool.
    pub fn open(options: SpoolOptions) -> Result<Self, SpoolError> {
        let dir = options.dir.clone();
        let failed = |source| SpoolError::Io {
            dir: dir.clone(),
            source,
        };
        fs::create_dir_all(&dir).map_err(failed)?;
        let lock = File::create(dir.join("lock")).map_err(failed)?;
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Err(SpoolError::InUse(dir));
        }
        let id = identity(&dir).map_err(failed)?;
        let numbers = used(&dir).map_err(failed)?;
        let (closed, previous_end) = survey(&dir, id, &numbers)?;

        let number = closed.last_key_value().map_or(1, |(last, _)| last + 1);
        let active = Spare::prepare(&dir, number, options.segment)
            .and_then(|spare| spare.activate(id, previous_end))
            .map_err(failed)?;
        Ok(Self::start(options, id, lock, active, closed))
    }

    fn start(
        options: SpoolOptions,
        id: SpoolId,
        lock: File,
        active: Active,
        closed: std::collections::BTreeMap<u64, Closed>,
    ) -> Self {
        let position = Position {
            segment: active.number,
            offset: active.end,
        };
        let queue = Queue {
            room: active.room(),
            next: active.number + 1,
            prepared: options.segment,
            closed,
            ..Queue::default()
        };
        let shared = Arc::new(Shared {
            id,
            options,
            queue: Mutex::new(queue),
            appended: Condvar::new(),
            short_of_room: Condvar::new(),
            progress: watch::Sender::new(Progress {
                logical: 0,
                position,
            }),
        });
        let committer = {
            let shared = Arc::clone(&shared);
            spawn("spool-commit", move || {
                Committer::new(&shared, active).run();
            })
        };
        let preparer = {
            let shared = Arc::clone(&shared);
            spawn("spool-prepare", move || commit::prepare(&shared))
        };
        let life = Life {
            shared: Arc::clone(&shared),
            threads: Mutex::new(vec![committer, preparer]),
            _lock: lock,
        };
        Self {
            shared,
            _life: Arc::new(life),
        }
    }
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(body)
        .expect("a machine that cannot start two threads cannot run the server")
}

/// The id of a folder, made on first use.
fn identity(dir: &Path) -> io::Result<SpoolId> {
    let path = dir.join("id");
    match fs::read_to_string(&path) {
        Ok(text) => text
            .trim()
            .parse()
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "its file `id` holds no UUID")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let id = SpoolId::new();
            let new = dir.join("id.new");
            fs::write(&new, id.to_string())?;
            File::open(&new)?.sync_all()?;
            fs::rename(&new, &path)?;
            File::open(dir)?.sync_all()?;
            Ok(id)
        }
        Err(error) => Err(error),
    }
}

/// The segments that were written to; spares behind the last one are removed.
fn used(dir: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = segment::list(dir)?;
    while let Some(&last) = numbers.last() {
        let path = segment::path(dir, last);
        if !segment::is_spare(&File::open(&path)?)? {
            break;
        }
        fs::remove_file(path)?;
        numbers.pop();
    }
    Ok(numbers)
}

/// Checks the segments that are there, and finds where the last one ends.
fn survey(
    dir: &Path,
    id: SpoolId,
    numbers: &[u64],
) -> Result<(std::collections::BTreeMap<u64, Closed>, u64), SpoolError> {
    let mut closed = std::collections::BTreeMap::new();
    let mut previous_end = SEGMENT_HEADER as u64;
    for &number in numbers {
        let path = segment::path(dir, number);
        let bad = |reason: String| SpoolError::Segment {
            path: path.clone(),
            reason,
        };
        let file = File::open(&path).map_err(|e| bad(e.to_string()))?;
        let metadata = file.metadata().map_err(|e| bad(e.to_string()))?;
        let mut head = [0; SEGMENT_HEADER];
        std::os::unix::fs::FileExt::read_exact_at(&file, &mut head, 0)
            .map_err(|_| bad("it is shorter than its header".into()))?;
        let header = SegmentHeader::decode(&head).map_err(|e| bad(e.to_string()))?;
        if header.spool != id || header.number != number {
            return Err(bad("it belongs to another spool".into()));
        }
        let mut size = metadata.len();
        if Some(&number) == numbers.last() {
            let bytes = fs::read(&path).map_err(|e| bad(e.to_string()))?;
            previous_end = end_of_records(&bytes);
            size = previous_end;
            // The zeros behind the records would only take room.
            let cut = fs::OpenOptions::new().write(true).open(&path);
            cut.and_then(|f| f.set_len(size))
                .map_err(|e| bad(e.to_string()))?;
        }
        let at = metadata
            .modified()
            .unwrap_or_else(|_| std::time::SystemTime::now());
        closed.insert(number, Closed { size, at });
    }
    Ok((closed, previous_end))
}

/// The end of the last good record. Bytes after it were being written when the
/// process died and were never acknowledged.
fn end_of_records(bytes: &[u8]) -> u64 {
    let mut at = SEGMENT_HEADER.min(bytes.len());
    let mut end = at;
    while at < bytes.len() {
        let (item, length) = read_item(&bytes[at..]);
        match item {
            Item::Record(_) => end = at + length,
            Item::Damaged(_) => {}
            Item::End => break,
        }
        at += length;
    }
    end as u64
}
