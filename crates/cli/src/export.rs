//! Answers in files: CSV, JSON, JSON Lines. A file is complete or absent, and
//! a spreadsheet that opens it runs nothing.

use std::fs::Permissions;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;
use systemprompt_reporting::{Answer, Entry};

use crate::human::column::{Column, Unit};

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

    /// Writes the answer beside the file, then puts it in its place: no reader
    /// ever sees half of it, and after a failure the old file is still there.
    ///
    /// # Errors
    /// [`ExportError::Write`] with the system's reason.
    pub fn write(&self, entry: &Entry, answer: &Answer<Value>) -> Result<(), ExportError> {
        self.try_write(entry, answer)
            .map_err(|error| ExportError::Write(self.path.clone(), error))
    }

    fn try_write(&self, entry: &Entry, answer: &Answer<Value>) -> io::Result<()> {
        let folder = self
            .path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let mut file = tempfile::Builder::new()
            .prefix(".systemprompt-export-")
            // As any new file: what the user's umask leaves of it.
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(folder.unwrap_or(Path::new(".")))?;
        let mut out = BufWriter::new(file.as_file_mut());
        match self.format {
            Format::Csv => csv(&Column::of(entry.row().as_value()), &answer.rows, &mut out)?,
            Format::Json => Envelope::new(entry, answer).write(&mut out)?,
            Format::JsonLines => json_lines(&answer.rows, &mut out)?,
        }
        out.flush()?;
        drop(out);
        file.as_file().sync_all()?;
        file.persist(&self.path)?;
        Ok(())
    }
}

fn json_lines(rows: &[Value], mut out: impl Write) -> io::Result<()> {
    for row in rows {
        serde_json::to_writer(&mut out, row)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

fn csv(columns: &[Column], rows: &[Value], out: impl Write) -> io::Result<()> {
    let mut out = csv::Writer::from_writer(out);
    out.write_record(columns.iter().map(|column| &column.key))?;
    for row in rows {
        out.write_record(
            columns
                .iter()
                .map(|column| field(column.unit, row.get(&column.key))),
        )?;
    }
    out.flush()
}

/// A value as it stands in a CSV file: as in the JSON, except that words which
/// a spreadsheet would take for a formula are marked as words.
fn field(unit: Unit, value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        // Money is text in JSON, and may be negative.
        Some(Value::String(text)) if unit.is_figure() && crate::human::cell::is_number(text) => {
            text.clone()
        }
        Some(Value::String(text)) => as_words(text),
        Some(list @ Value::Array(_)) => as_words(&list.to_string()),
        Some(other) => other.to_string(),
    }
}

/// Text that no spreadsheet runs: `=1+1` becomes `'=1+1`.
fn as_words(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '\0']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn written(columns: &[(&str, Unit)], rows: &[Value]) -> String {
        let columns: Vec<Column> = columns
            .iter()
            .map(|(key, unit)| Column {
                key: (*key).to_owned(),
                unit: *unit,
            })
            .collect();
        let mut out = Vec::new();
        csv(&columns, rows, &mut out).expect("memory takes all");
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn figures_stay_figures_and_words_stay_words() {
        let columns = [
            ("name", Unit::Text),
            ("cost", Unit::Usd),
            ("change", Unit::Ratio),
            ("n", Unit::Count),
        ];
        let rows = [
            json!({"name": "=cmd|' /C calc'!A0", "cost": "-1.5", "change": -0.25, "n": 1}),
            json!({"name": "a, \"b\"\nc", "cost": null, "change": null, "n": 2}),
            json!({"name": "-1.5", "cost": "=1", "change": 0.5, "n": 3}),
        ];
        insta::assert_snapshot!(written(&columns, &rows), @r#"
        name,cost,change,n
        '=cmd|' /C calc'!A0,-1.5,-0.25,1
        "a, ""b""
        c",,,2
        '-1.5,'=1,0.5,3
        "#);
    }

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

    proptest! {
        #[test]
        fn csv_comes_back_as_it_went(names in prop::collection::vec(any::<String>(), 1..20)) {
            let rows: Vec<Value> = names.iter().map(|name| json!({"name": name, "n": 1})).collect();
            let text = written(&[("name", Unit::Text), ("n", Unit::Count)], &rows);
            let mut reader = csv::Reader::from_reader(text.as_bytes());
            let read: Vec<String> =
                reader.records().map(|record| record.expect("a record")[0].to_owned()).collect();
            prop_assert_eq!(read.len(), names.len());
            for (read, name) in read.iter().zip(&names) {
                prop_assert!(!read.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '\0']), "{read:?}");
                prop_assert!(read == name || read.strip_prefix('\'') == Some(name.as_str()));
            }
        }
    }
}
