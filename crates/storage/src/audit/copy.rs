//! Events in the binary format of `COPY`, which costs PostgreSQL a third less than
//! an insert of as many. They are written before the log is locked, and numbered
//! when it is.

use systemprompt_audit::canon;
use time::OffsetDateTime;
use time::macros::datetime;
use uuid::Uuid;

/// What the format begins with.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// What it ends with.
const TRAILER: [u8; 2] = (-1_i16).to_be_bytes();
/// Midnight of 2000-01-01, from which PostgreSQL counts.
const EPOCH: OffsetDateTime = datetime!(2000-01-01 0:00 UTC);

/// Rows, each beginning with its number.
#[derive(Debug)]
pub(super) struct Rows {
    bytes: Vec<u8>,
    /// Where the numbers are.
    numbers: Vec<usize>,
}

impl Rows {
    /// Room for so many rows.
    pub(super) fn with_capacity(rows: usize) -> Self {
        let mut bytes = Vec::with_capacity(HEADER.len() + rows * 768);
        bytes.extend_from_slice(HEADER);
        Self {
            bytes,
            numbers: Vec::with_capacity(rows),
        }
    }

    /// Begins a row of so many fields, of which the first is its number.
    pub(super) fn begin(&mut self, fields: i16) {
        self.bytes.extend_from_slice(&fields.to_be_bytes());
        self.length(8);
        self.numbers.push(self.bytes.len());
        self.bytes.extend_from_slice(&[0; 8]);
    }

    pub(super) fn uuid(&mut self, id: Option<Uuid>) {
        self.field(id.as_ref().map(|id| id.as_bytes().as_slice()));
    }

    pub(super) fn time(&mut self, at: OffsetDateTime) {
        let micros = (canon::moment(at) - EPOCH).whole_microseconds();
        // All years that we know fit.
        let micros = i64::try_from(micros).unwrap_or(i64::MAX);
        self.field(Some(&micros.to_be_bytes()));
    }

    pub(super) fn text(&mut self, text: Option<&str>) {
        self.field(text.map(str::as_bytes));
    }

    pub(super) fn bytes(&mut self, bytes: Option<&[u8]>) {
        self.field(bytes);
    }

    /// `jsonb`, of which there is one version.
    pub(super) fn json(&mut self, json: Option<&str>) {
        match json {
            Some(json) => {
                self.length(json.len() + 1);
                self.bytes.push(1);
                self.bytes.extend_from_slice(json.as_bytes());
            }
            None => self.field(None),
        }
    }

    /// All rows, numbered from `first` on.
    pub(super) fn number(mut self, first: i64) -> Vec<u8> {
        for (number, at) in (first..).zip(&self.numbers) {
            self.bytes[*at..at + 8].copy_from_slice(&number.to_be_bytes());
        }
        self.bytes.extend_from_slice(&TRAILER);
        self.bytes
    }

    fn field(&mut self, value: Option<&[u8]>) {
        match value {
            Some(value) => {
                self.length(value.len());
                self.bytes.extend_from_slice(value);
            }
            None => self.bytes.extend_from_slice(&(-1_i32).to_be_bytes()),
        }
    }

    fn length(&mut self, length: usize) {
        // PostgreSQL takes no longer value, and says so.
        let length = i32::try_from(length).unwrap_or(i32::MAX);
        self.bytes.extend_from_slice(&length.to_be_bytes());
    }
}
