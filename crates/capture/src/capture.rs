//! All of it together: a spool, what records into it, and a task that brings what is in
//! it to a server.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::courier::{Courier, DeliverError};
use crate::http_sink::HttpSink;
use crate::recorder::Recorder;
use crate::spool::{Spool, SpoolError, SpoolOptions};

/// Bytes on disk at the most.
const CAP: u64 = 1 << 30;
/// Bytes of a file of the spool; there are at least two.
const SEGMENT: u64 = 8 << 20;
/// How long events are gathered before they are brought.
const LINGER: Duration = Duration::from_millis(200);
/// The pause after the first attempt that fails; each more doubles it.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause, unless the server asks for a longer one.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// No server is believed that wants to be left alone for longer.
const LONGEST_WISH: Duration = Duration::from_secs(600);
/// How long a recorder waits for the disk, where somebody waits for it.
const DISK: Duration = Duration::from_secs(1);

/// Makes a [`Capture`].
#[derive(Clone, Debug)]
#[must_use]
pub struct CaptureBuilder {
    sink: HttpSink,
    cap: u64,
    segment: u64,
    linger: Duration,
}

impl CaptureBuilder {
    /// Bytes that the spool takes on disk at the most, 1 GiB unless this says otherwise.
    /// What is beyond is not recorded until there is room again.
    pub const fn cap(mut self, bytes: u64) -> Self {
        self.cap = bytes;
        self
    }

    /// Bytes of one file of the spool, 8 MiB unless this says otherwise. There are
    /// always at least two, and a cap below that of two records nothing.
    pub const fn segment(mut self, bytes: u64) -> Self {
        self.segment = bytes;
        self
    }

    /// How long events are gathered before they are sent together: 200 ms unless this
    /// says otherwise.
    pub const fn linger(mut self, time: Duration) -> Self {
        self.linger = time;
        self
    }

    /// Opens the spool in this folder, which is made if it is missing, and begins to
    /// bring what it holds: what an earlier run left first. A folder belongs to one
    /// process at a time.
    ///
    /// # Errors
    /// When the folder cannot be used.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start(self, folder: impl AsRef<Path>) -> Result<Capture, SpoolError> {
        let folder: PathBuf = folder.as_ref().to_owned();
        let spool = Spool::open(SpoolOptions {
            dir: folder.clone(),
            lane: "capture",
            cap: self.cap,
            segment: self.segment,
            keep: Duration::ZERO,
        })?;
        let courier = Courier::new(spool.clone(), folder.join("delivered"));
        let trouble = Arc::default();
        let (stop, stopping) = watch::channel(false);
        let run = Run {
            courier,
            sink: self.sink.clone(),
            trouble: Arc::clone(&trouble),
            linger: self.linger,
        };
        Ok(Capture {
            recorder: Recorder::new(spool.clone(), DISK),
            spool,
            sink: self.sink,
            trouble,
            stop,
            task: Some(tokio::spawn(run.until(stopping))),
        })
    }
}

/// A spool that is brought to a server as it fills.
///
/// Its [recorder](Capture::recorder) goes to the layers and clients. At the end of the
/// service, [`close`](Capture::close) brings the last events; without it, and after a
/// crash, the next start does.
#[derive(Debug)]
pub struct Capture {
    spool: Spool,
    recorder: Recorder,
    sink: HttpSink,
    trouble: Trouble,
    stop: watch::Sender<bool>,
    task: Option<JoinHandle<()>>,
}

/// What was in the way of the last attempt.
type Trouble = Arc<Mutex<Option<String>>>;

/// How it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CaptureStatus {
    /// Bytes of events on disk that the server does not have yet.
    pub backlog: u64,
    /// What layers and clients saw and could not record, since the start: the spool was
    /// full, or its disk failed.
    pub unrecorded: u64,
    /// Events that the server will never take, since the start.
    pub refused: u64,
    /// What is in the way, if the last attempt failed.
    pub trouble: Option<String>,
}

impl Capture {
    /// Brings events to the server at `base`, such as `https://analytics.example.com`,
    /// with a token that has the scope `ingest`. The client decides about TLS and
    /// proxies.
    pub fn builder(
        client: reqwest::Client,
        base: &str,
        token: impl Into<String>,
    ) -> CaptureBuilder {
        let token = Some(token.into()).filter(|token| !token.is_empty());
        CaptureBuilder {
            sink: HttpSink::new(client, base, token),
            cap: CAP,
            segment: SEGMENT,
            linger: LINGER,
        }
    }

    /// What records into the spool. Clones record into the same one.
    #[must_use]
    pub fn recorder(&self) -> Recorder {
        self.recorder.clone()
    }

    /// How it stands: something for health checks and logs.
    #[must_use]
    pub fn status(&self) -> CaptureStatus {
        CaptureStatus {
            backlog: self.spool.backlog(),
            unrecorded: self.recorder.unrecorded(),
            refused: self.sink.refused(),
            trouble: trouble(&self.trouble).clone(),
        }
    }

    /// Brings what is left, for that long at the most, and closes the spool. What the
    /// server does not take in time stays on disk for the next start, and is the
    /// backlog of the answer.
    pub async fn close(mut self, patience: Duration) -> CaptureStatus {
        self.spool.flush().await;
        self.stop.send_replace(true);
        if let Some(mut task) = self.task.take()
            && tokio::time::timeout(patience, &mut task).await.is_err()
        {
            task.abort();
            // It ends at its next pause, which gives the spool free.
            let _ = task.await;
        }
        self.status()
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

fn trouble(of: &Trouble) -> std::sync::MutexGuard<'_, Option<String>> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The task that brings events.
struct Run {
    courier: Courier,
    sink: HttpSink,
    trouble: Trouble,
    linger: Duration,
}

impl Run {
    async fn until(mut self, mut stopping: watch::Receiver<bool>) {
        let mut pause = FIRST_PAUSE;
        loop {
            let last = *stopping.borrow_and_update();
            let brought = self.courier.empty(&self.sink).await;
            let wait = match &brought {
                Ok(_) => {
                    pause = FIRST_PAUSE;
                    self.linger
                }
                Err(error) => {
                    // The server knows best when it is itself again.
                    let wished = error.retry_after;
                    let wait = wished.map_or(pause, |wish| wish.clamp(FIRST_PAUSE, LONGEST_WISH));
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    wait
                }
            };
            let works = brought.is_ok();
            self.note(brought.err());
            if last && works {
                return;
            }
            // Who stops is tried for at once, and then as before.
            let waiting = async {
                if works {
                    self.courier.work().await;
                }
                tokio::time::sleep(wait).await;
            };
            tokio::select! {
                () = waiting => {}
                _ = stopping.changed(), if !last => {}
            }
        }
    }

    /// Remembers what is in the way, and tells the log when that changes.
    fn note(&self, error: Option<DeliverError>) {
        let mut trouble = trouble(&self.trouble);
        let reason = error.map(|error| error.reason);
        if *trouble == reason {
            return;
        }
        match &reason {
            Some(reason) => tracing::warn!(reason, "events wait on disk"),
            None => tracing::info!("events are delivered again"),
        }
        *trouble = reason;
    }
}
