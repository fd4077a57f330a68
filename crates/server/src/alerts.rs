//! Alerts: what is measured now and then, and what waits to be sent.

use std::sync::Arc;
use std::time::Duration;

use sqlx::PgPool;
use systemprompt_config::Alert;
use systemprompt_domain::Clock;
use systemprompt_notify::{Channel, Channels, Message, Retry, SendError};
use systemprompt_storage::budgets::{self, Delivery, Outcome};

/// How often the outbox is looked at.
const ROUND: Duration = Duration::from_secs(1);
/// How many rounds pass between two measurements.
const ROUNDS_A_MEASUREMENT: u32 = 15;

/// What watching takes.
pub(crate) struct Watch {
    pub(crate) alerts: Vec<Alert>,
    pub(crate) channels: Channels,
    pub(crate) pool: PgPool,
}

impl Watch {
    /// Measures and sends, for ever. Any number of servers may do so: each
    /// threshold is told once, and each message is sent by one of them.
    pub(crate) async fn run(self) {
        let channels = Arc::new(self.channels);
        let mut round = tokio::time::interval(ROUND);
        round.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        for n in 0_u32.. {
            round.tick().await;
            let mut told = Ok(());
            if n.is_multiple_of(ROUNDS_A_MEASUREMENT) {
                let now = Clock::System.now();
                told = budgets::alerts::evaluate(&self.pool, &self.alerts, now).await;
            }
            if let Err(error) = told.and(deliver(&self.pool, &channels).await) {
                // The database is away; what is due stays due.
                tracing::debug!(%error, "alerts wait for the database");
            }
        }
    }
}

/// Sends everything that is due.
async fn deliver(pool: &PgPool, channels: &Arc<Channels>) -> Result<(), sqlx::Error> {
    loop {
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
}

async fn send(channels: Arc<Channels>, delivery: Delivery) -> Outcome {
    let undelivered = |error: String| Outcome::Undelivered { error };
    let channel: Channel = match delivery.channel.parse() {
        Ok(channel) => channel,
        Err(error) => return undelivered(format!("{error}")),
    };
    let message: Message = match serde_json::from_value(delivery.message) {
        Ok(message) => message,
        Err(error) => return undelivered(format!("the message cannot be read: {error}")),
    };
    match channels.send(channel, &message).await {
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
