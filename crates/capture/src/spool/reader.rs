//! Reading a spool: durable records in order, and what is damaged between them.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use super::format::{Item, MAX_PAYLOAD, RECORD_HEADER, SEGMENT_HEADER, SegmentHeader, read_item};
use super::{Position, Spool, segment};

/// Room for the largest record: with that much at hand a record is never cut by
/// the edge of what was read.
const WHOLE: usize = RECORD_HEADER + MAX_PAYLOAD;

/// Reads a spool in order.
#[derive(Debug)]
pub struct Reader {
    spool: Spool,
    at: Position,
    file: Option<(u64, File)>,
}

/// Records that were read together.
#[derive(Debug)]
pub struct Chunk {
    bytes: Vec<u8>,
    items: Vec<(Position, Range<usize>, bool)>,
    /// Where reading goes on.
    pub next: Position,
}

/// One record, or the bytes of one that is damaged.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Where it stands.
    pub at: Position,
    /// Its payload; for a damaged one, the bytes that stand there.
    pub payload: &'a [u8],
    /// Whether the bytes are no record.
    pub damaged: bool,
}

impl Chunk {
    /// The records, in order.
    pub fn records(&self) -> impl Iterator<Item = Record<'_>> {
        self.items.iter().map(|(at, range, damaged)| Record {
            at: *at,
            payload: &self.bytes[range.clone()],
            damaged: *damaged,
        })
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Bytes of memory that the records take.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.bytes.len()
    }
}

impl Reader {
    pub(super) const fn new(spool: Spool, at: Position) -> Self {
        Self {
            spool,
            at,
            file: None,
        }
    }

    /// Where the next read starts.
    #[must_use]
    pub const fn position(&self) -> Position {
        self.at
    }

    /// Reads up to `max` durable records, all from one segment. An empty chunk
    /// means that nothing more is durable. Blocks on the disk.
    ///
    /// # Errors
    /// When a segment cannot be read.
    pub fn read(&mut self, max: usize) -> io::Result<Chunk> {
        loop {
            let durable = self.spool.durable_end();
            let limit = match self.at.segment.cmp(&durable.segment) {
                std::cmp::Ordering::Less => self.end_of_closed(self.at.segment)?,
                std::cmp::Ordering::Equal => durable.offset,
                std::cmp::Ordering::Greater => self.at.offset,
            };
            if self.at.offset < limit {
                let chunk = self.read_segment(limit, max)?;
                self.at = chunk.next;
                return Ok(chunk);
            }
            if self.at.segment >= durable.segment {
                return Ok(Chunk {
                    bytes: Vec::new(),
                    items: Vec::new(),
                    next: self.at,
                });
            }
            self.at = Position {
                segment: self.at.segment + 1,
                offset: SEGMENT_HEADER as u64,
            };
        }
    }

    /// Where a segment that is not written to any more ends: the next one says.
    fn end_of_closed(&self, number: u64) -> io::Result<u64> {
        let next = File::open(segment::path(&self.spool.shared.options.dir, number + 1))?;
        let mut head = [0; SEGMENT_HEADER];
        next.read_exact_at(&mut head, 0)?;
        Ok(SegmentHeader::decode(&head)?.previous_end)
    }

    fn read_segment(&mut self, limit: u64, max: usize) -> io::Result<Chunk> {
        let number = self.at.segment;
        let file = match self.file.take() {
            Some((open, file)) if open == number => file,
            _ => File::open(segment::path(&self.spool.shared.options.dir, number))?,
        };
        let window = (limit - self.at.offset).min(4 * WHOLE as u64);
        let mut bytes = vec![0; usize::try_from(window).expect("a window is small")];
        let got = read_up_to(&file, &mut bytes, self.at.offset)?;
        self.file = Some((number, file));
        // A file cut short by somebody ends where it ends; the rest is gone.
        let cut = got < bytes.len();
        bytes.truncate(got);
        let to_limit = cut || self.at.offset + window == limit;

        let mut items = Vec::new();
        let mut at = 0;
        while at < bytes.len() && items.len() < max {
            let rest = &bytes[at..];
            if !to_limit && rest.len() < WHOLE {
                break;
            }
            let (item, mut length) = read_item(rest);
            let place = Position {
                segment: number,
                offset: self.at.offset + at as u64,
            };
            match item {
                Item::Record(payload) => {
                    let start = at + RECORD_HEADER;
                    items.push((place, start..start + payload.len(), false));
                }
                Item::Damaged(_) | Item::End => {
                    // The good record after it may be cut by our window's edge.
                    if !to_limit && length == rest.len() {
                        length = rest.len() - WHOLE + 1;
                    }
                    items.push((place, at..at + length.min(MAX_PAYLOAD), true));
                }
            }
            at += length;
        }
        let done = to_limit && at >= bytes.len();
        let offset = if done {
            limit
        } else {
            self.at.offset + at as u64
        };
        Ok(Chunk {
            bytes,
            items,
            next: Position {
                segment: number,
                offset,
            },
        })
    }
}

fn read_up_to(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut got = 0;
    while got < buffer.len() {
        match file.read_at(&mut buffer[got..], offset + got as u64) {
            Ok(0) => break,
            Ok(n) => got += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(got)
}
