//! Reading ahead: while the database stores one batch, the next is read and
//! decoded on another thread. Only a writer that is behind does so; one that
//! keeps up would get half a batch.

use std::io;

use systemprompt_capture::Position;
use systemprompt_capture::spool::{Chunk, Reader, Record};
use tokio::task::JoinHandle;

use super::batch::Batch;

/// Events that are stored together at the most. The more there are, the fewer
/// rollup rows each one touches, and the longer these rows are locked.
const EVENTS: usize = 16_000;
/// Bytes that are read for a batch; large events make small batches.
const BYTES: usize = 32 << 20;

/// A stretch of the spool.
#[derive(Debug)]
pub(super) struct Gathered {
    chunks: Vec<Chunk>,
    /// Where it starts.
    pub(super) from: Position,
    /// Where it ends.
    pub(super) next: Position,
    /// Everything in it, as events.
    pub(super) batch: Batch,
    /// Whether it holds as much as a batch may: there is probably more.
    pub(super) full: bool,
}

/// The writer's end of the spool.
#[derive(Debug)]
pub(super) struct Intake {
    /// The reader, while it is not away reading ahead.
    reader: Option<Reader>,
    ahead: Option<JoinHandle<Reading>>,
    at: Position,
}

type Reading = (Reader, io::Result<Gathered>);

impl Intake {
    pub(super) const fn new(reader: Reader) -> Self {
        let at = reader.position();
        Self {
            reader: Some(reader),
            ahead: None,
            at,
        }
    }

    /// Where the next batch starts.
    pub(super) const fn position(&self) -> Position {
        self.at
    }

    /// The next batch; `None` if nothing more is durable.
    pub(super) async fn next(&mut self) -> io::Result<Option<Gathered>> {
        let reading = match self.ahead.take() {
            Some(ahead) => ahead,
            None => read(
                self.reader
                    .take()
                    .expect("the reader is here or reading ahead"),
            ),
        };
        let (reader, gathered) = reading.await.map_err(io::Error::other)?;
        if gathered.as_ref().is_ok_and(|gathered| gathered.full) {
            self.ahead = Some(read(reader));
        } else {
            self.reader = Some(reader);
        }
        let gathered = gathered?;
        self.at = gathered.next;
        Ok((gathered.next != gathered.from).then_some(gathered))
    }
}

fn read(mut reader: Reader) -> JoinHandle<Reading> {
    tokio::task::spawn_blocking(move || {
        let gathered = Gathered::read(&mut reader);
        (reader, gathered)
    })
}

impl Gathered {
    /// Reads chunks until there is enough, or no more.
    fn read(reader: &mut Reader) -> io::Result<Self> {
        let from = reader.position();
        let (mut chunks, mut events, mut bytes, mut full) = (Vec::new(), 0, 0, false);
        let mut next = from;
        while !full {
            let chunk = reader.read(EVENTS - events)?;
            next = chunk.next;
            if chunk.is_empty() {
                break;
            }
            events += chunk.len();
            bytes += chunk.size();
            full = events >= EVENTS || bytes >= BYTES;
            chunks.push(chunk);
        }
        let batch = Batch::decode(chunks.iter().flat_map(Chunk::records));
        Ok(Self {
            chunks,
            from,
            next,
            batch,
            full,
        })
    }

    /// The records, in order.
    pub(super) fn records(&self) -> Vec<Record<'_>> {
        self.chunks.iter().flat_map(Chunk::records).collect()
    }
}
