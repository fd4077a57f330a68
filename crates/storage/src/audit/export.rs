//! Handing out the log: each event's text, as it was hashed, a line each.

use std::io::{self, Write};

use serde_json::json;
use sqlx::{Connection as _, PgPool};
use time::OffsetDateTime;

use super::append::append;
use super::entry::Entry;
use super::{read, size};

/// Why the export ended early.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The database fails.
    #[error("the audit log: {0}")]
    Database(#[from] sqlx::Error),
    /// What reads or keeps it does.
    #[error("cannot write the export: {0}")]
    Output(#[from] io::Error),
}

/// What to hand out.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The number of the first event.
    pub from: u64,
    /// The number after the last; the end of the log if absent.
    pub until: Option<u64>,
    /// Who asks for it.
    pub by: &'a str,
    /// Now.
    pub now: OffsetDateTime,
}

/// What was handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exported {
    /// The first number that was asked for.
    pub from: u64,
    /// The number after the last.
    pub until: u64,
    /// How many events the log has of them.
    pub events: u64,
}

/// Writes the texts of events, and tells how many of how many are written. That it was
/// done is an event itself, recorded before anything leaves.
///
/// # Errors
/// When the database fails or the writer does.
pub async fn export(
    db: &PgPool,
    wanted: Wanted<'_>,
    out: &mut dyn Write,
    mut progress: impl FnMut(u64, u64),
) -> Result<Exported, ExportError> {
    let mut db = db.acquire().await?.detach();
    let Wanted {
        from,
        until,
        by,
        now,
    } = wanted;
    let end = size(&mut db).await?.cast_unsigned();
    let until = until.map_or(end, |until| until.min(end)).max(from);
    let detail = json!({ "what": "audit", "from": from, "until": until });
    let entry = Entry {
        by: Some(by),
        ..Entry::new("data_access", "data_exported", now, &detail)
    };
    let mut tx = db.begin().await?;
    append(&mut tx, entry).await?;
    tx.commit().await?;
    let mut written: io::Result<()> = Ok(());
    let mut events = 0;
    sqlx::raw_sql("set statement_timeout = 0")
        .execute(&mut db)
        .await?;
    let read = read::texts(&mut db, from, until, |_, text| {
        written = writeln!(out, "{text}");
        events += 1;
        progress(events, until - from);
        written.is_ok()
    })
    .await;
    // Rows may still be on their way.
    let _ = db.close_hard().await;
    read?;
    written?;
    Ok(Exported {
        from,
        until,
        events,
    })
}
