//! Who uses the cluster, kept in two `flock`s so that the kernel forgets a
//! holder that dies.
//!
//! Every holder has a *shared* lock on `lock`; whoever stops the cluster has it
//! *exclusively*, and thus knows that nobody uses it. `lock.turn` is taken by
//! everyone who is about to become a holder or to cease being one: it lets one
//! process at a time start the cluster, and makes "am I the last?" a question
//! with one answer.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::EmbeddedError;

const PAUSE: Duration = Duration::from_millis(5);

/// A lock file, open; closing it gives up what is held on it.
#[derive(Debug)]
pub(super) struct Lock {
    path: PathBuf,
    file: File,
}

impl Lock {
    /// Opens the lock file at `path`, holding nothing yet.
    pub(super) fn open(path: &Path) -> Result<Self, EmbeddedError> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(EmbeddedError::at(path))?;
        Ok(Self {
            path: path.to_path_buf(),
            file,
        })
    }

    /// The same lock file opened once more, for another process to lock.
    pub(super) fn reopen(&self) -> Result<File, EmbeddedError> {
        Ok(Self::open(&self.path)?.file)
    }

    /// Takes the lock shared, if nobody has it exclusively.
    pub(super) fn try_shared(&self) -> Result<bool, EmbeddedError> {
        self.attempt(FlockOperation::NonBlockingLockShared)
    }

    /// Takes the lock exclusively, if nobody else has it.
    pub(super) fn try_exclusive(&self) -> Result<bool, EmbeddedError> {
        self.attempt(FlockOperation::NonBlockingLockExclusive)
    }

    /// Takes the lock exclusively, blocking the thread.
    pub(super) fn exclusive_blocking(&self) -> Result<(), EmbeddedError> {
        self.attempt(FlockOperation::LockExclusive).map(drop)
    }

    /// Gives the lock up.
    pub(super) fn unlock(&self) {
        // Fails only on a file that is not open, and ours is.
        let _ = flock(&self.file, FlockOperation::Unlock);
    }

    fn attempt(&self, operation: FlockOperation) -> Result<bool, EmbeddedError> {
        loop {
            match flock(&self.file, operation) {
                Ok(()) => return Ok(true),
                Err(Errno::WOULDBLOCK) => return Ok(false),
                Err(Errno::INTR) => {}
                Err(error) => return Err(EmbeddedError::at(&self.path)(error.into())),
            }
        }
    }
}

/// Repeats `attempt` until it succeeds; `false` when `deadline` passes first.
pub(super) async fn until(
    deadline: Instant,
    mut attempt: impl FnMut() -> Result<bool, EmbeddedError>,
) -> Result<bool, EmbeddedError> {
    while !attempt()? {
        if Instant::now() > deadline {
            return Ok(false);
        }
        // Polling, because a blocking flock could not be cancelled.
        tokio::time::sleep(PAUSE).await;
    }
    Ok(true)
}
