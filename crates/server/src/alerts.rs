//! Alerts and notices that wait to be sent.

use std::sync::Arc;
use std::time::Duration;

use sqlx::PgPool;
use systemprompt_domain::Clock;
use systemprompt_notify::{Channel, Channels, Retry, SendError, Waiting};
use systemprompt_storage::budgets::{self, Delivery, Outcome};
use tokio_util::sync::CancellationToken;

use crate::swap::Swap;

/// How often the outbox is looked at.
const ROUND: Duration = Duration::from_secs(1);

/// What sending takes.
pub(crate) struct Outbox {
    pub(crate) channels: Swap<Channels>,
    pub(crate) pool: PgPool,
}

impl Outbox {
    /// Sends what is due, until `stop`. Any number of servers may do so: each message
    /// is sent by one of them. One that is on its way is sent to its end: a message
    /// that was taken and not recorded would be sent twice.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut round = tokio::time::interval(ROUND);
        round.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = round.tick() => {}
                () = stop.cancelled() => return,
            }
            if let Err(error) = deliver(&self.pool, &self.channels.current(), &stop).await {
                // The database is away; what is due stays due.
                tracing::debug!(%error, "alerts wait for the database");
            }
        }
    }
}

/// Sends everything that is due, until `stop`.
async fn deliver(
    pool: &PgPool,
    channels: &Arc<Channels>,
    stop: &CancellationToken,
) -> Result<(), sqlx::Error> {
    while !stop.is_cancelled() {
        let send = |delivery| send(Arc::clone(channels), delivery);
        let Some((delivery, outcome)) = budgets::deliver_next(pool, Clock::System, send).await?
        else {
            return Ok(());
        };
        let (id, channel) = (delivery.id, &delivery.channel);
        match outcome {
            Outcome::Sent => tracing::info!(%id, channel, "an alert was sent"),
            Outcome::Retry { error, .. } => {
                tracing::warn!(%id, channel, error, "an alert could not be sent and is tried again");
            }
            Outcome::Undelivered { error } => {
                tracing::warn!(%id, channel, error, "an alert cannot be delivered");
            }
        }
    }
    Ok(())
}

async fn send(channels: Arc<Channels>, delivery: Delivery) -> Outcome {
    let undelivered = |error: String| Outcome::Undelivered { error };
    let channel: Channel = match delivery.channel.parse() {
        Ok(channel) => channel,
        Err(error) => return undelivered(format!("{error}")),
    };
    let message: Waiting = match serde_json::from_value(delivery.message) {
        Ok(message) => message,
        Err(error) => return undelivered(format!("the message cannot be read: {error}")),
    };
    match channels.send(channel, message.told()).await {
        Ok(()) => Outcome::Sent,
        Err(error) => outcome(&error),
    }
}

fn outcome(error: &SendError) -> Outcome {
    let text = error.to_string();
    match error.retry() {
        Retry::Never => Outcome::Undelivered { error: text },
        Retry::Later => Outcome::Retry {
            after: None,
            error: text,
        },
        Retry::After(after) => Outcome::Retry {
            after: Some(after),
            error: text,
        },
    }
}
