//! Day partitions of the detail tables: made ahead of time, and on demand for
//! events that come late.

use std::collections::BTreeSet;

use sqlx::{AssertSqlSafe, PgConnection};
use time::{Date, Duration, OffsetDateTime};

/// Tables with one partition a UTC day.
pub(crate) const DAILY: &[&str] = &["ai_requests", "seen_ids"];

/// Days ahead of today that always have their partitions.
const AHEAD: i64 = 3;

/// How many sequence numbers a partition of the audit trail holds.
const AUDIT_PARTITION: i64 = 10_000_000;

/// The days that are known to have their partitions.
#[derive(Debug, Default)]
pub(crate) struct Partitions {
    days: BTreeSet<Date>,
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
}

async fn create(db: &mut PgConnection, table: &str, day: Date) -> Result<(), sqlx::Error> {
    let Some(next) = day.next_day() else {
        return Ok(());
    };
    let suffix = format!(
        "{:04}{:02}{:02}",
        day.year(),
        u8::from(day.month()),
        day.day()
    );
    // Names and dates are ours; nothing of it comes from outside.
    let sql = format!(
        "create table if not exists {table}_{suffix} partition of {table} \
         for values from ('{day} 00:00+00') to ('{next} 00:00+00')"
    );
    quietly(db, sql).await
}

/// Keeps one unused partition of the audit trail ahead of its sequence.
async fn extend_audit(db: &mut PgConnection) -> Result<(), sqlx::Error> {
    let last: i64 = sqlx::query_scalar("select last_value from audit_events_seq")
        .fetch_one(&mut *db)
        .await?;
    for n in last / AUDIT_PARTITION..=last / AUDIT_PARTITION + 1 {
        let (from, to) = (n * AUDIT_PARTITION, (n + 1) * AUDIT_PARTITION);
        let sql = format!(
            "create table if not exists audit_events_p{n} partition of audit_events \
             for values from ({from}) to ({to})"
        );
        quietly(db, sql).await?;
    }
    Ok(())
}

/// Two servers may make the same partition at the same moment: the loser's
/// error (duplicate table, or the overlap it implies) is no error.
async fn quietly(db: &mut PgConnection, sql: String) -> Result<(), sqlx::Error> {
    match sqlx::raw_sql(AssertSqlSafe(sql)).execute(db).await {
        Err(sqlx::Error::Database(error))
            if matches!(error.code().as_deref(), Some("42P07" | "42P17" | "23505")) =>
        {
            Ok(())
        }
        other => other.map(drop),
    }
}
