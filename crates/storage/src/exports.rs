//! Data that leaves the house by our own ways: each export that may name people, and
//! each file that is handed out, is an event of the audit trail.

use serde_json::{Value, json};
use sqlx::PgPool;
use time::OffsetDateTime;

use crate::audit::{self, Entry};

/// What was exported. Not where to: a file's name may say more than it should.
#[derive(Clone, Copy, Debug)]
pub struct Export<'a> {
    /// The question or command whose rows these are, as in `requests list`.
    pub of: &'a str,
    /// How it was written: `csv`, `json` or `jsonl`.
    pub format: &'a str,
    /// How many rows.
    pub rows: usize,
}

impl Export<'_> {
    /// What the trail keeps of it.
    fn detail(self) -> Value {
        json!({ "of": self.of, "format": self.format, "rows": self.rows })
    }
}

/// Why an export is not recorded.
#[derive(Debug, thiserror::Error)]
#[error("the audit trail cannot be written: {0}")]
pub struct ExportsError(#[from] pub sqlx::Error);

/// A file that somebody gets.
#[derive(Clone, Copy, Debug)]
pub struct Access<'a> {
    /// Its name, as that of a stored file below the folder of files.
    pub file: &'a str,
    /// How long it is.
    pub bytes: usize,
    /// The export that was made for this one download, where its rows may name people.
    pub export: Option<Export<'a>>,
    /// Who gets it, and by what.
    pub user: Option<&'a str>,
    /// The agent that gets it.
    pub agent: Option<&'a str>,
    /// The token that was shown.
    pub token: Option<&'a str>,
}

/// Records that a file is handed out, before it is; and that it was made, if it was
/// made for that.
///
/// # Errors
/// When the database fails; then the file should not be.
pub async fn accessed(
    db: &PgPool,
    access: Access<'_>,
    now: OffsetDateTime,
) -> Result<(), ExportsError> {
    let made = access.export.map(Export::detail);
    let made = made.as_ref().map(|detail| ("data_exported", detail));
    let got = json!({ "file": access.file, "bytes": access.bytes });
    let events = made.into_iter().chain([("file_accessed", &got)]);
    let entries: Vec<Entry<'_>> = events
        .map(|(event, detail)| Entry {
            by: access.user,
            agent: access.agent,
            token: access.token,
            ..Entry::new("data_access", event, now, detail)
        })
        .collect();
    let mut tx = db.begin().await?;
    audit::append_all(&mut tx, &entries).await?;
    Ok(tx.commit().await?)
}

/// Records an export, before anybody has it. `by` is who asked for it.
///
/// # Errors
/// When the database fails; then the export should not be.
pub async fn record(
    db: &PgPool,
    export: Export<'_>,
    by: &str,
    now: OffsetDateTime,
) -> Result<(), ExportsError> {
    let detail = export.detail();
    let entry = Entry {
        by: Some(by),
        ..Entry::new("data_access", "data_exported", now, &detail)
    };
    let mut tx = db.begin().await?;
    audit::append(&mut tx, entry).await?;
    Ok(tx.commit().await?)
}
