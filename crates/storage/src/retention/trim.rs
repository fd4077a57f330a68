//! Tables that grow without partitions: expired rows are deleted a few pages at
//! a time, so that no transaction is long and no index is needed to find them.

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use time::OffsetDateTime;

use super::days::record;
use super::{Occasion, Removed};

/// Pages of a table that one transaction looks through: 8 MiB.
const PAGES: i64 = 1_024;

/// A table that grows, and what of it has expired.
pub(super) struct Growing {
    table: &'static str,
    /// The column that tells how old a row is.
    time: &'static str,
    /// Which rows have expired; `$1` is from when on they are kept.
    expired: &'static str,
}

const fn by_time(table: &'static str, time: &'static str, expired: &'static str) -> Growing {
    Growing {
        table,
        time,
        expired,
    }
}

/// What belongs to requests and goes with them, or is as old.
pub(super) const DETAIL: &[Growing] = &[
    by_time("dead_letters", "created_at", "created_at < $1"),
    // Without its event, a threshold would be told again while the period lasts.
    by_time(
        "alert_events",
        "created_at",
        "greatest(created_at, period_end) < $1",
    ),
    by_time(
        "outbox",
        "created_at",
        "created_at < $1 and state <> 'waiting'",
    ),
    by_time("cost_corrections", "created_at", "created_at < $1"),
    // Leases before their accounts, which count them.
    by_time(
        "budget_leases",
        "period_start",
        "period_start < $1 and leased_nanos = 0 and exists ( \
             select from budget_periods p \
             where p.budget = budget_leases.budget \
               and p.period_start = budget_leases.period_start and p.period_end < $1)",
    ),
    by_time(
        "budget_periods",
        "period_end",
        "period_end < $1 and leased_nanos = 0 and not exists ( \
             select from budget_leases l \
             where l.budget = budget_periods.budget \
               and l.period_start = budget_periods.period_start)",
    ),
    by_time("traces", "last_at", "last_at < $1"),
    by_time("conversations", "last_at", "last_at < $1"),
    by_time("mcp_tool_definitions", "last_seen", "last_seen < $1"),
];

/// What tells visitors apart: it goes with the salt of its day.
pub(super) const VISITORS: &[Growing] = &[
    by_time("visitor_seen", "seen_at", "seen_at < $1"),
    by_time("visitor_state", "touched_at", "touched_at < $1"),
    by_time(
        "salts",
        "created_at",
        "created_at < $1 and day < ($1 at time zone 'UTC')::date",
    ),
];

/// Rollups by quarter of an hour.
pub(super) fn quarters() -> impl Iterator<Item = Growing> {
    crate::check::quarters().map(|table| by_time(table, "bucket", "bucket < $1"))
}

/// Checkpoints of the audit log that later ones make superfluous.
pub(super) const CHECKPOINTS: Growing = by_time(
    "audit_checkpoints",
    "created_at",
    "created_at < $1 and audit_checkpoint_superfluous(audit_checkpoints)",
);

type Found = (i64, Option<OffsetDateTime>, Option<OffsetDateTime>);

impl Growing {
    fn removed(&self, (rows, from, to): Found) -> Option<Removed> {
        (rows > 0).then_some(Removed {
            table: self.table,
            partitions: 0,
            rows,
            from,
            to,
        })
    }
}

/// Deletes what is older than `from`, and tells of each transaction.
pub(super) async fn take(
    db: &mut PgConnection,
    growing: &Growing,
    from: OffsetDateTime,
    occasion: Occasion<'_>,
    mut told: impl FnMut(&Removed),
) -> Result<(), sqlx::Error> {
    let pages: i64 = sqlx::query_scalar(
        "select pg_relation_size($1::text::regclass) / current_setting('block_size')::bigint",
    )
    .bind(growing.table)
    .fetch_one(&mut *db)
    .await?;
    let mut page = 0;
    while page < pages {
        let next = page + PAGES;
        let mut tx = db.begin().await?;
        if growing.table == "audit_quarter" {
            // Its rows are only touched by those who hold the audit log.
            crate::audit::lock(&mut tx).await?;
        }
        let found = delete(&mut tx, growing, from, (page, next)).await?;
        if let Some(removed) = growing.removed(found) {
            record(&mut tx, &removed, None, occasion).await?;
            tx.commit().await?;
            told(&removed);
        }
        page = next;
    }
    Ok(())
}

/// Deletes expired rows of these pages. A row that the writer is changing is
/// not expired for long: we neither wait for it nor hold others meanwhile.
async fn delete(
    db: &mut PgConnection,
    growing: &Growing,
    from: OffsetDateTime,
    (page, next): (i64, i64),
) -> Result<Found, sqlx::Error> {
    let Growing {
        table,
        time,
        expired,
    } = growing;
    let sql = format!(
        "with expired as materialized ( \
             select ctid as at from {table} \
             where ctid >= '({page},0)'::tid and ctid < '({next},0)'::tid and {expired} \
             for update of {table} skip locked), \
         gone as ( \
             delete from {table} where ctid = any (array(select at from expired)) \
             returning {time} as at) \
         select count(*), min(at), max(at) from gone"
    );
    sqlx::query_as(AssertSqlSafe(sql))
        .bind(from)
        .fetch_one(db)
        .await
}

/// What is older than `from`.
pub(super) async fn count(
    db: &mut PgConnection,
    growing: &Growing,
    from: OffsetDateTime,
) -> Result<Option<Removed>, sqlx::Error> {
    let Growing {
        table,
        time,
        expired,
    } = growing;
    let sql = format!("select count(*), min({time}), max({time}) from {table} where {expired}");
    let found = sqlx::query_as(AssertSqlSafe(sql))
        .bind(from)
        .fetch_one(db)
        .await?;
    Ok(growing.removed(found))
}
