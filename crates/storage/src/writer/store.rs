//! The transaction that stores a batch.

use std::collections::HashSet;

use sqlx::{Connection, PgConnection, PgPool};
use systemprompt_capture::{Position, Spool};
use systemprompt_domain::event::RequestFinished;
use time::OffsetDateTime;

use super::batch::Batch;
use super::cursor::{Moved, advance};
use super::depth::{Depth, Extent};
use super::{WriterError, audit, conversations, rollups, rows, seen};
use crate::budgets::Settlement;
use crate::partitions::Partitions;

/// What is remembered from batch to batch, to spare the database questions.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) partitions: Partitions,
    pub(super) settlement: Settlement,
}

/// What became of a batch.
#[derive(Debug)]
pub(super) enum Stored {
    /// It is in the database.
    Yes {
        /// Events that were there already.
        duplicates: u64,
    },
    /// The data itself is refused (SQLSTATE classes 22 and 23): trying again
    /// cannot help.
    Refused(String),
}

/// Stores a batch and moves the cursor, in one transaction.
///
/// # Errors
/// When the database fails for a reason that may pass, or when another process
/// stores the same spool.
pub(super) async fn store(
    pool: &PgPool,
    memory: &mut Memory,
    spool: &Spool,
    batch: &Batch,
    span: (Position, Position),
    now: OffsetDateTime,
    extent: Extent,
) -> Result<Stored, WriterError> {
    let mut db = pool.acquire().await?;
    match attempt(&mut db, memory, spool, batch, span, now, extent).await {
        Ok(duplicates) => Ok(Stored::Yes { duplicates }),
        Err(WriterError::Database(error)) if is_refusal(&error) => {
            Ok(Stored::Refused(error.to_string()))
        }
        Err(error) => {
            // Whatever state the connection is in, nobody should get it again.
            let _ = db.detach().close_hard().await;
            Err(error)
        }
    }
}

fn is_refusal(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|e| e.code());
    code.is_some_and(|code| code.starts_with("22") || code.starts_with("23"))
}

async fn attempt(
    db: &mut PgConnection,
    memory: &mut Memory,
    spool: &Spool,
    batch: &Batch,
    span: (Position, Position),
    now: OffsetDateTime,
    extent: Extent,
) -> Result<u64, WriterError> {
    let Extent { depth, sampling } = extent;
    let days = batch
        .finished
        .iter()
        .map(|f| f.context.created_at.to_offset(time::UtcOffset::UTC).date());
    memory
        .partitions
        .ensure(db, days.collect::<HashSet<_>>(), now)
        .await?;

    let mut tx = db.begin().await?;
    if depth >= Depth::Cursor
        && let Moved::Already = advance(&mut tx, spool, span, now).await?
    {
        return Ok(0);
    }
    // Sampling thins the detail; everything below counts what came.
    let (kept, thinned): (Vec<_>, Vec<_>) = batch
        .finished
        .iter()
        .partition(|f| sampling.keeps(f.context.trace_id));
    let mut stored = HashSet::new();
    stored.extend(rows::insert(&mut tx, &kept).await?);
    stored.extend(seen::note(&mut tx, &thinned).await?);
    // An end that came twice in this batch was stored once.
    let finished: Vec<&RequestFinished> = batch
        .finished
        .iter()
        .filter(|f| stored.remove(&f.context.id.0))
        .collect();
    if depth >= Depth::Cursor {
        open(&mut tx, spool, batch).await?;
    }
    rollups::add(&mut tx, &finished, depth).await?;
    if depth >= Depth::Links {
        conversations::add(&mut tx, &finished).await?;
        conversations::trace(&mut tx, &finished).await?;
    }
    if depth >= Depth::Everything {
        audit::append(&mut tx, &batch.started, &finished).await?;
    }
    bury(&mut tx, spool, batch, now).await?;
    if depth >= Depth::Everything {
        // Last: every server waits for these rows.
        let settlement = &mut memory.settlement;
        let settled = settlement
            .settle(&mut tx, spool.id(), &finished, now)
            .await?;
        tx.commit().await?;
        settlement.committed(settled);
    } else {
        tx.commit().await?;
    }
    Ok((batch.finished.len() - finished.len()) as u64)
}

/// Keeps the requests that are under way.
async fn open(db: &mut PgConnection, spool: &Spool, batch: &Batch) -> Result<(), sqlx::Error> {
    let open = batch.still_open();
    if !open.is_empty() {
        sqlx::query(
            "insert into open_requests (id, created_at, spool_id, boot_id, trace_id, context) \
             select id, created_at, $3, boot_id, trace_id, context \
             from unnest($1::uuid[], $2::timestamptz[], $4::uuid[], $5::uuid[], $6::jsonb[]) \
                 as o (id, created_at, boot_id, trace_id, context) \
             on conflict (id) do nothing",
        )
        .bind(open.iter().map(|s| s.context.id.0).collect::<Vec<_>>())
        .bind(
            open.iter()
                .map(|s| s.context.created_at)
                .collect::<Vec<_>>(),
        )
        .bind(spool.id().0)
        .bind(open.iter().map(|s| s.boot.0).collect::<Vec<_>>())
        .bind(
            open.iter()
                .map(|s| s.context.trace_id.0)
                .collect::<Vec<_>>(),
        )
        .bind(
            open.iter()
                .map(|s| sqlx::types::Json(&s.context))
                .collect::<Vec<_>>(),
        )
        .execute(&mut *db)
        .await?;
    }
    let ended = batch.no_longer_open();
    if !ended.is_empty() {
        sqlx::query("delete from open_requests where id = any($1)")
            .bind(&ended)
            .execute(db)
            .await?;
    }
    Ok(())
}

/// Keeps the records that are no events.
async fn bury(
    db: &mut PgConnection,
    spool: &Spool,
    batch: &Batch,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    for letter in &batch.dead_letters {
        sqlx::query(
            "insert into dead_letters (created_at, spool_id, lane, segment, position, reason, payload) \
             values ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(now)
        .bind(spool.id().0)
        .bind(spool.lane())
        .bind(letter.at.segment.cast_signed())
        .bind(letter.at.offset.cast_signed())
        .bind(rows::text(Some(&letter.reason)))
        .bind(&letter.payload)
        .execute(&mut *db)
        .await?;
    }
    Ok(())
}
