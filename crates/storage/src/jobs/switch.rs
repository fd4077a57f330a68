//! Enabling and disabling jobs while servers run.

use serde_json::json;
use sqlx::PgPool;
use time::OffsetDateTime;

use super::introduce;
use crate::audit::{Entry, append};

/// The channel on which changes are announced. The message is the job's name.
pub const CHANNEL: &str = "systemprompt_jobs";

/// What became of a switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switched {
    /// It stands as asked for now.
    Changed,
    /// It stood so before.
    Unchanged,
}

/// Enables or disables a job on all servers, whatever their configuration says;
/// `configured` is what it says. Slots of the time while it was disabled are not
/// made up.
///
/// # Errors
/// When the database fails.
pub async fn switch(
    pool: &PgPool,
    job: &str,
    configured: bool,
    enabled: bool,
    by: Option<&str>,
    now: OffsetDateTime,
) -> Result<Switched, sqlx::Error> {
    introduce(pool, job).await?;
    let mut tx = pool.begin().await?;
    let before: Option<bool> =
        sqlx::query_scalar("select enabled from jobs where name = $1 for update")
            .bind(job)
            .fetch_one(&mut *tx)
            .await?;
    let before = before.unwrap_or(configured);
    sqlx::query(
        "update jobs set enabled = $2, \
             scheduled_through = case when $3 then now() else scheduled_through end \
         where name = $1",
    )
    .bind(job)
    .bind(enabled)
    .bind(enabled && !before)
    .execute(&mut *tx)
    .await?;
    if before != enabled {
        let detail = json!({
            "key": format!("scheduler.jobs.{job}.enabled"),
            "from": before,
            "to": enabled,
        });
        let entry = Entry {
            by,
            ..Entry::administration("config_changed", now, &detail)
        };
        append(&mut tx, entry).await?;
    }
    sqlx::query("select pg_notify($1, $2)")
        .bind(CHANNEL)
        .bind(job)
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(if before == enabled {
        Switched::Unchanged
    } else {
        Switched::Changed
    })
}
