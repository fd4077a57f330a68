//! Data that leaves the house by our own commands: each export that may name
//! people is an event of the audit trail.

use serde_json::json;
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

/// Why an export is not recorded.
#[derive(Debug, thiserror::Error)]
#[error("the audit trail cannot be written: {0}")]
pub struct ExportsError(#[from] sqlx::Error);

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
    let detail = json!({ "of": export.of, "format": export.format, "rows": export.rows });
    let entry = Entry {
        by: Some(by),
        ..Entry::new("data_access", "data_exported", now, &detail)
    };
    let mut tx = db.begin().await?;
    audit::append(&mut tx, entry).await?;
    Ok(tx.commit().await?)
}
