//! The way of requests and tool calls that others saw: as those through the gateway,
//! over the spool, from where the writer stores each once.

use std::time::{Duration, Instant};

use systemprompt_capture::{Durability, Recorder};
use systemprompt_domain::Event;

use crate::catalogue::Prices;

/// Room that is set aside at once; what needs more is put on disk in parts.
const TOGETHER: u64 = 2 << 20;
/// How long a burst may wait for another segment to be prepared.
const PATIENCE: Duration = Duration::from_millis(500);

/// Where events of others go.
#[derive(Clone, Debug)]
pub(crate) struct Sightings {
    recorder: Recorder,
    pub(crate) prices: Prices,
}

/// The spool has no room, or its disk fails. Whoever sends it all again finds stored
/// once what was stored.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Full;

impl Sightings {
    pub(crate) const fn new(recorder: Recorder, prices: Prices) -> Self {
        Self { recorder, prices }
    }

    /// Puts events on disk, none of which takes more than `room` bytes there.
    pub(crate) async fn put(&self, events: &[Event], room: u64) -> Result<(), Full> {
        let together = usize::try_from(TOGETHER / room).map_or(1, |n| n.max(1));
        for chunk in events.chunks(together) {
            self.put_chunk(chunk, room * chunk.len() as u64).await?;
        }
        Ok(())
    }

    async fn put_chunk(&self, events: &[Event], room: u64) -> Result<(), Full> {
        let begun = Instant::now();
        let admission = loop {
            if let Some(admission) = self.recorder.admit(room) {
                break admission;
            }
            if begun.elapsed() > PATIENCE {
                return Err(Full);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        let Some((last, others)) = events.split_last() else {
            return Ok(());
        };
        for event in others {
            self.recorder.record(event);
        }
        let recorded = self.recorder.record_durably(last);
        drop(admission);
        match recorded.durable().await {
            Durability::Durable => Ok(()),
            Durability::Undurable => Err(Full),
        }
    }
}
