//! A run that was claimed: signs of life, and its end. Nobody ends a run but who
//! began its latest attempt.

use std::time::Duration;

use serde_json::json;
use sqlx::PgPool;

use super::{Plan, Run, seconds};
use crate::audit::{Entry, append};
use crate::budgets::stamp;

/// The pause after the first failure; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_secs(60);
/// And is never longer than this.
const LONGEST_PAUSE: Duration = Duration::from_secs(3_600);
/// The most of a text that is kept.
const TEXT: usize = 2_000;

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It did what it is for.
    Succeeded {
        /// How many rows, files or messages it was about.
        rows: i64,
        /// What it did, in a line.
        result: String,
    },
    /// It did not.
    Failed {
        /// Why.
        error: String,
    },
}

/// Shows that a run is alive; `false` if it is somebody else's by now.
///
/// # Errors
/// When the database fails.
pub async fn alive(pool: &PgPool, run: &Run, lease: Duration) -> Result<bool, sqlx::Error> {
    let renewed = sqlx::query(
        "update job_runs set lease_until = clock_timestamp() + make_interval(secs => $3) \
         where id = $1 and attempt = $2 and state = 'running'",
    )
    .bind(run.id)
    .bind(run.attempt)
    .bind(seconds(lease))
    .execute(pool)
    .await?;
    Ok(renewed.rows_affected() == 1)
}

/// Ends a run; `false` if it is somebody else's by now. A failure is an audit
/// event, and is tried again as often as the job says.
///
/// # Errors
/// When the database fails; then it is not known whether it ended.
pub async fn finish(
    pool: &PgPool,
    plan: &Plan,
    run: &Run,
    ended: &Ended,
) -> Result<bool, sqlx::Error> {
    let failures = run.failures + i32::from(matches!(ended, Ended::Failed { .. }));
    let may_retry = run.by.is_none() && i64::from(failures) < i64::from(plan.attempts);
    let (state, rows, result, error) = match ended {
        Ended::Succeeded { rows, result } => ("succeeded", Some(*rows), Some(clean(result)), None),
        Ended::Failed { error } if may_retry => ("waiting", None, None, Some(clean(error))),
        Ended::Failed { error } => ("failed", None, None, Some(clean(error))),
    };
    let pause = (state == "waiting").then(|| seconds(pause(failures)));
    let mut tx = pool.begin().await?;
    let done = sqlx::query(
        "update job_runs set state = $3, failures = $4, finished_at = clock_timestamp(), \
             next_at = clock_timestamp() + make_interval(secs => $5), result_rows = $6, \
             result = $7, error = $8 \
         where id = $1 and attempt = $2 and state = 'running'",
    )
    .bind(run.id)
    .bind(run.attempt)
    .bind(state)
    .bind(failures)
    .bind(pause)
    .bind(rows)
    .bind(result)
    .bind(error.as_deref())
    .execute(&mut *tx)
    .await?;
    let mine = done.rows_affected() == 1;
    if let (true, Some(error)) = (mine, &error) {
        let now = sqlx::query_scalar("select clock_timestamp()")
            .fetch_one(&mut *tx)
            .await?;
        let detail = json!({
            "job": run.job,
            "slot": stamp(run.slot),
            "attempt": run.attempt,
            "error": error,
            "tried_again": state == "waiting",
        });
        let entry = Entry {
            by: run.by.as_deref(),
            trace: Some(run.trace.0),
            subject: Some(run.id),
            ..Entry::administration("job_failed", now, &detail)
        };
        append(&mut tx, entry).await?;
    }
    tx.commit().await?;
    Ok(mine)
}

/// Leaves a run to another server, at once: this one stops. What an operator asked
/// for is lost.
///
/// # Errors
/// When the database fails; then it is made up when its lease ends.
pub async fn give_back(pool: &PgPool, run: &Run) -> Result<(), sqlx::Error> {
    let state = if run.by.is_none() { "waiting" } else { "lost" };
    sqlx::query(
        "update job_runs set state = $3, next_at = clock_timestamp(), \
             finished_at = clock_timestamp(), error = 'its server was stopped' \
         where id = $1 and attempt = $2 and state = 'running'",
    )
    .bind(run.id)
    .bind(run.attempt)
    .bind(state)
    .execute(pool)
    .await?;
    Ok(())
}

fn pause(failures: i32) -> Duration {
    let doubled = u32::try_from(failures - 1).unwrap_or(0);
    let factor = 2_u32.saturating_pow(doubled);
    FIRST_PAUSE.saturating_mul(factor).min(LONGEST_PAUSE)
}

/// Text that can be stored, within reason.
fn clean(text: &str) -> String {
    let end = text.floor_char_boundary(TEXT);
    text[..end].replace('\0', "\u{fffd}")
}
