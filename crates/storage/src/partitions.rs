//! Day partitions of the detail tables: made ahead of time, on demand for
//! events that come late, and listed with what they take up.

use std::collections::BTreeSet;

use sqlx::postgres::PgQueryResult;
use sqlx::{FromRow, PgConnection, PgPool};
use time::macros::format_description;
use time::{Date, Duration, OffsetDateTime};

/// Tables with one partition a UTC day.
pub(crate) const DAILY: &[&str] = &[
    "ai_requests",
    "seen_ids",
    "logs",
    "user_activity",
    "mcp_tool_executions",
    "user_sessions",
    "page_views",
    "engagement_events",
];

/// Those of them that hold web traffic, which can be imported for any day.
pub(crate) const WEB: &[&str] = &["user_sessions", "page_views", "engagement_events"];

/// The audit trail, in partitions by sequence number.
pub(crate) const AUDIT: &str = "audit_events";

/// Days ahead of today that always have their partitions.
const AHEAD: i64 = 3;

/// How many sequence numbers a partition of the audit trail holds.
pub const AUDIT_PARTITION: i64 = 10_000_000;

/// The days that are known to have their partitions.
#[derive(Debug, Default)]
pub(crate) struct Partitions {
    days: BTreeSet<Date>,
    /// Days of web traffic alone.
    web: BTreeSet<Date>,
}

impl Partitions {
    /// Makes sure that every day in `days`, and the days ahead of `now`, have
    /// their partitions. Costs a round trip only for days not seen before.
    ///
    /// # Errors
    /// When the database cannot make one.
    pub(crate) async fn ensure(
        &mut self,
        db: &mut PgConnection,
        days: impl IntoIterator<Item = Date>,
        now: OffsetDateTime,
    ) -> Result<(), sqlx::Error> {
        let today = now.date();
        let ahead = (0..=AHEAD).filter_map(|n| today.checked_add(Duration::days(n)));
        let missing: BTreeSet<Date> = days
            .into_iter()
            .chain(ahead)
            .filter(|day| !self.days.contains(day))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        for day in &missing {
            for table in DAILY {
                create(db, table, *day).await?;
            }
        }
        extend_audit(db).await?;
        self.days.extend(missing);
        Ok(())
    }

    /// Makes sure that these days have their partitions of web traffic.
    ///
    /// # Errors
    /// When the database cannot make one.
    pub(crate) async fn ensure_web(
        &mut self,
        db: &mut PgConnection,
        days: impl IntoIterator<Item = Date>,
    ) -> Result<(), sqlx::Error> {
        for day in days {
            if self.days.contains(&day) || self.web.contains(&day) {
                continue;
            }
            for table in WEB {
                create(db, table, day).await?;
            }
            self.web.insert(day);
        }
        Ok(())
    }
}

/// Makes the partitions of today and the days ahead; how many days that is.
///
/// # Errors
/// When the database cannot make one.
pub async fn make_ahead(pool: &PgPool, now: OffsetDateTime) -> Result<i64, sqlx::Error> {
    let mut db = pool.acquire().await?;
    Partitions::default().ensure(&mut db, [], now).await?;
    Ok(AHEAD + 1)
}

async fn create(db: &mut PgConnection, table: &str, day: Date) -> Result<(), sqlx::Error> {
    let made = sqlx::query("select make_day($1, $2)").bind(table).bind(day);
    unless_made(made.execute(db).await)
}

/// Keeps two unused partitions of the audit trail ahead of its head.
async fn extend_audit(db: &mut PgConnection) -> Result<(), sqlx::Error> {
    unless_made(sqlx::query("select extend_audit()").execute(db).await)
}

/// Two servers may make the same partition at the same moment: the loser's
/// error (duplicate table, or the overlap it implies) is no error.
fn unless_made(made: Result<PgQueryResult, sqlx::Error>) -> Result<(), sqlx::Error> {
    match made {
        Err(sqlx::Error::Database(error))
            if matches!(error.code().as_deref(), Some("42P07" | "42P17" | "23505")) =>
        {
            Ok(())
        }
        other => other.map(drop),
    }
}

/// A part of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// The table it is a part of.
    pub table: &'static str,
    /// Its own name.
    pub name: String,
    /// Which part.
    pub part: Part,
    /// How firmly it belongs to the table.
    pub hold: Hold,
    /// How many rows it has, as the database estimates.
    pub rows: i64,
    /// What it takes up on disk, indexes included.
    pub bytes: i64,
}

/// Which part of its table a partition is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// A UTC day.
    Day(Date),
    /// The nth range of sequence numbers; before 0, all that was recorded before
    /// the log was begun.
    Range(i64),
}

/// How firmly a partition belongs to its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hold {
    /// It is being detached, which waits for transactions that were under way.
    Detaching,
    /// It was detached to be dropped.
    Detached,
    /// It is a part of the table.
    Attached,
}

/// What a partition's comment says from when retention takes it until it is
/// dropped: a table of the same form that somebody else made is none of ours.
pub(crate) const EXPIRED: &str = "expired: detached, about to be dropped";

#[derive(FromRow)]
struct Stored {
    name: String,
    attached: bool,
    detaching: bool,
    rows: i64,
    bytes: i64,
}

/// All partitions, by table and part.
///
/// # Errors
/// When the database fails.
pub async fn partitions(pool: &PgPool) -> Result<Vec<Partition>, sqlx::Error> {
    list(&mut *pool.acquire().await?).await
}

pub(crate) async fn list(db: &mut PgConnection) -> Result<Vec<Partition>, sqlx::Error> {
    let stored: Vec<Stored> = sqlx::query_as(
        "select c.relname::text as name, i.inhrelid is not null as attached, \
             coalesce(i.inhdetachpending, false) as detaching, \
             greatest(c.reltuples, 0)::bigint as rows, pg_total_relation_size(c.oid) as bytes \
         from pg_class c \
         left join pg_inherits i on i.inhrelid = c.oid \
         where c.relkind = 'r' \
           and c.relnamespace = (select relnamespace from pg_class where oid = 'ai_requests'::regclass) \
           and (i.inhrelid is not null or obj_description(c.oid, 'pg_class') = $1)",
    )
    .bind(EXPIRED)
    .fetch_all(db)
    .await?;
    let mut partitions: Vec<Partition> = stored.into_iter().filter_map(Partition::of).collect();
    partitions.sort_by_key(|partition| (partition.table, partition.part));
    Ok(partitions)
}

impl Partition {
    /// Read off its name, which we gave it.
    fn of(stored: Stored) -> Option<Self> {
        let hold = match (stored.attached, stored.detaching) {
            (true, false) => Hold::Attached,
            (true, true) => Hold::Detaching,
            (false, _) => Hold::Detached,
        };
        let (table, part) = parse(&stored.name)?;
        Some(Self {
            table,
            part,
            hold,
            rows: stored.rows,
            bytes: stored.bytes,
            name: stored.name,
        })
    }
}

fn parse(name: &str) -> Option<(&'static str, Part)> {
    let (table, suffix) = name.rsplit_once('_')?;
    if table == AUDIT && suffix == "old" {
        return Some((AUDIT, Part::Range(-1)));
    }
    if table == AUDIT {
        let n = suffix.strip_prefix('p')?.parse().ok()?;
        return Some((AUDIT, Part::Range(n)));
    }
    let table = DAILY.iter().find(|daily| **daily == table)?;
    let day = Date::parse(suffix, format_description!("[year][month][day]")).ok()?;
    Some((table, Part::Day(day)))
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    #[test]
    fn names_say_which_part_they_are() {
        let day = Part::Day(date!(2026 - 11 - 24));
        assert_eq!(parse("ai_requests_20261124"), Some(("ai_requests", day)));
        assert_eq!(parse("seen_ids_20261124"), Some(("seen_ids", day)));
        assert_eq!(parse("audit_events_p7"), Some((AUDIT, Part::Range(7))));
        assert_eq!(parse("audit_events_old"), Some((AUDIT, Part::Range(-1))));
        for other in [
            "ai_requests_2026112",
            "ai_requests_20261324",
            "tokens_p1",
            "seen_ids",
        ] {
            assert_eq!(parse(other), None, "{other}");
        }
    }
}
