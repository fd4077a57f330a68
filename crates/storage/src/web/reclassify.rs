//! Judging again: when the rules have changed, the sessions of a day get the classes
//! that the rules of today give them, and every count follows.
//!
//! A session takes back what it added and adds what it is now. Who was the first
//! visitor of a row cannot be taken back, so visitors are counted again.

use sqlx::types::Json;
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};
use time::{Date, Duration, OffsetDateTime};
use uuid::Uuid;

use super::close::{lock, stored_views};
use super::judge::Judge;
use super::rollups::{self, Closed};
use super::session::{Session, View};
use crate::partitions::{self, Hold, Part};
use crate::retention::{DETAIL, kept_from};

/// Sessions that are looked at together.
const SESSIONS: i64 = 2_000;
/// Who was seen on days that are longer ago is not remembered.
pub(super) const REMEMBERED: Duration = Duration::days(3);

/// What judging the sessions of a day again came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reclassified {
    /// Sessions that were judged.
    pub sessions: u64,
    /// Those whose class or bot is another one now.
    pub changed: u64,
}

/// The UTC days, from the first to the last, on which sessions began that were judged
/// by other rules than `version`.
///
/// # Errors
/// When the database fails.
pub async fn days_of_other_rules(pool: &PgPool, version: &str) -> Result<Vec<Date>, sqlx::Error> {
    let mut db = pool.acquire().await?;
    let mut days = Vec::new();
    for partition in partitions::list(&mut db).await? {
        let Part::Day(day) = partition.part else {
            continue;
        };
        if partition.table != "user_sessions" || partition.hold != Hold::Attached {
            continue;
        }
        let since = day.midnight().assume_utc();
        let other: bool = sqlx::query_scalar(
            "select exists (select from user_sessions \
             where started_at >= $1 and started_at < $2 and rule_version <> $3)",
        )
        .bind(since)
        .bind(since + Duration::DAY)
        .bind(version)
        .fetch_one(&mut *db)
        .await?;
        if other {
            days.push(day);
        }
    }
    Ok(days)
}

/// Judges the sessions that began on a UTC day again. `None` where not all of them
/// are kept any more: the counts stay as they are.
///
/// # Errors
/// When the database fails: nothing was changed.
pub async fn reclassify(
    pool: &PgPool,
    judge: &Judge,
    day: Date,
    now: OffsetDateTime,
) -> Result<Option<Reclassified>, sqlx::Error> {
    let mut db = pool.acquire().await?;
    let mut tx = db.begin().await?;
    // Nothing is closed meanwhile.
    lock(&mut tx, true).await?;
    let since = day.midnight().assume_utc();
    let until = since + Duration::DAY;
    let expired = kept_from(&mut tx, DETAIL)
        .await?
        .is_some_and(|from| since < from);
    if expired && !all_kept(&mut tx, since, until).await? {
        return Ok(None);
    }
    let mut done = Reclassified::default();
    let mut after = (since, Uuid::nil());
    loop {
        let sessions = next(&mut tx, after, until).await?;
        let Some(last) = sessions.last() else { break };
        after = (last.started_at, last.id);
        done.sessions += sessions.len() as u64;
        done.changed += judge_again(&mut tx, judge, sessions).await?;
    }
    if done.changed > 0 {
        for day in [Some(since), since.checked_add(Duration::DAY)]
            .into_iter()
            .flatten()
        {
            count_visitors(&mut tx, day, now).await?;
        }
    }
    tx.commit().await?;
    Ok(Some(done))
}

/// Whether a day that has expired has all its sessions: an import's are kept longer.
async fn all_kept(
    db: &mut PgConnection,
    since: OffsetDateTime,
    until: OffsetDateTime,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(
        "select (select coalesce(sum(sessions), 0) from web_day where cube = 'total' and bucket = $1) \
             = (select count(*) from user_sessions where started_at >= $1 and started_at < $2)",
    )
    .bind(since)
    .bind(until)
    .fetch_one(db)
    .await
}

async fn next(
    db: &mut PgConnection,
    (at, id): (OffsetDateTime, Uuid),
    until: OffsetDateTime,
) -> Result<Vec<Session>, sqlx::Error> {
    let rows: Vec<(Json<Session>,)> = sqlx::query_as(
        "select to_jsonb(s) from user_sessions s \
         where (started_at, id) > ($1, $2) and started_at >= $1 and started_at < $3 \
         order by started_at, id limit $4",
    )
    .bind(at)
    .bind(id)
    .bind(until)
    .bind(SESSIONS)
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|(row,)| row.0).collect())
}

/// What sessions are counted by, beside their figures.
fn counted_by(session: &Session) -> [&str; 9] {
    [
        &session.class,
        &session.bot_kind,
        &session.bot_operator,
        &session.bot_name,
        &session.channel,
        &session.source,
        &session.referrer,
        &session.browser,
        &session.os,
    ]
}

async fn judge_again(
    db: &mut PgConnection,
    judge: &Judge,
    sessions: Vec<Session>,
) -> Result<u64, sqlx::Error> {
    let mut again = sessions.clone();
    for session in &mut again {
        judge.close(session);
    }
    let (mut old, mut new) = (Vec::new(), Vec::new());
    for (before, after) in sessions.into_iter().zip(again) {
        if counted_by(&before) != counted_by(&after) || before.rule_version != after.rule_version {
            old.push(before);
            new.push(after);
        }
    }
    let changes = old.iter().zip(&new);
    let changed = changes
        .filter(|(old, new)| counted_by(old) != counted_by(new))
        .count();
    if new.is_empty() {
        return Ok(0);
    }
    let views = stored_views(db, &new).await?;
    let with_views = |sessions: &[Session]| -> Vec<Closed> {
        let of = |session: &Session| -> Vec<View> {
            let own = views.iter().filter(|view| view.session_id == session.id);
            own.cloned().collect()
        };
        sessions
            .iter()
            .map(|session| (session.clone(), of(session)))
            .collect()
    };
    rollups::subtract(db, &with_views(&old)).await?;
    sqlx::query(
        "update user_sessions s set class = n.class, bot_kind = n.bot_kind, bot_name = n.bot_name, \
             bot_operator = n.bot_operator, score = n.score, signals = n.signals, \
             rule_version = n.rule_version, channel = n.channel, source = n.source, \
             referrer = n.referrer, browser = n.browser, os = n.os \
         from jsonb_populate_recordset(null::user_sessions, $1) as n \
         where s.started_at = n.started_at and s.id = n.id",
    )
    .bind(Json(&new))
    .execute(&mut *db)
    .await?;
    rollups::add_again(db, &with_views(&new)).await?;
    Ok(changed as u64)
}

/// Counts the visitors of a UTC day again.
pub(super) async fn count_visitors(
    db: &mut PgConnection,
    since: OffsetDateTime,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    let until = since + Duration::DAY;
    for (rows, kind) in [
        (include_str!("visits_of_day.sql"), "web"),
        (include_str!("views_of_day.sql"), "page"),
    ] {
        // Names are ours; nothing of it comes from outside.
        let keys = match kind {
            "web" => "u.d1 = c.d1 and u.d2 = c.d2 and u.d3 = c.d3",
            _ => "u.path = c.d1 and u.other = c.d2",
        };
        for (grain, width) in [
            ("quarter", "15 minutes"),
            ("hour", "1 hour"),
            ("day", "1 day"),
        ] {
            let clear = format!(
                "update {kind}_{grain} set visitors = 0 \
                 where bucket >= $1 and bucket < $2 and visitors <> 0"
            );
            sqlx::query(AssertSqlSafe(clear))
                .bind(since)
                .bind(until)
                .execute(&mut *db)
                .await?;
            let count = format!(
                "with seen as ({rows}), \
                 counted as ( \
                     select cube, site, class, d1, d2, d3, \
                         date_bin('{width}', first, timestamptz 'epoch') as bucket, count(*) as n \
                     from seen group by 1, 2, 3, 4, 5, 6, 7 \
                 ) \
                 update {kind}_{grain} u set visitors = c.n from counted c \
                 where u.cube = c.cube and u.bucket = c.bucket and u.site = c.site \
                   and u.class = c.class and {keys}"
            );
            sqlx::query(AssertSqlSafe(count))
                .bind(since)
                .bind(until)
                .execute(&mut *db)
                .await?;
        }
        if since > now - REMEMBERED {
            let remember = format!(
                "with seen as ({rows}) \
                 insert into visitor_seen (day, scope, visitor, seen_at) \
                 select ($1 at time zone 'UTC')::date, web_scope(cube, site, class, d1, d2, d3), \
                     visitor, $3 \
                 from seen where first < $2 on conflict do nothing"
            );
            sqlx::query(AssertSqlSafe(remember))
                .bind(since)
                .bind(until)
                .bind(now)
                .execute(&mut *db)
                .await?;
        }
    }
    Ok(())
}
