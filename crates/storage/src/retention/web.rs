//! Days with imported web traffic: they outlast other detail, and lose what was
//! not imported when that has expired.

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use time::{Date, Duration, OffsetDateTime, UtcOffset};

use super::days::record;
use super::{Occasion, Removed};
use crate::partitions::WEB;

/// The days before `from` whose imported traffic is still kept: all of them, or
/// those since `imported`.
pub(super) async fn imported(
    db: &mut PgConnection,
    from: OffsetDateTime,
    imported: Option<OffsetDateTime>,
) -> Result<Vec<Date>, sqlx::Error> {
    let day = |at: OffsetDateTime| at.to_offset(UtcOffset::UTC).date();
    sqlx::query_scalar(
        "select day from imported_days where day < $1 and ($2::date is null or day >= $2) order by day",
    )
    .bind(day(from))
    .bind(imported.map(day))
    .fetch_all(db)
    .await
}

/// Deletes what was not imported from a day that has expired but for its imports.
pub(super) async fn thin(
    db: &mut PgConnection,
    day: Date,
    occasion: Occasion<'_>,
    mut told: impl FnMut(&Removed),
) -> Result<(), sqlx::Error> {
    let since = day.midnight().assume_utc();
    let until = since.checked_add(Duration::DAY);
    for table in WEB {
        let (time, which) = match *table {
            "user_sessions" => ("started_at", "and not imported"),
            "page_views" => ("created_at", "and not imported"),
            // Logs tell of no engagement.
            _ => ("created_at", ""),
        };
        let sql = format!("delete from {table} where {time} >= $1 and {time} < $2 {which}");
        let mut tx = db.begin().await?;
        let gone = sqlx::query(AssertSqlSafe(sql))
            .bind(since)
            .bind(until)
            .execute(&mut *tx)
            .await?;
        let Some(rows) = i64::try_from(gone.rows_affected()).ok().filter(|n| *n > 0) else {
            continue;
        };
        let removed = Removed {
            table,
            partitions: 0,
            rows,
            from: Some(since),
            to: until,
        };
        record(&mut tx, &removed, None, occasion).await?;
        tx.commit().await?;
        told(&removed);
    }
    Ok(())
}

/// Forgets that there were imports for days whose imports are gone.
pub(super) async fn forget(
    db: &mut PgConnection,
    from: OffsetDateTime,
    imported: Option<OffsetDateTime>,
) -> Result<(), sqlx::Error> {
    if imported.is_none() {
        return Ok(());
    }
    sqlx::query("delete from imported_days where day < $1")
        .bind(from.to_offset(UtcOffset::UTC).date())
        .execute(db)
        .await?;
    Ok(())
}
