//! The courier: brings what is in a spool to whoever stores it, and remembers how
//! far it came. After a crash it may bring the last events again; they have ids.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use systemprompt_domain::Event;

use crate::spool::{Position, Spool};

/// Events that are brought together.
const BATCH: usize = 500;

/// Why events were not taken. They stay in the spool, and may be taken later.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}; what was recorded stays on disk until it can be delivered")]
#[non_exhaustive]
pub struct DeliverError {
    /// What is in the way, for people.
    pub reason: String,
    /// How long whoever stores them wants to be left alone.
    pub retry_after: Option<Duration>,
}

impl DeliverError {
    /// Something is in the way.
    #[must_use]
    pub fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            retry_after: None,
        }
    }

    /// The same, not to be tried again before that time has passed.
    #[must_use]
    pub const fn retry_after(mut self, time: Option<Duration>) -> Self {
        self.retry_after = time;
        self
    }
}

/// Whoever stores events.
pub trait Deliver {
    /// Stores events, each once however often it comes. What can never be stored
    /// is told and dropped.
    fn deliver(&self, events: &[Event]) -> impl Future<Output = Result<(), DeliverError>> + Send;
}

/// Empties a spool.
#[derive(Debug)]
pub struct Courier {
    spool: Spool,
    at: Position,
    /// The file that says how far it came.
    mark: PathBuf,
}

impl Courier {
    /// Goes on where the last courier of this spool stopped. `mark` is a file
    /// beside the spool's.
    #[must_use]
    pub fn new(spool: Spool, mark: PathBuf) -> Self {
        let oldest = spool.oldest();
        // Without a mark, or with one that is no place in this spool, everything is
        // brought: what was brought before is known by its ids.
        let marked = fs::read_to_string(&mark).ok();
        let marked = marked.as_deref().and_then(parse);
        let at = marked.filter(|at| *at >= oldest && *at <= spool.durable_end());
        let at = at.unwrap_or(oldest);
        spool.committed(at);
        Self { spool, at, mark }
    }

    /// Whether there is something to bring.
    #[must_use]
    pub fn has_work(&self) -> bool {
        // The end of one segment is the beginning of the next.
        self.spool.durable_end() > self.at
    }

    /// Resolves when there is something to bring.
    pub async fn work(&self) {
        self.spool.beyond(self.at).await;
    }

    /// Brings everything that is durable; answers how many events.
    ///
    /// # Errors
    /// When they are not taken, or the spool cannot be read. What was brought
    /// before is not brought again.
    pub async fn empty(&mut self, to: &impl Deliver) -> Result<usize, DeliverError> {
        let disk = |error: io::Error| DeliverError::new(format!("the spool's disk fails: {error}"));
        let mut brought = 0;
        loop {
            let chunk = self.spool.reader(self.at).read(BATCH).map_err(disk)?;
            if chunk.next == self.at {
                return Ok(brought);
            }
            let readable = chunk.records().filter(|record| !record.damaged);
            let events: Vec<Event> = readable
                .filter_map(|record| serde_json::from_slice(record.payload).ok())
                .collect();
            if events.len() < chunk.len() {
                let lost = chunk.len() - events.len();
                tracing::error!(lost, "records in the spool are damaged");
            }
            if !events.is_empty() {
                to.deliver(&events).await?;
            }
            brought += events.len();
            self.at = chunk.next;
            self.keep().map_err(disk)?;
            self.spool.committed(self.at);
        }
    }

    fn keep(&self) -> io::Result<()> {
        let new = self.mark.with_extension("new");
        fs::write(&new, format!("{} {}\n", self.at.segment, self.at.offset))?;
        fs::rename(&new, &self.mark)
    }
}

fn parse(text: &str) -> Option<Position> {
    let (segment, offset) = text.trim().split_once(' ')?;
    Some(Position {
        segment: segment.parse().ok()?,
        offset: offset.parse().ok()?,
    })
}
