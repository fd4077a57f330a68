//! What others saw as well as we did: a request through the gateway whose client
//! exports its span too, a tool call through the proxy. Both know the trace, and
//! the provider's id of the answer or the caller's span. What we saw counts; of
//! what only others saw, the first.

use std::collections::HashSet;

use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use systemprompt_domain::event::RequestFinished;
use systemprompt_domain::reported::LATE;
use systemprompt_domain::tool::{ToolCalled, Via};
use time::{Duration, OffsetDateTime};
use uuid::{Builder, Uuid};

use super::batch::Batch;

/// How long what was seen is known again: as long as others may tell of it, and
/// a day.
const REMEMBERED: Duration = LATE.saturating_add(Duration::DAY);
/// Held while it is looked up what may be under way elsewhere. Taken before any row
/// is locked, so that nobody who holds it waits for somebody who wants it.
const LOCK: i64 = 0x7769_746e_6573;

/// A batch without what was counted before.
#[derive(Debug)]
pub(super) struct Sifted<'a> {
    pub(super) requests: Vec<&'a RequestFinished>,
    pub(super) calls: Vec<&'a ToolCalled>,
}

/// Leaves out what others told of and was counted before, and remembers the rest.
pub(super) async fn sift<'a>(
    db: &mut PgConnection,
    batch: &'a Batch,
    now: OffsetDateTime,
) -> Result<Sifted<'a>, sqlx::Error> {
    let mut requests: Vec<&RequestFinished> = batch.finished.iter().collect();
    let (theirs, mut calls): (Vec<_>, Vec<_>) =
        batch.tools.iter().partition(|call| call.via == Via::Otlp);

    // Nobody else can have seen what has no trace from outside.
    let traced = requests
        .iter()
        .filter(|r| r.context.parent_span_id.is_some());
    let ours = traced.filter_map(|r| Some((request(r)?, r.context.created_at)));
    let ours = ours.chain(calls.iter().filter_map(|c| Some((call(c)?, c.created_at))));
    let mut notes: Vec<(Uuid, OffsetDateTime)> = ours.collect();

    let asked: HashSet<Uuid> = batch
        .reported
        .iter()
        .filter_map(request)
        .chain(theirs.iter().filter_map(|c| call(c)))
        .collect();
    let mut known: HashSet<Uuid> = notes.iter().map(|(key, _)| *key).collect();
    if !asked.is_empty() {
        known.extend(look_up(db, &asked, now).await?);
    }
    let mut is_new = |key: Option<Uuid>, at| match key {
        Some(key) if !known.insert(key) => false,
        Some(key) => {
            notes.push((key, at));
            true
        }
        None => true,
    };
    requests.extend(
        batch
            .reported
            .iter()
            .filter(|r| is_new(request(r), r.context.created_at)),
    );
    calls.extend(theirs.into_iter().filter(|c| is_new(call(c), c.created_at)));
    note(db, &notes).await?;
    Ok(Sifted { requests, calls })
}

/// What all who saw a request know it by.
fn request(of: &RequestFinished) -> Option<Uuid> {
    let response = of.response_id.as_deref()?;
    Some(key(b"request", of.context.trace_id.0, response.as_bytes()))
}

/// What all who saw a tool call know it by.
fn call(of: &ToolCalled) -> Option<Uuid> {
    let span = of.parent_span_id?;
    Some(key(b"call", of.trace_id.0, &span.0.to_be_bytes()))
}

fn key(kind: &[u8], trace: Uuid, id: &[u8]) -> Uuid {
    let mut hash = Sha256::new();
    hash.update(kind);
    hash.update(trace.as_bytes());
    hash.update(id);
    let hash: [u8; 32] = hash.finalize().into();
    let (half, _) = hash.split_first_chunk::<16>().expect("32 are more than 16");
    Builder::from_custom_bytes(*half).into_uuid()
}

async fn look_up(
    db: &mut PgConnection,
    keys: &HashSet<Uuid>,
    now: OffsetDateTime,
) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query("select pg_advisory_xact_lock($1)")
        .bind(LOCK)
        .execute(&mut *db)
        .await?;
    sqlx::query_scalar(
        "select id from seen_ids where source = 'seen' and id = any($1) and created_at >= $2",
    )
    .bind(keys.iter().copied().collect::<Vec<_>>())
    .bind(now - REMEMBERED)
    .fetch_all(db)
    .await
}

async fn note(db: &mut PgConnection, keys: &[(Uuid, OffsetDateTime)]) -> Result<(), sqlx::Error> {
    if keys.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "insert into seen_ids (created_at, id, source) \
         select created_at, id, 'seen' from unnest($1::timestamptz[], $2::uuid[]) as s (created_at, id) \
         on conflict do nothing",
    )
    .bind(keys.iter().map(|(_, at)| *at).collect::<Vec<_>>())
    .bind(keys.iter().map(|(key, _)| *key).collect::<Vec<_>>())
    .execute(db)
    .await?;
    Ok(())
}
