//! The keys of visitors' hashes in this server's memory: learned while the database
//! is there, a day ahead, so that no report waits for it.

use std::sync::Arc;
use std::time::Duration;

use sqlx::PgPool;
use systemprompt_domain::Clock;
use systemprompt_storage::web::Salts;

/// How often the keys are looked at; those of tomorrow are there long before.
const ROUND: Duration = Duration::from_secs(3_600);
/// How soon to try again while the database is away.
const AGAIN: Duration = Duration::from_secs(30);

/// Goes on for ever.
pub(crate) async fn follow(salts: Arc<Salts>, pool: PgPool) {
    loop {
        let rest = match salts.refresh(&pool, Clock::System.now()).await {
            Ok(()) => ROUND,
            Err(error) => {
                tracing::warn!(%error, "the keys of tomorrow's visitors wait for the database");
                AGAIN
            }
        };
        tokio::time::sleep(rest).await;
    }
}
