//! The lines of logs, several read together.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeSet, BinaryHeap};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::read::MultiGzDecoder;
use sha2::{Digest as _, Sha256};
use systemprompt_domain::web::Hit;
use systemprompt_web::log::{self, LONGEST};
use time::{Date, OffsetDateTime, UtcOffset};
use uuid::Uuid;

use super::batches::{Batches, Counted, Files, Sender, Unwanted, fault};
use super::repeats::Repeats;
use crate::failure::Failure;

/// Lines of one batch.
const LINES: usize = 20_000;
/// What a compressed file begins with.
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// The longest target, referrer and user agent that are kept, in characters.
const TARGET: usize = 2_048;
const AGENT: usize = 512;

/// A line of a log.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) at: OffsetDateTime,
    pub(super) client: String,
    pub(super) host: Option<String>,
    pub(super) agent: String,
    pub(super) hit: Hit,
}

/// Lines that are stored together.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) hits: Vec<Line>,
    /// All lines, faulty ones among them.
    pub(super) lines: u64,
    /// File, number and reason of lines that are none of a log.
    pub(super) faulty: Vec<(Arc<str>, u64, String)>,
}

impl Batch {
    /// The days of its lines.
    pub(super) fn days(&self) -> BTreeSet<Date> {
        let days = self
            .hits
            .iter()
            .map(|line| line.at.to_offset(UtcOffset::UTC).date());
        days.collect()
    }
}

/// Begins to read logs. Every file must be there.
pub(super) fn open(paths: &[PathBuf]) -> Result<Batches<Batch>, Failure> {
    let mut files = Files::new();
    let opened = paths.iter().map(|path| {
        let file = files.open(path)?;
        Ok((path.clone(), file))
    });
    let opened = opened.collect::<Result<Vec<_>, Failure>>()?;
    Ok(files.read(|to| {
        let batch = Batch::default();
        Reading { to, batch }.all(opened)
    }))
}

struct Reading<'a> {
    to: &'a Sender<Batch>,
    batch: Batch,
}

impl Reading<'_> {
    fn send(&mut self) -> Result<(), Unwanted> {
        self.to.send(std::mem::take(&mut self.batch))
    }

    /// Reads logs together, the earliest line of all first: what several servers
    /// wrote of one visit comes as it happened.
    fn all(&mut self, files: Vec<(PathBuf, Counted)>) -> Result<(), Failure> {
        let mut logs = Vec::with_capacity(files.len());
        let mut next = BinaryHeap::with_capacity(files.len());
        for (path, file) in files {
            let log = Log::open(&path, file).map_err(|error| fault(&path, &error))?;
            logs.push((path, log));
        }
        for log in 0..logs.len() {
            next.extend(self.line(&mut logs, log)?);
        }
        while let Some(Reverse(Next { line, log })) = next.pop() {
            self.batch.hits.push(line);
            next.extend(self.line(&mut logs, log)?);
            if self.batch.hits.len() >= LINES && self.send().is_err() {
                return Ok(());
            }
        }
        let _ = self.send();
        Ok(())
    }

    /// What comes next in one of the logs.
    fn line(
        &mut self,
        logs: &mut [(PathBuf, Log)],
        log: usize,
    ) -> Result<Option<Reverse<Next>>, Failure> {
        let (path, reading) = &mut logs[log];
        let line = reading.next(&mut self.batch);
        let line = line.map_err(|error| fault(path, &error))?;
        Ok(line.map(|line| Reverse(Next { line, log })))
    }
}

/// The line that comes next in a log.
struct Next {
    line: Line,
    log: usize,
}

impl Ord for Next {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.line.at, self.log).cmp(&(other.line.at, other.log))
    }
}

impl PartialOrd for Next {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Next {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Next {}

/// A log that is being read.
struct Log {
    name: Arc<str>,
    lines: Box<dyn BufRead>,
    number: u64,
    line: Vec<u8>,
    repeats: Repeats,
}

impl Log {
    fn open(path: &Path, file: Counted) -> io::Result<Self> {
        let mut plain = BufReader::with_capacity(256 * 1024, file);
        let packed = plain.fill_buf()?.starts_with(&GZIP);
        let lines: Box<dyn BufRead> = if packed {
            Box::new(BufReader::with_capacity(
                256 * 1024,
                MultiGzDecoder::new(plain),
            ))
        } else {
            Box::new(plain)
        };
        Ok(Self {
            name: path.display().to_string().into(),
            lines,
            number: 0,
            line: Vec::new(),
            repeats: Repeats::default(),
        })
    }

    /// The next line that is one of a log; what is none is noted in the batch. `None`
    /// at the end.
    fn next(&mut self, batch: &mut Batch) -> io::Result<Option<Line>> {
        while next_line(&mut *self.lines, &mut self.line)? {
            self.number += 1;
            batch.lines += 1;
            let text = String::from_utf8_lossy(&self.line);
            let hit = match log::parse(&text) {
                Ok(hit) => hit,
                Err(error) => {
                    let faulty = (Arc::clone(&self.name), self.number, error.to_string());
                    batch.faulty.push(faulty);
                    continue;
                }
            };
            return Ok(Some(Line {
                at: hit.at,
                client: hit.client.clone().into_owned(),
                host: hit.host.as_deref().map(str::to_owned),
                agent: plain(hit.agent.as_deref().unwrap_or_default(), AGENT),
                hit: Hit {
                    id: id(&mut self.repeats, &self.line),
                    method: plain(&hit.method, 16),
                    target: plain(&hit.target, TARGET),
                    referrer: plain(hit.referrer.as_deref().unwrap_or_default(), TARGET),
                    status: hit.status,
                },
            }));
        }
        Ok(None)
    }
}

/// An id made from a line, which names its time; of lines that are alike, each has
/// another: they are different requests.
fn id(repeats: &mut Repeats, line: &[u8]) -> Uuid {
    let digest = Sha256::digest(line.trim_ascii_end());
    let mut key = [0; 16];
    key.copy_from_slice(&digest[..16]);
    let n = repeats.nth(key);
    if n > 1 {
        let again = Sha256::new()
            .chain_update(digest)
            .chain_update(n.to_be_bytes());
        key.copy_from_slice(&again.finalize()[..16]);
    }
    uuid::Builder::from_custom_bytes(key).into_uuid()
}

/// Text without control characters, cut to so many.
fn plain(text: &str, most: usize) -> String {
    // As good as every text is.
    if text.len() <= most && !text.chars().any(char::is_control) {
        return text.to_owned();
    }
    text.chars()
        .filter(|c| !c.is_control())
        .take(most)
        .collect()
}

/// Reads a line; of one that is far too long, only its beginning is kept. `false`
/// at the end.
fn next_line(lines: &mut dyn BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    let most = LONGEST as u64 + 2;
    if Read::take(&mut *lines, most).read_until(b'\n', line)? == 0 {
        return Ok(false);
    }
    while !line.ends_with(b"\n") {
        let mut rest = Vec::new();
        if Read::take(&mut *lines, most).read_until(b'\n', &mut rest)? == 0 {
            break;
        }
        if rest.ends_with(b"\n") {
            break;
        }
    }
    Ok(true)
}
