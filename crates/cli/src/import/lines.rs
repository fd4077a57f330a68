//! The lines of logs, read and parsed on a thread of their own, a batch at a time.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeSet, BinaryHeap};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering as Memory};

use flate2::read::MultiGzDecoder;
use sha2::{Digest as _, Sha256};
use systemprompt_domain::web::Hit;
use systemprompt_web::log::{self, LONGEST};
use time::{Date, OffsetDateTime, UtcOffset};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::repeats::Repeats;
use crate::failure::Failure;

/// Lines of one batch.
const LINES: usize = 20_000;
/// Batches that are read ahead, while others are stored.
const AHEAD: usize = 4;
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

/// The batches of some logs, as they come.
#[derive(Debug)]
pub(super) struct Batches {
    receiver: mpsc::Receiver<Result<Batch, Failure>>,
    read: Arc<AtomicU64>,
    /// Bytes of all files; `None` with standard input.
    all: Option<u64>,
}

impl Batches {
    /// Begins to read. Every file must be there.
    pub(super) fn open(files: &[PathBuf]) -> Result<Self, Failure> {
        let mut all = Some(0);
        for file in files.iter().filter(|file| *file != Path::new("-")) {
            let size = std::fs::metadata(file).map_err(|error| fault(file, &error))?;
            all = all.map(|all| all + size.len());
        }
        if files.iter().any(|file| file == Path::new("-")) {
            all = None;
        }
        let (sender, receiver) = mpsc::channel(AHEAD);
        let read = Arc::new(AtomicU64::new(0));
        let files = files.to_vec();
        let counter = Arc::clone(&read);
        std::thread::spawn(move || {
            let sender_of_faults = sender.clone();
            let mut reading = Reading {
                sender,
                batch: Batch::default(),
            };
            if let Err(failure) = reading.all(&files, &counter) {
                let _ = sender_of_faults.blocking_send(Err(failure));
            }
        });
        Ok(Self {
            receiver,
            read,
            all,
        })
    }

    pub(super) async fn next(&mut self) -> Option<Result<Batch, Failure>> {
        self.receiver.recv().await
    }

    /// How much of the files was read, 0 to 1.
    pub(super) fn share(&self) -> Option<f64> {
        let all = self.all.filter(|all| *all > 0)?;
        Some(self.read.load(Memory::Relaxed) as f64 / all as f64)
    }
}

fn fault(file: &Path, error: &io::Error) -> Failure {
    Failure::TrafficFile {
        file: file.to_owned(),
        reason: format!("cannot be read: {error}"),
    }
}

struct Reading {
    sender: mpsc::Sender<Result<Batch, Failure>>,
    batch: Batch,
}

impl Reading {
    /// `false` when nobody wants any more.
    fn send(&mut self) -> bool {
        let batch = std::mem::take(&mut self.batch);
        self.sender.blocking_send(Ok(batch)).is_ok()
    }

    /// Reads logs together, the earliest line of all first: what several servers
    /// wrote of one visit comes as it happened.
    fn all(&mut self, files: &[PathBuf], read: &Arc<AtomicU64>) -> Result<(), Failure> {
        let mut logs = Vec::with_capacity(files.len());
        let mut next = BinaryHeap::with_capacity(files.len());
        for file in files {
            let mut log = Log::open(file, read).map_err(|error| fault(file, &error))?;
            let first = log.next(&mut self.batch);
            if let Some(line) = first.map_err(|error| fault(file, &error))? {
                next.push(Reverse(Next {
                    line,
                    log: logs.len(),
                }));
            }
            logs.push(log);
        }
        while let Some(Reverse(Next { line, log })) = next.pop() {
            self.batch.hits.push(line);
            let following = logs[log].next(&mut self.batch);
            if let Some(line) = following.map_err(|error| fault(&files[log], &error))? {
                next.push(Reverse(Next { line, log }));
            }
            if self.batch.hits.len() >= LINES && !self.send() {
                return Ok(());
            }
        }
        self.send();
        Ok(())
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
    fn open(path: &Path, read: &Arc<AtomicU64>) -> io::Result<Self> {
        let raw: Box<dyn Read> = if path == Path::new("-") {
            Box::new(io::stdin().lock())
        } else {
            Box::new(File::open(path)?)
        };
        let counted = Counted {
            raw,
            read: Arc::clone(read),
        };
        let mut plain = BufReader::with_capacity(256 * 1024, counted);
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

/// Counts what was read of a file, for the progress.
struct Counted {
    raw: Box<dyn Read>,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let n = self.raw.read(into)?;
        self.read.fetch_add(n as u64, Memory::Relaxed);
        Ok(n)
    }
}
