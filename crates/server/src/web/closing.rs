//! What goes on beside requests: sessions that are over are closed, content's
//! figures are brought up to date, and the keys of tomorrow's visitors are made.

use std::sync::Arc;
use std::time::Duration;

use sqlx::PgPool;
use systemprompt_capture::Spool;
use systemprompt_domain::Clock;
use systemprompt_storage::web::close::{Which, close};
use systemprompt_storage::web::content::aggregate;
use systemprompt_storage::web::{Judge, Salts};

/// How often sessions are closed.
const ROUND: Duration = Duration::from_secs(30);
/// Rounds between two aggregations: a quarter of an hour.
const AGGREGATION: u32 = 30;
/// Rounds between two looks at the keys: an hour.
const KEYS: u32 = 120;

/// Looks after sessions.
pub(crate) struct Sessions {
    pub(crate) pool: PgPool,
    pub(crate) spool: Spool,
    pub(crate) salts: Arc<Salts>,
}

impl Sessions {
    /// Goes on for ever. Any number of servers may do so: one at a time is about
    /// each thing.
    pub(crate) async fn run(self) {
        let judge = Judge::built_in();
        let mut round = tokio::time::interval(ROUND);
        round.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        for n in 0_u32.. {
            round.tick().await;
            if let Err(error) = self.attend(&judge, n).await {
                tracing::warn!(%error, "sessions stay open until the database takes part");
            }
        }
    }

    async fn attend(&self, judge: &Judge, n: u32) -> Result<(), sqlx::Error> {
        let now = Clock::System.now();
        if n.is_multiple_of(KEYS) {
            self.salts.refresh(&self.pool, now).await?;
        }
        // What waits in the spool may belong to a session that looks over.
        if self.spool.backlog() == 0 {
            close(&self.pool, judge, Which::Visited(now), now).await?;
        }
        if n.is_multiple_of(AGGREGATION) {
            aggregate(&self.pool, judge.rules(), now, false).await?;
        }
        Ok(())
    }
}
