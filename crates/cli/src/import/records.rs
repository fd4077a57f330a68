//! The records of a file, read on a thread of their own, a batch at a time: CSV with
//! a header, JSON Lines, or one JSON array.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rust_decimal::Decimal;
use serde::de::{DeserializeSeed, Deserializer, SeqAccess, Visitor};
use serde_json::{Map, Value};
use systemprompt_domain::Nanos;
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, PrimitiveDateTime};
use tokio::sync::mpsc;

use crate::failure::Failure;

/// Records of one batch.
const RECORDS: usize = 5_000;
/// Batches that are read ahead.
const AHEAD: usize = 2;
/// The longest line of JSON: records may carry whole conversations.
const LONGEST: u64 = 16 << 20;

/// One record: texts from CSV, any values from JSON.
#[derive(Debug)]
pub(super) struct Record(Map<String, Value>);

impl Record {
    /// Whether there is such a member, even if it is nothing.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The first of these members that is something.
    pub(super) fn get(&self, names: &[&str]) -> Option<&Value> {
        names.iter().find_map(|name| {
            let value = self.0.get(*name)?;
            let empty = value.is_null() || value.as_str().is_some_and(str::is_empty);
            (!empty).then_some(value)
        })
    }

    pub(super) fn text(&self, names: &[&str]) -> Option<String> {
        match self.get(names)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(flag) => Some(flag.to_string()),
            _ => None,
        }
    }

    pub(super) fn count(&self, names: &[&str]) -> Option<u64> {
        count(self.get(names)?)
    }

    /// An object, or text that is one.
    pub(super) fn object(&self, names: &[&str]) -> Option<Self> {
        match self.get(names)? {
            Value::Object(members) => Some(Self(members.clone())),
            Value::String(text) => serde_json::from_str(text).ok().map(Self),
            _ => None,
        }
    }

    /// Its members that count something.
    pub(super) fn counts(&self) -> impl Iterator<Item = (&str, u64)> {
        let members = self.0.iter();
        members.filter_map(|(name, value)| Some((name.as_str(), count(value)?)))
    }

    /// Dollars.
    pub(super) fn usd(&self, names: &[&str]) -> Option<Nanos> {
        let text = self.text(names)?;
        let amount = text.parse().or_else(|_| Decimal::from_scientific(&text));
        Nanos::from_usd(amount.ok()?)
    }

    /// A moment: RFC 3339, or as databases write it; without a zone it is UTC.
    pub(super) fn moment(&self, names: &[&str]) -> Result<Option<OffsetDateTime>, String> {
        let Some(text) = self.text(names) else {
            return Ok(None);
        };
        let wrong = || format!("{:?} is no time ({})", text, names.join(", "));
        moment(&text).map(Some).ok_or_else(wrong)
    }
}

fn count(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64().or_else(|| {
            let number = number.as_f64()?;
            (number.fract() == 0.0 && (0.0..9e15).contains(&number)).then_some(number as u64)
        }),
        Value::String(text) => {
            let text = text.trim();
            text.strip_suffix(".0").unwrap_or(text).parse().ok()
        }
        _ => None,
    }
}

fn moment(text: &str) -> Option<OffsetDateTime> {
    const PLAIN: &[time::format_description::BorrowedFormatItem<'_>] = time::macros::format_description!(
        version = 2,
        "[year]-[month]-[day]T[hour]:[minute]:[second][optional [.[subsecond]]]"
    );
    let text = text.trim().replacen(' ', "T", 1);
    // PostgreSQL writes the zone as +00.
    let zoned = match text.rsplit_once(['+', '-']) {
        Some((_, zone)) if zone.len() == 2 && text.len() > 19 => format!("{text}:00"),
        _ => text.clone(),
    };
    OffsetDateTime::parse(&zoned, &Rfc3339).ok().or_else(|| {
        let plain = PrimitiveDateTime::parse(&text, PLAIN).ok()?;
        Some(plain.assume_utc())
    })
}

/// A record with its line, or its number in an array.
type Numbered = (u64, Result<Record, String>);
type Batch = Vec<Numbered>;

/// The records of a file, as they come.
#[derive(Debug)]
pub(super) struct Records {
    receiver: mpsc::Receiver<Result<Batch, Failure>>,
    read: Arc<AtomicU64>,
    /// Bytes of the file; `None` for standard input.
    all: Option<u64>,
}

impl Records {
    /// Begins to read.
    pub(super) fn open(file: &Path) -> Result<Self, Failure> {
        let fault = |error: &io::Error| Failure::TrafficFile {
            file: file.to_owned(),
            reason: format!("cannot be read: {error}"),
        };
        let stdin = file == Path::new("-");
        let (raw, all): (Box<dyn Read + Send>, _) = match stdin {
            true => (Box::new(io::stdin()), None),
            false => {
                let opened = File::open(file).map_err(|error| fault(&error))?;
                let size = opened.metadata().map_err(|error| fault(&error))?.len();
                (Box::new(opened), Some(size))
            }
        };
        let (sender, receiver) = mpsc::channel(AHEAD);
        let read = Arc::new(AtomicU64::new(0));
        let counted = Counted {
            raw,
            read: Arc::clone(&read),
        };
        let path = file.to_owned();
        std::thread::spawn(move || {
            let mut reading = Reading {
                sender,
                batch: Vec::new(),
                file: path,
            };
            reading.run(counted);
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

    /// How much of the file was read, 0 to 1.
    pub(super) fn share(&self) -> Option<f64> {
        let all = self.all.filter(|all| *all > 0)?;
        Some(self.read.load(Ordering::Relaxed) as f64 / all as f64)
    }
}

struct Reading {
    sender: mpsc::Sender<Result<Batch, Failure>>,
    batch: Batch,
    file: PathBuf,
}

/// Nobody wants any more.
struct Unwanted;

impl Reading {
    fn run(&mut self, from: Counted) {
        let mut plain = BufReader::with_capacity(256 * 1024, from);
        let read = match first_byte(&mut plain) {
            Ok(Some(b'[')) => self.array(plain),
            Ok(Some(b'{')) => self.lines(plain),
            Ok(Some(_)) => self.csv(plain),
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = read {
            // What was read before it counts.
            let _ = self.send();
            let failure = Failure::TrafficFile {
                file: self.file.clone(),
                reason: error.to_string(),
            };
            let _ = self.sender.blocking_send(Err(failure));
            return;
        }
        let _ = self.send();
    }

    fn send(&mut self) -> Result<(), Unwanted> {
        let batch = std::mem::take(&mut self.batch);
        self.sender.blocking_send(Ok(batch)).map_err(|_| Unwanted)
    }

    fn put(&mut self, one: Numbered) -> Result<(), Unwanted> {
        self.batch.push(one);
        match self.batch.len() < RECORDS {
            true => Ok(()),
            false => self.send(),
        }
    }

    fn csv(&mut self, from: impl Read) -> io::Result<()> {
        let mut csv = ::csv::ReaderBuilder::new()
            .flexible(false)
            .from_reader(from);
        let header = csv.headers().map_err(io::Error::other)?.clone();
        let mut record = ::csv::StringRecord::new();
        loop {
            let line = csv.position().line();
            let read = match csv.read_record(&mut record) {
                Ok(false) => return Ok(()),
                Ok(true) => {
                    let members = header.iter().zip(record.iter());
                    let members = members.map(|(key, text)| (key.to_owned(), text.into()));
                    Ok(Record(members.collect()))
                }
                Err(error) if error.is_io_error() => return Err(io::Error::other(error)),
                Err(error) => Err(error.to_string()),
            };
            if self.put((line, read)).is_err() {
                return Ok(());
            }
        }
    }

    fn lines(&mut self, mut from: impl BufRead) -> io::Result<()> {
        let mut line = Vec::new();
        for number in 1.. {
            line.clear();
            if Read::take(&mut from, LONGEST).read_until(b'\n', &mut line)? == 0 {
                break;
            }
            if line.len() as u64 == LONGEST && !line.ends_with(b"\n") {
                return Err(io::Error::other(format!(
                    "line {number} is longer than {} MiB; a JSON document has to be an array or one record a line",
                    LONGEST >> 20
                )));
            }
            if line.trim_ascii().is_empty() {
                continue;
            }
            let read = serde_json::from_slice(&line);
            let read = read.map(Record).map_err(|error| error.to_string());
            if self.put((number, read)).is_err() {
                break;
            }
        }
        Ok(())
    }

    /// One record at a time, however many there are.
    fn array(&mut self, from: impl Read) -> io::Result<()> {
        struct Elements<'a>(&'a mut Reading);

        impl<'de> DeserializeSeed<'de> for Elements<'_> {
            type Value = ();

            fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
                from.deserialize_seq(self)
            }
        }

        impl<'de> Visitor<'de> for Elements<'_> {
            type Value = ();

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of records")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
                let mut number = 0;
                while let Some(value) = seq.next_element::<Value>()? {
                    number += 1;
                    let read = match value {
                        Value::Object(members) => Ok(Record(members)),
                        _ => Err("it is no object".to_owned()),
                    };
                    if self.0.put((number, read)).is_err() {
                        return Err(serde::de::Error::custom("nobody wants any more"));
                    }
                }
                Ok(())
            }
        }

        let mut json = serde_json::Deserializer::from_reader(from);
        Elements(self)
            .deserialize(&mut json)
            .map_err(io::Error::other)
    }
}

/// The first byte that is no white space, and no mark of its order.
fn first_byte(from: &mut impl BufRead) -> io::Result<Option<u8>> {
    loop {
        let buffer = from.fill_buf()?;
        if buffer.is_empty() {
            return Ok(None);
        }
        let blank = |byte: &&u8| byte.is_ascii_whitespace() || matches!(byte, 0xef | 0xbb | 0xbf);
        let skipped = buffer.iter().take_while(blank).count();
        if let Some(byte) = buffer.get(skipped) {
            let byte = *byte;
            from.consume(skipped);
            return Ok(Some(byte));
        }
        from.consume(skipped);
    }
}

/// Counts what was read, for the progress.
struct Counted {
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

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn moments_are_read_as_they_are_written() {
        let at = datetime!(2026-03-04 05:06:07.5 UTC);
        for text in [
            "2026-03-04T05:06:07.5Z",
            "2026-03-04T05:06:07.500+00:00",
            "2026-03-04 05:06:07.5",
            "2026-03-04 05:06:07.500000+00",
            "2026-03-04 06:06:07.5+01",
            " 2026-03-04T07:06:07.5+02:00 ",
        ] {
            assert_eq!(moment(text), Some(at), "{text}");
        }
        for text in ["", "yesterday", "2026-13-01T00:00:00Z", "1772600767"] {
            assert_eq!(moment(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_may_be_text() {
        for (value, n) in [
            (serde_json::json!(7), Some(7)),
            (serde_json::json!(7.0), Some(7)),
            (serde_json::json!("7"), Some(7)),
            (serde_json::json!("7.0"), Some(7)),
            (serde_json::json!(-7), None),
            (serde_json::json!(7.5), None),
            (serde_json::json!("seven"), None),
        ] {
            assert_eq!(count(&value), n, "{value}");
        }
    }
}
