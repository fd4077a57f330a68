//! The transaction that stores a batch.

use std::collections::HashSet;
use std::time::Duration;

use sqlx::{Connection, PgConnection, PgPool};
use systemprompt_capture::{Position, Spool};
use systemprompt_domain::event::RequestFinished;
use time::{Date, OffsetDateTime, UtcOffset};

use super::batch::Batch;
use super::cursor::{Moved, advance};
use super::depth::{Depth, Extent};
use super::rows::Columns;
use super::witnesses::{self, Sifted};
use super::{WriterError, audit, conversations, rollups, rows, seen};
use crate::audit::synced;
use crate::budgets::Settlement;
use crate::partitions::Partitions;
use crate::tools;
use crate::web::{self, Bounds, JudgeInForce};

/// What is remembered from batch to batch, to spare the database questions.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) partitions: Partitions,
    pub(super) settlement: Settlement,
    /// What web traffic is judged by.
    pub(super) judge: JudgeInForce,
    /// Which of its pages and sources are told apart.
    pub(super) bounds: Bounds,
}

/// A batch that takes longer is given up and tried again.
const PATIENCE: Duration = Duration::from_secs(30);

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
    let attempt = attempt(&mut db, memory, spool, batch, span, now, extent);
    let attempt = tokio::time::timeout(PATIENCE, attempt).await;
    // Given up in its middle, which the connection must not live on from either.
    match attempt.unwrap_or(Err(WriterError::Database(sqlx::Error::PoolTimedOut))) {
        Ok(duplicates) => Ok(Stored::Yes { duplicates }),
        Err(WriterError::Database(error)) if is_refusal(&error) => {
            Ok(Stored::Refused(error.to_string()))
        }
        Err(error) => {
            // What retention dropped is made again.
            memory.partitions = Partitions::default();
            // Whatever state the connection is in, nobody should get it again.
            let _ = db.detach().close_hard().await;
            Err(error)
        }
    }
}

/// A missing partition is none: it is reported like a check that fails, but
/// names no check.
fn is_refusal(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| {
        let code = error.code().unwrap_or_default();
        let lacks_partition = code == "23514" && error.constraint().is_none();
        // A number that is taken is the log's fault, not that of the events.
        let of_log = error
            .table()
            .is_some_and(|table| table.starts_with("audit_"));
        (code.starts_with("22") || code.starts_with("23")) && !lacks_partition && !of_log
    })
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
    let finished = batch.finished.iter().chain(&batch.reported);
    let moments = finished.map(|f| f.context.created_at);
    let moments = moments.chain(batch.tools.iter().map(|call| call.created_at));
    let days = moments.map(utc_date);
    memory
        .partitions
        .ensure(db, days.collect::<HashSet<_>>(), now)
        .await?;
    let days = batch.visits.iter().map(|visit| utc_date(visit.at));
    let days = days.collect::<HashSet<_>>();
    memory.partitions.ensure_web(db, days).await?;

    let mut tx = db.begin().await?;
    if depth >= Depth::Cursor
        && let Moved::Already =
            advance(&mut tx, spool, span, stored_to(spool, batch, span), now).await?
    {
        drop(tx);
        // What was committed then may not be on disk yet.
        synced(db).await?;
        return Ok(0);
    }
    let Sifted { requests, calls } = witnesses::sift(&mut tx, batch, now).await?;
    // Sampling thins the detail; everything below counts what came.
    let (kept, thinned): (Vec<_>, Vec<_>) = requests
        .iter()
        .copied()
        .partition(|f| sampling.keeps(f.context.trace_id));
    let mut stored = HashSet::new();
    stored.extend(Columns::of(&kept).store(&mut tx).await?);
    stored.extend(seen::note(&mut tx, &thinned).await?);
    // An end that came twice in this batch was stored once.
    let finished: Vec<&RequestFinished> = requests
        .into_iter()
        .filter(|f| stored.remove(&f.context.id.0))
        .collect();
    if depth >= Depth::Cursor {
        open(&mut tx, spool, batch).await?;
    }
    rollups::add(&mut tx, &finished, depth).await?;
    let listed: Vec<_> = batch.listed.iter().collect();
    let told = tools::add(&mut tx, calls, &listed, sampling).await?;
    let requests = finished
        .iter()
        .map(|f| (f.context.trace_id, f.context.created_at));
    let calls = told.calls().map(|call| (call.trace_id, call.created_at));
    if depth >= Depth::Links {
        conversations::add(&mut tx, &finished).await?;
        conversations::trace(&mut tx, requests.chain(calls)).await?;
    }
    if !batch.visits.is_empty() {
        let judge = memory.judge.current();
        web::store(&mut tx, &judge, &mut memory.bounds, &batch.visits, now).await?;
    }
    bury(&mut tx, spool, batch, now).await?;
    if depth >= Depth::Everything {
        // Last, as every server waits for these: the budgets' accounts, then the
        // audit log, until the commit.
        let settlement = &mut memory.settlement;
        let settled = settlement
            .settle(&mut tx, spool.id(), &finished, now)
            .await?;
        let others: Vec<_> = told.entries().chain(settled.pauses()).collect();
        audit::append(&mut tx, batch, &finished, &others).await?;
        tx.commit().await?;
        synced(db).await?;
        settlement.committed(settled);
    } else {
        tx.commit().await?;
    }
    let duplicate_calls = batch.tools.len() - told.calls().count();
    let told = batch.finished.len() + batch.reported.len();
    Ok((told - finished.len() + duplicate_calls) as u64)
}

/// Up to when visits are stored, while more of them wait.
fn stored_to(
    spool: &Spool,
    batch: &Batch,
    (_, next): (Position, Position),
) -> Option<OffsetDateTime> {
    let newest = batch.visits.iter().map(|visit| visit.at).max();
    newest.filter(|_| spool.durable_end() > next)
}

fn utc_date(at: OffsetDateTime) -> Date {
    at.to_offset(UtcOffset::UTC).date()
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
