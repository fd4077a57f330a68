//! Rows as Parquet: for DuckDB, Spark, pandas and warehouses. Columns have types, so
//! that nobody has to guess: moments are timestamps in UTC, amounts are decimals of
//! nine places, as exact as they are stored.
//!
//! Rows are gathered column by column and leave as a row group when enough of them
//! are there, so memory does not grow with their number.

use std::io::{self, Write};
use std::mem;
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::parser::parse_message_type;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::human::column::{Column, Unit};

/// A row group is full with so many rows,
const ROWS: usize = 65_536;
/// or with so many bytes of text.
const TEXT: usize = 32 << 20;
/// What an amount may have at most, in billionths: 18 digits, as `DECIMAL(18, 9)` says.
const LARGEST: i64 = 999_999_999_999_999_999;

/// A file in the making. It has no end, and is nothing, before [`Table::finish`].
pub(crate) struct Table<'a, 'b> {
    columns: &'a [Column],
    cells: Vec<Cells>,
    rows: usize,
    /// The writer wants a place that may go to other threads, which `out` may not: what it
    /// wrote is taken from it after each row group.
    file: SerializedFileWriter<Vec<u8>>,
    out: &'b mut dyn Write,
}

impl<'a, 'b> Table<'a, 'b> {
    pub(crate) fn begin(columns: &'a [Column], out: &'b mut dyn Write) -> io::Result<Self> {
        let fields = columns.iter().map(|column| {
            let of = match kind(column.unit) {
                Kind::Text => "BYTE_ARRAY {} (STRING)",
                Kind::Time => "INT64 {} (TIMESTAMP(MICROS,true))",
                Kind::Amount => "INT64 {} (DECIMAL(18,9))",
                Kind::Whole => "INT64 {}",
                Kind::Flag => "BOOLEAN {}",
            };
            format!("OPTIONAL {};", of.replace("{}", &column.key))
        });
        let schema = format!("message rows {{ {} }}", fields.collect::<String>());
        let schema = parse_message_type(&schema).map_err(failed)?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            // Those of pages would be kept to the end of the file.
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_offset_index_disabled(true)
            .set_created_by(format!(
                "systemprompt version {}",
                env!("CARGO_PKG_VERSION")
            ))
            .build();
        let file = SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::new(properties));
        Ok(Self {
            columns,
            cells: columns
                .iter()
                .map(|column| Cells::of(column.unit))
                .collect(),
            rows: 0,
            file: file.map_err(failed)?,
            out,
        })
    }

    pub(crate) fn rows(&mut self, rows: &[Value]) -> io::Result<()> {
        for row in rows {
            for (column, cells) in self.columns.iter().zip(&mut self.cells) {
                let value = row.get(&column.key).unwrap_or(&Value::Null);
                cells.push(column.unit, value).ok_or_else(|| {
                    let key = &column.key;
                    let wrong = format!("Parquet's column {key} cannot hold {value}");
                    io::Error::new(io::ErrorKind::InvalidData, wrong)
                })?;
            }
            self.rows += 1;
            if self.rows == ROWS || self.cells.iter().map(Cells::text).sum::<usize>() >= TEXT {
                self.group()?;
            }
        }
        Ok(())
    }

    /// Writes what is left, and what makes it a file.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        if self.rows > 0 {
            self.group()?;
        }
        let rest = self.file.into_inner().map_err(failed)?;
        self.out.write_all(&rest)
    }

    /// Writes the rows gathered so far.
    fn group(&mut self) -> io::Result<()> {
        self.encode().map_err(failed)?;
        self.rows = 0;
        self.file.flush()?;
        let written = mem::take(self.file.inner_mut());
        self.out.write_all(&written)
    }

    fn encode(&mut self) -> Result<(), ParquetError> {
        let mut group = self.file.next_row_group()?;
        for cells in &mut self.cells {
            let mut column = group.next_column()?.expect("one for each of the schema's");
            cells.write(&mut column)?;
            column.close()?;
        }
        group.close()?;
        Ok(())
    }
}

fn failed(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(cause) => match cause.downcast::<io::Error>() {
            Ok(cause) => *cause,
            Err(cause) => io::Error::other(cause),
        },
        other => io::Error::other(other),
    }
}

/// What a column holds in a file.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Time,
    Amount,
    Whole,
    Flag,
}

/// Only what exports have; all that counts nothing whole is text.
const fn kind(unit: Unit) -> Kind {
    match unit {
        Unit::Time => Kind::Time,
        Unit::Usd => Kind::Amount,
        Unit::Count | Unit::Number => Kind::Whole,
        Unit::Flag => Kind::Flag,
        _ => Kind::Text,
    }
}

/// The cells of a column that are not written yet.
struct Cells {
    /// 1 for each row that has a value, 0 for each that has none.
    present: Vec<i16>,
    values: Values,
}

enum Values {
    /// All texts in one piece, and where each of them ends.
    Text(Vec<u8>, Vec<usize>),
    Numbers(Vec<i64>),
    Flags(Vec<bool>),
}

impl Cells {
    const fn of(unit: Unit) -> Self {
        let values = match kind(unit) {
            Kind::Text => Values::Text(Vec::new(), Vec::new()),
            Kind::Time | Kind::Amount | Kind::Whole => Values::Numbers(Vec::new()),
            Kind::Flag => Values::Flags(Vec::new()),
        };
        Self {
            present: Vec::new(),
            values,
        }
    }

    /// Takes one more; `None` where it is none of the column's.
    fn push(&mut self, unit: Unit, value: &Value) -> Option<()> {
        self.present.push(i16::from(!value.is_null()));
        if value.is_null() {
            return Some(());
        }
        match &mut self.values {
            Values::Text(text, ends) => {
                match value {
                    Value::String(words) => text.extend_from_slice(words.as_bytes()),
                    other => text.extend_from_slice(other.to_string().as_bytes()),
                }
                ends.push(text.len());
            }
            Values::Numbers(numbers) => numbers.push(match kind(unit) {
                Kind::Time => micros(value.as_str()?)?,
                Kind::Amount => billionths(value.as_str()?)?,
                _ => value.as_i64()?,
            }),
            Values::Flags(flags) => flags.push(value.as_bool()?),
        }
        Some(())
    }

    /// Bytes of text that wait.
    const fn text(&self) -> usize {
        match &self.values {
            Values::Text(text, _) => text.len(),
            _ => 0,
        }
    }

    /// Writes and forgets them.
    fn write(&mut self, column: &mut SerializedColumnWriter<'_>) -> Result<(), ParquetError> {
        let present = mem::take(&mut self.present);
        let present = Some(present.as_slice());
        match &mut self.values {
            Values::Text(text, ends) => {
                let text = ByteArray::from(mem::take(text));
                let mut begin = 0;
                let parts = mem::take(ends).into_iter().map(|end| {
                    let part = text.slice(begin, end - begin);
                    begin = end;
                    part
                });
                let parts: Vec<ByteArray> = parts.collect();
                let column = column.typed::<ByteArrayType>();
                column.write_batch(&parts, present, None)?;
            }
            Values::Numbers(numbers) => {
                let numbers = mem::take(numbers);
                let column = column.typed::<Int64Type>();
                column.write_batch(&numbers, present, None)?;
            }
            Values::Flags(flags) => {
                let flags = mem::take(flags);
                let column = column.typed::<BoolType>();
                column.write_batch(&flags, present, None)?;
            }
        }
        Ok(())
    }
}

/// A moment in microseconds since 1970.
fn micros(moment: &str) -> Option<i64> {
    let moment = OffsetDateTime::parse(moment, &Rfc3339).ok()?;
    i64::try_from(moment.unix_timestamp_nanos().div_euclid(1_000)).ok()
}

/// An amount in billionths; `None` where that would not be all of it.
fn billionths(amount: &str) -> Option<i64> {
    let amount: Decimal = amount.parse().ok()?;
    let billionths = amount.checked_mul(Decimal::from(1_000_000_000))?;
    let whole = billionths
        .to_i64()
        .filter(|_| billionths.fract().is_zero())?;
    (whole.unsigned_abs() <= LARGEST.unsigned_abs()).then_some(whole)
}

#[cfg(test)]
mod tests;
