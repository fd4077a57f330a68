//! Recorded bodies, found by the names in their index.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// A folder of recorded bodies.
#[derive(Debug)]
pub(super) struct Recordings {
    folder: PathBuf,
    /// File → recorded HTTP status, where the index has one.
    statuses: HashMap<String, Option<u16>>,
}

/// One recorded body.
pub(super) struct Recording {
    pub(super) status: u16,
    pub(super) sse: bool,
    pub(super) body: Vec<u8>,
}

impl Recordings {
    /// Reads the index of a folder.
    pub(super) fn open(folder: PathBuf) -> io::Result<Self> {
        let path = folder.join("index.tsv");
        let index = fs::read_to_string(&path).map_err(|error| {
            io::Error::new(error.kind(), format!("{}: {error}", path.display()))
        })?;
        let mut lines = index
            .lines()
            .map(|line| line.split('\t').collect::<Vec<_>>());
        let header = lines.next().unwrap_or_default();
        let column = |name| {
            header
                .iter()
                .position(|column| *column == name)
                .ok_or_else(|| {
                    let text = format!("{}: no column {name}", path.display());
                    io::Error::new(io::ErrorKind::InvalidData, text)
                })
        };
        let (file, status) = (column("file")?, column("http_status")?);
        let statuses = lines
            .filter_map(|row| {
                let status = row.get(status).and_then(|status| status.parse().ok());
                Some(((*row.get(file)?).to_owned(), status))
            })
            .collect();
        Ok(Self { folder, statuses })
    }

    /// The body named `file` in the index; nothing else can be read.
    pub(super) fn read(&self, file: &str) -> io::Result<Recording> {
        let known = self.statuses.get(file).ok_or(io::ErrorKind::NotFound)?;
        let body = fs::read(self.folder.join(file))?;
        let sse = Path::new(file)
            .extension()
            .is_some_and(|extension| extension == "sse");
        Ok(Recording {
            status: known.unwrap_or_else(|| status_of(&body)),
            sse,
            body,
        })
    }
}

/// A few bodies were recorded without their status: an error says its own.
fn status_of(body: &[u8]) -> u16 {
    let body: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    match body.get("error").filter(|error| error.is_object()) {
        None => 200,
        Some(error) => error
            .get("code")
            .and_then(serde_json::Value::as_u64)
            .and_then(|code| u16::try_from(code).ok())
            .unwrap_or(400),
    }
}
