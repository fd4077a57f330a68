//! Partitions that expired: each is detached without stopping anybody, then
//! dropped, which costs the same however many rows it has.

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use time::{Duration, OffsetDateTime};

use super::{Occasion, Removed, web};
use crate::audit::{self, Entry};
use crate::partitions::{self, EXPIRED, Hold, Part, Partition, WEB};

/// What became of a partition.
pub(super) enum Taken {
    /// It is gone.
    Removed(Removed),
    /// Somebody uses it; nothing was changed, or it only has to be dropped.
    Busy,
    /// Its detaching has begun and waits for somebody; until it is over, none
    /// of its siblings can be detached.
    Stuck,
}

/// The days before `from`, those first whose removal was interrupted. Days with
/// imported traffic stay, unless they are before `imported` too.
pub(super) async fn expired(
    db: &mut PgConnection,
    from: OffsetDateTime,
    imported: Option<OffsetDateTime>,
) -> Result<Vec<Partition>, sqlx::Error> {
    let kept = web::imported(db, from, imported).await?;
    let mut expired = partitions::list(db).await?;
    expired.retain(|partition| match partition.part {
        Part::Day(day) => {
            let stays = WEB.contains(&partition.table) && kept.contains(&day);
            day.midnight().assume_utc() < from && !stays
        }
        Part::Range(_) => false,
    });
    expired.sort_by_key(|partition| (partition.table, partition.hold, partition.part));
    Ok(expired)
}

/// Detaches and drops a partition, unless somebody uses it.
pub(super) async fn take(
    db: &mut PgConnection,
    partition: &Partition,
    occasion: Occasion<'_>,
) -> Result<Taken, sqlx::Error> {
    if partition.hold == Hold::Attached && !unless_busy(mark(db, partition).await)? {
        return Ok(Taken::Busy);
    }
    // Neither waits for a lock on the whole table, so that the writer does not
    // queue behind us.
    let (table, name) = (partition.table, &partition.name);
    let how = match partition.hold {
        Hold::Attached => Some("concurrently"),
        Hold::Detaching => Some("finalize"),
        Hold::Detached => None,
    };
    if let Some(how) = how {
        let sql = format!("alter table {table} detach partition {name} {how}");
        if !unless_busy(run(db, sql).await)? {
            return Ok(Taken::Stuck);
        }
    }
    let dropped = drop(db, partition, occasion).await;
    match dropped {
        Ok(removed) => Ok(Taken::Removed(removed)),
        Err(error) => unless_busy(Err(error)).map(|_| Taken::Busy),
    }
}

/// Marks a partition as ours to drop. The lock is given back at once: it only
/// shows that nobody is reading, as a detach that has begun cannot be taken back.
async fn mark(db: &mut PgConnection, partition: &Partition) -> Result<(), sqlx::Error> {
    let name = &partition.name;
    let mut tx = db.begin().await?;
    run(
        &mut tx,
        format!("lock table only {name} in access exclusive mode"),
    )
    .await?;
    run(&mut tx, format!("comment on table {name} is '{EXPIRED}'")).await?;
    tx.commit().await
}

async fn drop(
    db: &mut PgConnection,
    partition: &Partition,
    occasion: Occasion<'_>,
) -> Result<Removed, sqlx::Error> {
    let mut tx = db.begin().await?;
    let removed = count(&mut tx, partition).await?;
    run(&mut tx, format!("drop table {}", partition.name)).await?;
    record(&mut tx, &removed, Some(&partition.name), occasion).await?;
    tx.commit().await?;
    Ok(removed)
}

/// What is in a partition.
pub(super) async fn count(
    db: &mut PgConnection,
    partition: &Partition,
) -> Result<Removed, sqlx::Error> {
    let (rows, from, to): (i64, Option<OffsetDateTime>, Option<OffsetDateTime>) =
        match partition.part {
            Part::Day(day) => {
                let sql = format!("select count(*) from {}", partition.name);
                let rows = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(db).await?;
                let start = day.midnight().assume_utc();
                (rows, Some(start), start.checked_add(Duration::DAY))
            }
            Part::Range(_) => {
                let sql = format!(
                    "select count(*), min(created_at), max(created_at) from {}",
                    partition.name
                );
                sqlx::query_as(AssertSqlSafe(sql)).fetch_one(db).await?
            }
        };
    Ok(Removed {
        table: partition.table,
        partitions: 1,
        rows,
        from,
        to,
    })
}

/// Appends the audit event of a removal.
pub(super) async fn record(
    db: &mut PgConnection,
    removed: &Removed,
    partition: Option<&str>,
    occasion: Occasion<'_>,
) -> Result<(), sqlx::Error> {
    let detail = json!({
        "table": removed.table,
        "partition": partition,
        "rows": removed.rows,
        "from": removed.from.map(crate::budgets::stamp),
        "to": removed.to.map(crate::budgets::stamp),
    });
    audit::append(db, applied(occasion, &detail)).await
}

/// The audit event of what retention does.
pub(super) fn applied<'a>(occasion: Occasion<'a>, detail: &'a Value) -> Entry<'a> {
    Entry {
        by: occasion.by,
        ..Entry::administration("retention_applied", occasion.now, detail)
    }
}

/// Whether it was done; `false` where a lock was not to be had.
pub(super) fn unless_busy(done: Result<(), sqlx::Error>) -> Result<bool, sqlx::Error> {
    match done {
        Ok(()) => Ok(true),
        Err(sqlx::Error::Database(error))
            if matches!(error.code().as_deref(), Some("55P03" | "40P01")) =>
        {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// Runs a statement whose names are all ours.
async fn run(db: &mut PgConnection, sql: String) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(db)
        .await
        .map(|_| ())
}
