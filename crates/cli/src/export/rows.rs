//! Rows that are written as they come, as CSV, JSON Lines or Parquet: what is too
//! much to be held as an answer.

use std::io::{self, Write};
use std::path::Path;

use clap::ValueEnum;
use serde_json::Value;

#[cfg(feature = "parquet")]
use super::parquet;
use super::{Table, json_lines};
use crate::failure::Failure;
use crate::human::column::Column;

/// Whether this binary can write Parquet.
const PARQUET: bool = cfg!(feature = "parquet");

// How rows are written. Comments on its members would be shown by --help, at
// length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Csv,
    Jsonl,
    Parquet,
}

impl Format {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
            Self::Parquet => "parquet",
        }
    }

    /// The one that was asked for, else that of the file's name, else JSON Lines.
    ///
    /// # Errors
    /// When the file's name says nothing, and when this binary has no Parquet.
    pub(crate) fn of(asked: Option<Self>, file: Option<&Path>) -> Result<Self, Failure> {
        let found = match (asked, file) {
            (Some(asked), _) => asked,
            (None, None) => Self::Jsonl,
            (None, Some(file)) => Self::named(file)?,
        };
        if found == Self::Parquet && !PARQUET {
            return Err(Failure::Usage(
                "this systemprompt was built without Parquet: build it with `cargo build --release \
                 -p systemprompt --features parquet`, or write .csv or .jsonl"
                    .to_owned(),
            ));
        }
        Ok(found)
    }

    fn named(file: &Path) -> Result<Self, Failure> {
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("csv") => Ok(Self::Csv),
            Some("jsonl") => Ok(Self::Jsonl),
            Some("parquet") => Ok(Self::Parquet),
            _ => {
                let file = file.display();
                Err(Failure::Usage(format!(
                    "{file} does not end in .csv, .jsonl or .parquet; say which with --format"
                )))
            }
        }
    }
}

/// What rows are written to.
pub(crate) enum Sink<'a, 'b> {
    Csv(Box<Table<'a, &'b mut dyn Write>>),
    Jsonl(&'b mut dyn Write),
    #[cfg(feature = "parquet")]
    Parquet(Box<parquet::Table<'a, 'b>>),
}

impl<'a, 'b> Sink<'a, 'b> {
    pub(crate) fn begin(
        format: Format,
        columns: &'a [Column],
        out: &'b mut dyn Write,
    ) -> io::Result<Self> {
        Ok(match format {
            Format::Csv => Self::Csv(Box::new(Table::begin(columns, out)?)),
            Format::Jsonl => Self::Jsonl(out),
            #[cfg(feature = "parquet")]
            Format::Parquet => Self::Parquet(Box::new(parquet::Table::begin(columns, out)?)),
            #[cfg(not(feature = "parquet"))]
            Format::Parquet => return Err(io::ErrorKind::Unsupported.into()),
        })
    }

    pub(crate) fn rows(&mut self, rows: &[Value]) -> io::Result<()> {
        match self {
            Self::Csv(table) => table.rows(rows),
            Self::Jsonl(out) => json_lines(rows, out),
            #[cfg(feature = "parquet")]
            Self::Parquet(table) => table.rows(rows),
        }
    }

    /// Writes what comes after the last row.
    pub(crate) fn finish(self) -> io::Result<()> {
        match self {
            Self::Csv(_) | Self::Jsonl(_) => Ok(()),
            #[cfg(feature = "parquet")]
            Self::Parquet(table) => table.finish(),
        }
    }
}
