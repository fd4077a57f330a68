//! Closing: a session that nothing was heard of for long enough moves to its
//! history table, with its page views, in the transaction that counts it.

use std::collections::HashMap;

use sqlx::types::Json;
use sqlx::{Connection, PgConnection, PgPool};
use systemprompt_web::Cut;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::judge::Judge;
use super::rollups::{self, Closed};
use super::session::{Session, View};

/// One process closes at a time.
const LOCK: i64 = 0x0077_6562_2063_6c6f;
/// Sessions of one transaction.
const SESSIONS: i64 = 2_000;
/// How long events may be on their way into the database.
const ON_THE_WAY: Duration = Duration::minutes(1);
/// A server that stored nothing for so long is not waited for: it is gone, and
/// sessions have to end.
const GONE: Duration = Duration::HOUR;

/// Closes sessions that are over; answers how many. `None` where another process
/// is about it.
///
/// # Errors
/// When the database fails; what was closed so far is closed.
pub async fn close(
    pool: &PgPool,
    judge: &Judge,
    now: OffsetDateTime,
) -> Result<Option<u64>, sqlx::Error> {
    let mut closed = 0;
    loop {
        let mut db = pool.acquire().await?;
        let mut tx = db.begin().await?;
        if !lock(&mut tx, false).await? {
            return Ok(None);
        }
        let sessions = over(&mut tx, now).await?;
        let n = sessions.len();
        if n > 0 {
            move_on(&mut tx, judge, sessions, now).await?;
        }
        tx.commit().await?;
        closed += n as u64;
        if i64::try_from(n).is_ok_and(|n| n < SESSIONS) {
            return Ok(Some(closed));
        }
    }
}

/// Keeps others from changing what is closed, until the transaction ends.
pub(super) async fn lock(db: &mut PgConnection, wait: bool) -> Result<bool, sqlx::Error> {
    if wait {
        sqlx::query("select pg_advisory_xact_lock($1)")
            .bind(LOCK)
            .execute(db)
            .await?;
        return Ok(true);
    }
    sqlx::query_scalar("select pg_try_advisory_xact_lock($1)")
        .bind(LOCK)
        .fetch_one(db)
        .await
}

/// Up to when everything that happened is stored, whichever server took it: what
/// waits in a spool may belong to a session that looks over.
async fn stored_to(
    db: &mut PgConnection,
    now: OffsetDateTime,
) -> Result<OffsetDateTime, sqlx::Error> {
    let behind: Option<OffsetDateTime> =
        sqlx::query_scalar("select min(stored_to) from spool_cursors where updated_at > $1")
            .bind(now - GONE)
            .fetch_one(db)
            .await?;
    Ok(behind.map_or(now, |behind| behind.min(now)))
}

/// Sessions that are over, locked. Those that are being written to are not.
async fn over(db: &mut PgConnection, now: OffsetDateTime) -> Result<Vec<Session>, sqlx::Error> {
    let through = stored_to(db, now).await? - Cut::default().gap - ON_THE_WAY;
    let rows: Vec<(Json<Session>,)> = sqlx::query_as(
        "select to_jsonb(s) from open_sessions s where last_seen_at < $1 \
         order by last_seen_at limit $2 for update skip locked",
    )
    .bind(through)
    .bind(SESSIONS)
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|(row,)| row.0).collect())
}

async fn move_on(
    db: &mut PgConnection,
    judge: &Judge,
    sessions: Vec<Session>,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    let ids: Vec<Uuid> = sessions.iter().map(|session| session.id).collect();
    let mut views: HashMap<Uuid, Vec<View>> = HashMap::new();
    let reported = open_views(db, &ids).await?;
    for view in reported
        .into_iter()
        .chain(stored_views(db, &sessions).await?)
    {
        views.entry(view.session_id).or_default().push(view);
    }
    let closed = sessions.into_iter().map(|mut session| {
        let mut views = views.remove(&session.id).unwrap_or_default();
        views.sort_by_key(|view| (view.created_at, view.id));
        let ends: Vec<OffsetDateTime> = views.iter().map(|view| view.created_at).collect();
        let ends = ends.into_iter().skip(1).chain([session.last_seen_at]);
        for (view, end) in views.iter_mut().zip(ends) {
            view.pattern = judge.pattern(view, end);
        }
        session.finish(&views);
        judge.close(&mut session);
        (session, views)
    });
    let closed: Vec<Closed> = closed.collect();
    rollups::add(db, &closed, now).await?;
    let reported = closed.iter().flat_map(|(_, views)| views);
    let reported: Vec<&View> = reported.filter(|view| view.method.is_none()).collect();
    let sessions: Vec<&Session> = closed.iter().map(|(session, _)| session).collect();
    sqlx::query(include_str!("insert_sessions.sql"))
        .bind(Json(sessions))
        .execute(&mut *db)
        .await?;
    sqlx::query(include_str!("insert_views.sql"))
        .bind(Json(&reported))
        .execute(&mut *db)
        .await?;
    sqlx::query("delete from open_page_views where session_id = any($1)")
        .bind(&ids)
        .execute(&mut *db)
        .await?;
    sqlx::query("delete from open_sessions where id = any($1)")
        .bind(&ids)
        .execute(db)
        .await?;
    Ok(())
}

async fn open_views(db: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<View>, sqlx::Error> {
    let rows: Vec<(Json<View>,)> =
        sqlx::query_as("select to_jsonb(v) from open_page_views v where session_id = any($1)")
            .bind(ids)
            .fetch_all(db)
            .await?;
    Ok(rows.into_iter().map(|(row,)| row.0).collect())
}

/// The counted views of sessions that are stored already.
pub(super) async fn stored_views(
    db: &mut PgConnection,
    sessions: &[Session],
) -> Result<Vec<View>, sqlx::Error> {
    let since = sessions.iter().map(|session| session.started_at).min();
    let until = sessions.iter().map(|session| session.last_seen_at).max();
    let rows: Vec<(Json<View>,)> = sqlx::query_as(
        "select to_jsonb(v) from page_views v \
         where session_id = any($1) and created_at >= $2 and created_at <= $3 and counted",
    )
    .bind(
        sessions
            .iter()
            .map(|session| session.id)
            .collect::<Vec<_>>(),
    )
    .bind(since)
    .bind(until)
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|(row,)| row.0).collect())
}
