//! Asking what panels ask. Pages that are open in many windows, and panels of one
//! page that ask the same, share an answer for a second.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use sqlx::PgPool;
use systemprompt_domain::Clock;
use systemprompt_reporting::{Answer, Ctx, Entry, Error, Scope, Settings};
use tokio::sync::OnceCell;

/// How long an answer is good for everybody.
const FRESH: Duration = Duration::from_secs(1);

/// Why a panel has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// It cannot be asked like this, or there is no such thing.
    Refused(String),
    Missing(String),
    /// Asking again may help.
    Away,
}

/// What became of a question.
pub(super) type Asked = Result<Arc<Answer<Value>>, Failure>;

/// Asks questions on behalf of people who are signed in: they see everything.
#[derive(Clone, Debug)]
pub(super) struct Desk {
    ctx: Ctx,
    recent: Arc<Mutex<HashMap<String, Recent>>>,
}

#[derive(Clone, Debug)]
struct Recent {
    since: Instant,
    answer: Arc<OnceCell<Asked>>,
}

impl Desk {
    pub(super) fn new(pool: PgPool, settings: Arc<Settings>, clock: Clock) -> Self {
        Self {
            ctx: Ctx {
                pool,
                settings,
                scope: Scope::everything(),
                clock,
            },
            recent: Arc::default(),
        }
    }

    /// What time it is for answers.
    pub(super) fn now(&self) -> time::OffsetDateTime {
        self.ctx.clock.now()
    }

    /// What was answered before is old now.
    pub(super) fn forget(&self) {
        let recent = self.recent.lock();
        recent.unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Asks, or waits for whoever just asked the same.
    pub(super) async fn ask(&self, entry: &'static Entry, query: &str) -> Asked {
        let key = format!("{}?{query}", entry.path.join(" "));
        let answer = {
            let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
            recent.retain(|_, recent| recent.since.elapsed() < FRESH);
            let recent = recent.entry(key.clone()).or_insert_with(|| Recent {
                since: Instant::now(),
                answer: Arc::default(),
            });
            Arc::clone(&recent.answer)
        };
        let asked = answer.get_or_init(|| self.run(entry, query)).await.clone();
        if asked.is_err() {
            // Trying again is to try again.
            let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
            recent.remove(&key);
        }
        asked
    }

    async fn run(&self, entry: &'static Entry, query: &str) -> Asked {
        let answer = match entry.decode(query) {
            Ok(params) => entry.run(&self.ctx, params).await,
            Err(error) => Err(error),
        };
        answer.map(Arc::new).map_err(|error| match error {
            Error::Usage(message) => Failure::Refused(message),
            Error::NotFound(message) => Failure::Missing(message),
            Error::Database(error) => {
                tracing::warn!(%error, question = entry.path.join(" "), "a panel has no answer");
                Failure::Away
            }
        })
    }
}
