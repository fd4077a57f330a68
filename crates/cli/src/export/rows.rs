//! Rows that are written as they come, as CSV or JSON Lines: what is too much to
//! be held as an answer.

use std::io::{self, Write};
use std::path::Path;

use clap::ValueEnum;
use serde_json::Value;

use super::{Table, json_lines};
use crate::failure::Failure;
use crate::human::column::Column;

// How rows are written. Comments on its members would be shown by --help, at
// length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Csv,
    Jsonl,
}

impl Format {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
        }
    }

    /// The one that was asked for, else that of the file's name, else JSON Lines.
    ///
    /// # Errors
    /// When the file's name says nothing.
    pub(crate) fn of(asked: Option<Self>, file: Option<&Path>) -> Result<Self, Failure> {
        let Some(file) = file else {
            return Ok(asked.unwrap_or(Self::Jsonl));
        };
        let extension = file.extension().and_then(|extension| extension.to_str());
        let named = match extension {
            Some("csv") => Some(Self::Csv),
            Some("jsonl") => Some(Self::Jsonl),
            _ => None,
        };
        asked.or(named).ok_or_else(|| {
            let file = file.display();
            Failure::Usage(format!(
                "{file} does not end in .csv or .jsonl; say which with --format"
            ))
        })
    }
}

/// What rows are written to.
pub(crate) enum Sink<'a, 'b> {
    Csv(Box<Table<'a, &'b mut dyn Write>>),
    Jsonl(&'b mut dyn Write),
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
        })
    }

    pub(crate) fn rows(&mut self, rows: &[Value]) -> io::Result<()> {
        match self {
            Self::Csv(table) => table.rows(rows),
            Self::Jsonl(out) => json_lines(rows, out),
        }
    }
}
