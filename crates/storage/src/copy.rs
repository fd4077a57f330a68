//! Rows in the binary format of `COPY`: nothing has to be spelled, escaped and parsed, so
//! that they cost PostgreSQL a third less than as text, and several times less than an
//! insert of as many.

use sqlx::PgConnection;
use time::OffsetDateTime;
use time::macros::datetime;
use uuid::Uuid;

/// What the format begins with.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// What it ends with.
const TRAILER: [u8; 2] = (-1_i16).to_be_bytes();
/// Midnight of 2000-01-01, from which PostgreSQL counts.
const EPOCH: OffsetDateTime = datetime!(2000-01-01 0:00 UTC);
/// PostgreSQL's own number of the type `text`.
const TEXT: i32 = 25;

/// Rows, value after value. Each value must be of the very type of its column.
#[derive(Debug)]
pub(crate) struct Rows {
    bytes: Vec<u8>,
    /// Where the row begins that is being written, and its values so far.
    row: (usize, i16),
}

/// Where a number belongs that is not known yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place(usize);

impl Rows {
    /// With room for so many bytes.
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        let mut all = Vec::with_capacity(HEADER.len() + bytes);
        all.extend_from_slice(HEADER);
        Self {
            bytes: all,
            row: (0, 0),
        }
    }

    /// Begins a row.
    pub(crate) fn begin(&mut self) {
        self.row = (self.bytes.len(), 0);
        self.bytes.extend_from_slice(&[0; 2]);
    }

    /// The next value of the row.
    pub(crate) fn value(&mut self, value: impl Value) -> &mut Self {
        let (row, values) = &mut self.row;
        *values += 1;
        self.bytes[*row..*row + 2].copy_from_slice(&values.to_be_bytes());
        let at = self.bytes.len();
        self.bytes.extend_from_slice(&(-1_i32).to_be_bytes());
        if value.write(&mut self.bytes) {
            // PostgreSQL takes no longer value, and says so.
            let length = i32::try_from(self.bytes.len() - at - 4).unwrap_or(i32::MAX);
            self.bytes[at..at + 4].copy_from_slice(&length.to_be_bytes());
        }
        self
    }

    /// The next value of the row, a `bigint` that is set later.
    pub(crate) fn later(&mut self) -> Place {
        self.value(0_i64);
        Place(self.bytes.len() - 8)
    }

    pub(crate) fn set(&mut self, place: Place, number: i64) {
        self.bytes[place.0..place.0 + 8].copy_from_slice(&number.to_be_bytes());
    }

    /// Sends all rows; `statement` names the columns and says `from stdin (format binary)`.
    pub(crate) async fn send(
        mut self,
        db: &mut PgConnection,
        statement: &str,
    ) -> Result<(), sqlx::Error> {
        self.bytes.extend_from_slice(&TRAILER);
        let mut copy = db.copy_in_raw(statement).await?;
        copy.send(self.bytes).await?;
        copy.finish().await?;
        Ok(())
    }
}

/// What can stand in a row.
pub(crate) trait Value {
    /// Appends its bytes; `false` for null, which has none.
    fn write(self, bytes: &mut Vec<u8>) -> bool;
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl Value for $number {
            fn write(self, bytes: &mut Vec<u8>) -> bool {
                bytes.extend_from_slice(&self.to_be_bytes());
                true
            }
        }
    )*};
}

numbers!(i16, i32, i64);

impl Value for bool {
    fn write(self, bytes: &mut Vec<u8>) -> bool {
        bytes.push(u8::from(self));
        true
    }
}

impl Value for Uuid {
    fn write(self, bytes: &mut Vec<u8>) -> bool {
        bytes.extend_from_slice(self.as_bytes());
        true
    }
}

impl Value for OffsetDateTime {
    /// To the microsecond, of which a part that has begun does not count.
    fn write(self, bytes: &mut Vec<u8>) -> bool {
        let nanos = (self - EPOCH).whole_nanoseconds();
        // All years that we know fit.
        i64::try_from(nanos.div_euclid(1_000))
            .unwrap_or(i64::MAX)
            .write(bytes)
    }
}

impl Value for &str {
    /// Without a NUL, of which PostgreSQL knows none.
    fn write(self, bytes: &mut Vec<u8>) -> bool {
        self.as_bytes().write(bytes)
    }
}

impl Value for &String {
    fn write(self, bytes: &mut Vec<u8>) -> bool {
        self.as_str().write(bytes)
    }
}

impl Value for &[u8] {
    fn write(self, bytes: &mut Vec<u8>) -> bool {
        bytes.extend_from_slice(self);
        true
    }
}

/// What somebody else said, in the text that PostgreSQL knows: a replacement character
/// stands for a NUL, which it has not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text<'a>(pub(crate) &'a str);

impl Value for Text<'_> {
    fn write(self, bytes: &mut Vec<u8>) -> bool {
        for (n, part) in self.0.split('\0').enumerate() {
            if n > 0 {
                bytes.extend_from_slice("\u{fffd}".as_bytes());
            }
            bytes.extend_from_slice(part.as_bytes());
        }
        true
    }
}

/// A list of such texts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Texts<'a>(pub(crate) &'a [String]);

impl Value for Texts<'_> {
    fn write(self, bytes: &mut Vec<u8>) -> bool {
        let length = i32::try_from(self.0.len()).unwrap_or(i32::MAX);
        // Dimensions, whether there are nulls, the type; then length and first index.
        let dimensions = i32::from(length > 0);
        for number in [dimensions, 0, TEXT] {
            number.write(bytes);
        }
        if length > 0 {
            length.write(bytes);
            1_i32.write(bytes);
        }
        for text in self.0 {
            let at = bytes.len();
            0_i32.write(bytes);
            Text(text).write(bytes);
            let length = i32::try_from(bytes.len() - at - 4).unwrap_or(i32::MAX);
            bytes[at..at + 4].copy_from_slice(&length.to_be_bytes());
        }
        true
    }
}

/// A document as `jsonb`, of whose format there is one version.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Json<'a>(pub(crate) &'a str);

impl Value for Json<'_> {
    fn write(self, bytes: &mut Vec<u8>) -> bool {
        bytes.push(1);
        bytes.extend_from_slice(self.0.as_bytes());
        true
    }
}

impl<T: Value> Value for Option<T> {
    fn write(self, bytes: &mut Vec<u8>) -> bool {
        self.is_some_and(|value| value.write(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_how_many_values_it_has_and_each_how_long_it_is() {
        let mut rows = Rows::with_capacity(0);
        rows.begin();
        rows.value(None::<i16>).value("ab").value(true);
        let place = rows.later();
        rows.set(place, 7);
        assert_eq!(
            rows.bytes[HEADER.len()..],
            *b"\0\x04\xff\xff\xff\xff\0\0\0\x02ab\0\0\0\x01\x01\0\0\0\x08\0\0\0\0\0\0\0\x07"
        );
    }

    #[test]
    fn a_list_says_how_long_it_and_each_text_is() {
        let written = |texts: &[String]| {
            let mut bytes = Vec::new();
            assert!(Texts(texts).write(&mut bytes));
            bytes
        };
        assert_eq!(written(&[]), *b"\0\0\0\0\0\0\0\0\0\0\0\x19");
        assert_eq!(
            written(&["a\0".to_owned(), String::new()]),
            *b"\0\0\0\x01\0\0\0\0\0\0\0\x19\0\0\0\x02\0\0\0\x01\0\0\0\x04a\xef\xbf\xbd\0\0\0\0"
        );
    }

    #[test]
    fn a_time_loses_what_is_below_a_microsecond() {
        for (at, micros) in [
            (datetime!(2000-01-01 0:00:01.0000019 UTC), 1_000_001_i64),
            (datetime!(1999-12-31 23:59:59.9999991 UTC), -1),
        ] {
            let mut bytes = Vec::new();
            at.write(&mut bytes);
            assert_eq!(bytes, micros.to_be_bytes());
        }
    }
}
