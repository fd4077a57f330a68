//! Files, read and parsed on a thread of their own, a batch at a time, while the batch
//! before is stored.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc;

use crate::failure::Failure;

/// Batches that are read ahead.
const AHEAD: usize = 2;

/// The batches of some files, as they come.
#[derive(Debug)]
pub(super) struct Batches<B> {
    receiver: mpsc::Receiver<Result<B, Failure>>,
    read: Arc<AtomicU64>,
    all: Option<u64>,
}

impl<B> Batches<B> {
    pub(super) async fn next(&mut self) -> Option<Result<B, Failure>> {
        self.receiver.recv().await
    }

    /// How much of the files was read, 0 to 1; `None` where nobody knows how long they are.
    pub(super) fn share(&self) -> Option<f64> {
        let all = self.all.filter(|all| *all > 0)?;
        Some(self.read.load(Ordering::Relaxed) as f64 / all as f64)
    }
}

/// Files that are to be read.
#[derive(Debug)]
pub(super) struct Files {
    read: Arc<AtomicU64>,
    /// Bytes of all of them; `None` with standard input.
    all: Option<u64>,
}

impl Files {
    pub(super) fn new() -> Self {
        Self {
            read: Arc::default(),
            all: Some(0),
        }
    }

    /// Opens one more; `-` is standard input.
    pub(super) fn open(&mut self, path: &Path) -> Result<Counted, Failure> {
        let (raw, size): (Box<dyn Read + Send>, _) = match path == Path::new("-") {
            true => (Box::new(io::stdin()), None),
            false => {
                let file = File::open(path).map_err(|error| fault(path, &error))?;
                let about = file.metadata().map_err(|error| fault(path, &error))?;
                (Box::new(file), Some(about.len()))
            }
        };
        self.all = self.all.zip(size).map(|(all, size)| all + size);
        Ok(Counted {
            raw,
            read: Arc::clone(&self.read),
        })
    }

    /// Begins to read them: `work` does so. What it fails with comes behind its batches.
    pub(super) fn read<B: Send + 'static>(
        self,
        work: impl FnOnce(&Sender<B>) -> Result<(), Failure> + Send + 'static,
    ) -> Batches<B> {
        let (batches, receiver) = mpsc::channel(AHEAD);
        let sender = Sender {
            batches,
            read: Arc::clone(&self.read),
        };
        std::thread::spawn(move || {
            if let Err(failure) = work(&sender) {
                let _ = sender.batches.blocking_send(Err(failure));
            }
        });
        Batches {
            receiver,
            read: self.read,
            all: self.all,
        }
    }
}

pub(super) fn fault(file: &Path, error: &io::Error) -> Failure {
    Failure::TrafficFile {
        file: file.to_owned(),
        reason: format!("cannot be read: {error}"),
    }
}

/// Where batches go.
pub(super) struct Sender<B> {
    batches: mpsc::Sender<Result<B, Failure>>,
    read: Arc<AtomicU64>,
}

/// Nobody wants any more.
pub(super) struct Unwanted;

impl<B> Sender<B> {
    /// Waits until there is room.
    pub(super) fn send(&self, batch: B) -> Result<(), Unwanted> {
        self.batches.blocking_send(Ok(batch)).map_err(|_| Unwanted)
    }

    /// Bytes that were read of the files.
    pub(super) fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }
}

/// A file; what is read of it is counted, for the progress.
pub(super) struct Counted {
    raw: Box<dyn Read + Send>,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let n = self.raw.read(into)?;
        self.read.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}
