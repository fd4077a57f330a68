//! Guessing made slow, over all servers. A name is slowed down for one network
//! at a time, so nobody can lock the right person out from elsewhere.

use serde_json::json;
use sqlx::{PgConnection, PgPool};
use time::{Duration, OffsetDateTime};

use super::UsersError;
use super::secret::hash;
use crate::audit::{self, Entry};

/// Tries of a network in a minute.
const TRIES: i32 = 20;
/// Failures of a name from a network before one has to wait.
const FAILURES: i32 = 5;
/// How long one waits then; it doubles with every further failure.
const FIRST_WAIT: Duration = Duration::seconds(15);
/// How long one waits at most.
const LONGEST_WAIT: Duration = Duration::minutes(15);
/// Failures are forgotten after so long without another.
const MEMORY: Duration = Duration::hours(24);

/// Whether a login may be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// It may. It counts as failed until it succeeds, so that tries at the same
    /// time cannot all be the first.
    Allowed,
    /// Not before so long.
    Wait(std::time::Duration),
}

/// Counts a login that is about to be tried, under the name as it was typed.
///
/// # Errors
/// When the database refuses; then nothing may be tried.
pub async fn attempt(
    db: &PgPool,
    typed: &str,
    network: &str,
    now: OffsetDateTime,
) -> Result<Attempt, UsersError> {
    let mut tx = db.begin().await?;
    let tries = count_try(&mut tx, network, now).await?;
    let wait = if tries > TRIES {
        if tries == TRIES + 1 {
            // Once a minute: a flood must not fill the trail.
            record(&mut tx, None, "too_many_tries", network, now).await?;
        }
        Some(Duration::seconds(60 - i64::from(now.second())))
    } else {
        wait_for(&mut tx, &account(typed), network, now).await?
    };
    tx.commit().await?;
    Ok(wait.map_or(Attempt::Allowed, |wait| {
        Attempt::Wait(wait.max(Duration::SECOND).unsigned_abs())
    }))
}

/// Tries of this network in this minute, this one included.
async fn count_try(
    db: &mut PgConnection,
    network: &str,
    now: OffsetDateTime,
) -> Result<i32, sqlx::Error> {
    let tries = sqlx::query_scalar(
        "insert into login_tries as t (network, minute, tries) \
         values ($1, date_trunc('minute', $2::timestamptz), 1) \
         on conflict (network, minute) do update set tries = least(t.tries + 1, 1000000) \
         returning tries",
    )
    .bind(network)
    .bind(now)
    .fetch_one(&mut *db)
    .await?;
    if tries == 1 {
        for (sql, before) in [
            (
                "delete from login_tries where minute < $1",
                now - Duration::HOUR,
            ),
            (
                "delete from login_failures where last_at < $1",
                now - MEMORY,
            ),
        ] {
            sqlx::query(sql).bind(before).execute(&mut *db).await?;
        }
    }
    Ok(tries)
}

/// How long this name waits in this network; if it need not, its failure is
/// counted.
async fn wait_for(
    db: &mut PgConnection,
    account: &[u8],
    network: &str,
    now: OffsetDateTime,
) -> Result<Option<Duration>, sqlx::Error> {
    // Writes nothing new to a row that exists, but locks it: tries at the same
    // time come one after the other.
    let (failures, last): (i32, OffsetDateTime) = sqlx::query_as(
        "insert into login_failures as f (account, network, failures, last_at) \
         values ($1, $2, 0, $3) \
         on conflict (account, network) do update set failures = f.failures \
         returning failures, last_at",
    )
    .bind(account)
    .bind(network)
    .bind(now)
    .fetch_one(&mut *db)
    .await?;
    let failures = if now - last > MEMORY { 0 } else { failures };
    let left = last + wait_after(failures) - now;
    if left.is_positive() {
        return Ok(Some(left));
    }
    sqlx::query(
        "update login_failures set failures = $3, last_at = $4 where account = $1 and network = $2",
    )
    .bind(account)
    .bind(network)
    .bind(failures.saturating_add(1))
    .bind(now)
    .execute(db)
    .await?;
    Ok(None)
}

/// How long one waits after so many failures.
fn wait_after(failures: i32) -> Duration {
    let Some(doublings) = u32::try_from(failures - FAILURES).ok() else {
        return Duration::ZERO;
    };
    (FIRST_WAIT * 2_i32.pow(doublings.min(10))).min(LONGEST_WAIT)
}

/// A name was right after all: nothing is counted against it here.
pub(super) async fn forget(
    db: &mut PgConnection,
    name: &str,
    network: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query("delete from login_failures where account = $1 and network = $2")
        .bind(account(name))
        .bind(network)
        .execute(db)
        .await?;
    Ok(())
}

/// Records a login that failed. `user` is named only if there is one: what was
/// typed otherwise may be a password in the wrong place.
///
/// # Errors
/// When the database refuses.
pub async fn failed(
    db: &PgPool,
    user: Option<&str>,
    reason: &str,
    network: &str,
    now: OffsetDateTime,
) -> Result<(), UsersError> {
    let mut tx = db.begin().await?;
    record(&mut tx, user, reason, network, now).await?;
    Ok(tx.commit().await?)
}

async fn record(
    db: &mut PgConnection,
    user: Option<&str>,
    reason: &str,
    network: &str,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    let detail = json!({ "reason": reason, "network": network });
    let entry = Entry {
        by: user,
        ..Entry::new("authentication", "login_failed", now, &detail)
    };
    audit::append(db, entry).await
}

/// One name however it was written.
pub(crate) fn account(typed: &str) -> Vec<u8> {
    hash(&typed.trim().to_lowercase()).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_quarter_of_an_hour() {
        let waits = |range: std::ops::RangeInclusive<i32>| -> Vec<i64> {
            range.map(|n| wait_after(n).whole_seconds()).collect()
        };
        assert_eq!(waits(0..=4), [0; 5]);
        assert_eq!(waits(5..=12), [15, 30, 60, 120, 240, 480, 900, 900]);
        assert_eq!(waits(i32::MAX..=i32::MAX), [900]);
    }
}
