//! Answers in files: CSV, JSON, JSON Lines. A file is complete or absent, and
//! a spreadsheet that opens it runs nothing.

#[cfg(feature = "parquet")]
mod parquet;
pub(crate) mod rows;
pub(crate) mod whole;

use std::fs::Permissions;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;
pub(crate) use systemprompt_reporting::present::csv::Table;
use systemprompt_reporting::{Answer, Entry};
use tempfile::NamedTempFile;

use crate::human::column::Column;

/// Why an export was not made.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The file's name does not say what to write.
    #[error("{0} does not end in .csv, .json or .jsonl")]
    Format(PathBuf),
    /// The file cannot be written.
    #[error("cannot write {0}: {1}")]
    Write(PathBuf, io::Error),
}

/// An answer with the question it answers: what `--json` prints.
#[derive(Debug, Serialize)]
pub(crate) struct Envelope<'a> {
    question: String,
    #[serde(flatten)]
    answer: &'a Answer<Value>,
}

impl<'a> Envelope<'a> {
    pub(crate) fn new(entry: &Entry, answer: &'a Answer<Value>) -> Self {
        Self {
            question: entry.path.join(" "),
            answer,
        }
    }

    /// The envelope as indented JSON, with a line's end.
    pub(crate) fn write(&self, mut out: impl Write) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut out, self)?;
        out.write_all(b"\n")
    }
}

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Csv,
    Json,
    JsonLines,
}

/// A file that an answer goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    path: PathBuf,
    format: Format,
}

impl Export {
    /// The file at `path`, whose extension says what it holds.
    ///
    /// # Errors
    /// [`ExportError::Format`] for any other extension.
    pub fn to(path: &Path) -> Result<Self, ExportError> {
        let extension = path
            .extension()
            .and_then(|extension| extension.to_str())
            .unwrap_or_default();
        let format = match extension.to_ascii_lowercase().as_str() {
            "csv" => Format::Csv,
            "json" => Format::Json,
            "jsonl" => Format::JsonLines,
            _ => return Err(ExportError::Format(path.to_owned())),
        };
        Ok(Self {
            path: path.to_owned(),
            format,
        })
    }

    /// Where it is written.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How it is written: `csv`, `json` or `jsonl`.
    #[must_use]
    pub const fn format(&self) -> &'static str {
        match self.format {
            Format::Csv => "csv",
            Format::Json => "json",
            Format::JsonLines => "jsonl",
        }
    }

    /// Writes the answer beside the file, then puts it in its place: no reader
    /// ever sees half of it, and after a failure the old file is still there.
    ///
    /// # Errors
    /// [`ExportError::Write`] with the system's reason.
    pub fn write(&self, entry: &Entry, answer: &Answer<Value>) -> Result<(), ExportError> {
        self.draft(entry, answer)?.publish()
    }

    /// Writes the answer beside the file.
    pub(crate) fn draft(
        &self,
        entry: &Entry,
        answer: &Answer<Value>,
    ) -> Result<Draft, ExportError> {
        self.try_draft(entry, answer)
            .map_err(|error| ExportError::Write(self.path.clone(), error))
    }

    fn try_draft(&self, entry: &Entry, answer: &Answer<Value>) -> io::Result<Draft> {
        let mut draft = Draft::of(&self.path)?;
        match self.format {
            Format::Csv => {
                let columns = Column::of(entry.row().as_value());
                Table::begin(&columns, &mut draft)?.rows(&answer.rows)?;
            }
            Format::Json => Envelope::new(entry, answer).write(&mut draft)?,
            Format::JsonLines => json_lines(&answer.rows, &mut draft)?,
        }
        Ok(draft)
    }
}

/// A file in the making, beside the place where it will be.
#[derive(Debug)]
pub(crate) struct Draft {
    out: BufWriter<NamedTempFile>,
    path: PathBuf,
}

impl Draft {
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let file = tempfile::Builder::new()
            .prefix(".systemprompt-export-")
            // As any new file: what the user's umask leaves of it.
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(folder.unwrap_or(Path::new(".")))?;
        Ok(Self {
            out: BufWriter::new(file),
            path: path.to_owned(),
        })
    }

    /// Puts it in its place, whole.
    pub(crate) fn publish(self) -> Result<(), ExportError> {
        let path = self.path.clone();
        self.finish()
            .map_err(|error| ExportError::Write(path, error))
    }

    fn finish(self) -> io::Result<()> {
        let file = self
            .out
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        file.as_file().sync_all()?;
        file.persist(&self.path)?;
        Ok(())
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Rows as JSON, one a line.
pub(crate) fn json_lines(rows: &[Value], mut out: impl Write) -> io::Result<()> {
    for row in rows {
        serde_json::to_writer(&mut out, row)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_extension_names_the_three() {
        let refused = |path: &str| {
            Export::to(Path::new(path))
                .expect_err("refused")
                .to_string()
        };
        assert_eq!(
            refused("out.xlsx"),
            "out.xlsx does not end in .csv, .json or .jsonl"
        );
        assert_eq!(refused("csv"), "csv does not end in .csv, .json or .jsonl");
        assert_eq!(
            Export::to(Path::new("OUT.CSV")).expect("known").format,
            Format::Csv
        );
    }
}
