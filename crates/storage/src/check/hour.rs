//! One hour of the rollups against its rows: cheap enough to be done every day.

use sqlx::PgPool;
use systemprompt_domain::period::Interval;
use time::{Duration, OffsetDateTime};

use super::rollups::{ACTIVITIES, ALL, AUDITED, HOUR, REQUESTS, Rollup};
use super::{Difference, begin};

/// The hours of a period that were counted and whose UTC day has all its detail.
///
/// # Errors
/// When the database fails.
pub async fn closed_hours(
    db: &PgPool,
    since: OffsetDateTime,
    until: OffsetDateTime,
) -> Result<Vec<OffsetDateTime>, sqlx::Error> {
    let mut tx = begin(db).await?;
    let without_detail: Vec<OffsetDateTime> =
        sqlx::query_scalar(ALL[0].0).fetch_all(&mut *tx).await?;
    let hours = sqlx::query_scalar(
        "select bucket from usage_hour \
         where cube = 'total' and bucket >= $1 and bucket <= $2 - interval '1 hour' \
           and date_bin(interval '1 day', bucket, timestamptz 'epoch') <> all($3) \
         order by bucket",
    )
    .bind(since)
    .bind(until)
    .bind(&without_detail)
    .fetch_all(&mut *tx)
    .await?;
    tx.rollback().await?;
    Ok(hours)
}

/// Every row of the hourly rollups of requests, activity and audit events that is not
/// the sum of its rows in the hour that begins then.
///
/// # Errors
/// When the database fails.
pub async fn check_hour(db: &PgPool, hour: OffsetDateTime) -> Result<Vec<Difference>, sqlx::Error> {
    let period = Interval {
        since: hour,
        until: hour + Duration::HOUR,
    };
    let mut tx = begin(db).await?;
    let mut differences = Vec::new();
    let hourly = |rollup: &&Rollup| rollup.grain == HOUR.0;
    for rollup in REQUESTS.iter().chain(&ACTIVITIES).filter(hourly) {
        differences.extend(rollup.check(&mut tx, &[], period).await?);
    }
    let [_, _, (without_detail, _), ..] = ALL;
    let days: Vec<OffsetDateTime> = sqlx::query_scalar(without_detail)
        .fetch_all(&mut *tx)
        .await?;
    for rollup in AUDITED.iter().filter(hourly) {
        differences.extend(rollup.check(&mut tx, &days, period).await?);
    }
    tx.rollback().await?;
    Ok(differences)
}
