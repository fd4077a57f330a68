//! The outbox: what is to be sent, by whichever server comes first.

use std::time::Duration;

use serde_json::Value;
use sqlx::{PgConnection, PgPool, Row};
use systemprompt_domain::Clock;
use time::OffsetDateTime;
use uuid::Uuid;

/// The pause after the first failure; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_secs(30);
/// And is never longer than this.
const LONGEST_PAUSE: Duration = Duration::from_secs(3_600);
/// A channel may ask for a longer one, within reason.
const LONGEST_WISH: Duration = Duration::from_secs(24 * 3_600);

/// A message that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The message's id, the same at every attempt.
    pub id: Uuid,
    /// The channel: `email`, `webhook`, `discord` or `slack`.
    pub channel: String,
    /// The message, as JSON.
    pub message: Value,
    /// Attempts that failed.
    pub attempts: u32,
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The channel took it.
    Sent,
    /// It may be taken later.
    Retry {
        /// How long the channel wants us to wait, if it says so.
        after: Option<Duration>,
        /// What went wrong.
        error: String,
    },
    /// The channel is not configured, or refuses it for good.
    Undelivered {
        /// Why.
        error: String,
    },
}

/// Sends one message that is due, if there is one, and says which and how it
/// went.
///
/// Its row is locked while it is sent, so no other server sends it; if this one
/// dies, the row is free at once. It is sent twice only when the process dies
/// between the channel's answer and our commit.
///
/// # Errors
/// When the database fails; the message is still due then.
pub async fn deliver_next<F, Sending>(
    pool: &PgPool,
    clock: Clock,
    send: F,
) -> Result<Option<(Delivery, Outcome)>, sqlx::Error>
where
    F: FnOnce(Delivery) -> Sending,
    Sending: Future<Output = Outcome>,
{
    let mut tx = pool.begin().await?;
    let Some(delivery) = claim(&mut tx, clock.now()).await? else {
        return Ok(None);
    };
    let outcome = send(delivery.clone()).await;
    record(&mut tx, &delivery, &outcome, clock.now()).await?;
    tx.commit().await?;
    Ok(Some((delivery, outcome)))
}

/// Queues something to tell that is no alert, unless it is queued already: what
/// `about` names has one message a channel for the moment `of`. `true` if it is new.
///
/// # Errors
/// When the database fails.
pub async fn queue(
    pool: &PgPool,
    (about, of): (&str, OffsetDateTime),
    channel: &str,
    id: Uuid,
    message: &Value,
) -> Result<bool, sqlx::Error> {
    let new = sqlx::query(
        "insert into outbox \
             (id, created_at, alert, period_start, share, channel, message, state, next_at) \
         values ($1, now(), $2, $3, 1, $4, $5, 'waiting', now()) \
         on conflict (alert, period_start, share, channel) do nothing",
    )
    .bind(id)
    .bind(about)
    .bind(of)
    .bind(channel)
    .bind(message)
    .execute(pool)
    .await?;
    Ok(new.rows_affected() == 1)
}

async fn claim(
    db: &mut PgConnection,
    now: OffsetDateTime,
) -> Result<Option<Delivery>, sqlx::Error> {
    let row = sqlx::query(
        "select id, channel, message, attempts from outbox \
         where state = 'waiting' and next_at <= $1 \
         order by next_at, id \
         limit 1 \
         for update skip locked",
    )
    .bind(now)
    .fetch_optional(db)
    .await?;
    row.map(|row| {
        Ok(Delivery {
            id: row.try_get(0)?,
            channel: row.try_get(1)?,
            message: row.try_get(2)?,
            attempts: row.try_get::<i32, _>(3)?.cast_unsigned(),
        })
    })
    .transpose()
}

async fn record(
    db: &mut PgConnection,
    delivery: &Delivery,
    outcome: &Outcome,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    let (state, error) = match outcome {
        Outcome::Sent => ("sent", None),
        Outcome::Retry { error, .. } => ("waiting", Some(error.as_str())),
        Outcome::Undelivered { error } => ("undelivered", Some(error.as_str())),
    };
    let pause = match outcome {
        Outcome::Retry { after, .. } => after.map_or_else(
            || back_off(delivery.attempts),
            |wish| wish.min(LONGEST_WISH),
        ),
        _ => Duration::ZERO,
    };
    sqlx::query(
        "update outbox set state = $2, attempts = attempts + 1, next_at = $3, sent_at = $4, \
             last_error = $5 \
         where id = $1",
    )
    .bind(delivery.id)
    .bind(state)
    .bind(now + pause)
    .bind((*outcome == Outcome::Sent).then_some(now))
    .bind(error.map(|error| error.replace('\0', "\u{fffd}")))
    .execute(db)
    .await?;
    Ok(())
}

fn back_off(failures: u32) -> Duration {
    let factor = 2_u32.saturating_pow(failures);
    FIRST_PAUSE.saturating_mul(factor).min(LONGEST_PAUSE)
}
