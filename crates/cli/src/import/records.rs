//! The records of a file: CSV with a header, JSON Lines, or one JSON array.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use rust_decimal::Decimal;
use serde::de::{DeserializeSeed, Deserializer, SeqAccess, Visitor};
use serde_json::{Map, Value};
use systemprompt_domain::Nanos;
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, PrimitiveDateTime};

use super::batches::{Batches, Counted, Files, Sender, Unwanted};
use crate::failure::Failure;

/// Records of one batch, and the bytes after which it has no more: records may carry
/// whole conversations, and several batches are held at a time.
const RECORDS: usize = 5_000;
const BYTES: u64 = 8 << 20;
/// The longest line of JSON.
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
pub(super) type Records = Batches<Batch>;

/// Begins to read them.
pub(super) fn open(path: &Path) -> Result<Records, Failure> {
    let mut files = Files::new();
    let file = files.open(path)?;
    let path = path.to_owned();
    Ok(files.read(move |to| {
        let mut reading = Reading {
            to,
            batch: Vec::new(),
            begun: 0,
        };
        let read = reading.all(file);
        // What was read before an error counts.
        let _ = reading.send();
        read.map_err(|error| Failure::TrafficFile {
            file: path,
            reason: error.to_string(),
        })
    }))
}

struct Reading<'a> {
    to: &'a Sender<Batch>,
    batch: Batch,
    /// Where in the file the batch began, more or less: files are read by the buffer.
    begun: u64,
}

impl Reading<'_> {
    fn all(&mut self, file: Counted) -> io::Result<()> {
        let mut plain = BufReader::with_capacity(256 * 1024, file);
        match first_byte(&mut plain)? {
            Some(b'[') => self.array(plain),
            Some(b'{') => self.lines(plain),
            Some(_) => self.csv(plain),
            None => Ok(()),
        }
    }

    fn send(&mut self) -> Result<(), Unwanted> {
        self.begun = self.to.read();
        self.to.send(std::mem::take(&mut self.batch))
    }

    fn put(&mut self, one: Numbered) -> Result<(), Unwanted> {
        self.batch.push(one);
        match self.batch.len() < RECORDS && self.to.read() - self.begun < BYTES {
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
        struct Elements<'a, 'b>(&'a mut Reading<'b>);

        impl<'de> DeserializeSeed<'de> for Elements<'_, '_> {
            type Value = ();

            fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
                from.deserialize_seq(self)
            }
        }

        impl<'de> Visitor<'de> for Elements<'_, '_> {
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
