//! Health: `/healthz` says that the process lives, `/readyz` whether it should
//! be sent requests, and what is not as it should be.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde_json::{Value, json};
use sqlx::PgPool;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use systemprompt_capture::Spool;
use systemprompt_storage::{Replica, WriterStats};

use crate::auth::Auth;
use crate::budgets::Budgets;
use crate::gateway::Gateway;
use crate::shutdown::Shutdown;

/// The lane of web traffic.
#[derive(Clone, Debug)]
pub(crate) struct Lane {
    pub(crate) spool: Spool,
    pub(crate) writer: Arc<WriterStats>,
}

impl Lane {
    fn state(&self) -> Value {
        json!({
            "spool": if self.spool.is_healthy() { "ok" } else { "unavailable" },
            "spool_backlog_bytes": self.spool.backlog(),
            "events_stored": self.writer.events.load(Ordering::Relaxed),
            "dead_letters": self.writer.dead_letters.load(Ordering::Relaxed),
        })
    }
}

/// What readiness looks at.
#[derive(Clone, Debug)]
pub(crate) struct Health {
    pub(crate) pool: PgPool,
    /// Whom questions are put to, if not the database itself.
    pub(crate) replica: Option<Replica>,
    pub(crate) auth: Auth,
    pub(crate) spool: Spool,
    pub(crate) gateway: Gateway,
    pub(crate) budgets: Budgets,
    pub(crate) writer: Arc<WriterStats>,
    /// `None` while page views are not taken.
    pub(crate) web: Option<Lane>,
    pub(crate) shutdown: Shutdown,
}

/// `GET /healthz`
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// Whether requests should be sent here, and why not.
pub(crate) struct Readiness {
    pub(crate) status: StatusCode,
    word: &'static str,
    pub(crate) database: bool,
    /// How far a replica is behind, if questions are put to one.
    pub(crate) replica: Option<Lag>,
    spool: bool,
}

/// How far a replica is behind; `None` if it does not answer.
pub(crate) type Lag = Option<Duration>;

impl Health {
    /// How far the replica is behind, if questions are put to one.
    pub(crate) async fn lag(&self) -> Option<Lag> {
        match &self.replica {
            Some(replica) => Some(replica.lag().await),
            None => None,
        }
    }

    pub(crate) async fn readiness(&self) -> Readiness {
        let query = sqlx::query_scalar::<_, i32>("select 1").fetch_one(&self.pool);
        let database = tokio::time::timeout(Duration::from_secs(1), query);
        let (database, replica) = tokio::join!(database, self.lag());
        let database = matches!(database, Ok(Ok(1)));
        let spool = self.spool.is_healthy() || !self.gateway.records();
        let stopping = self.shutdown.stopping.is_cancelled();
        let lane = self.web.as_ref();
        let web = lane.is_none_or(|lane| lane.spool.is_healthy());
        let (status, word) = match (stopping, spool, database) {
            (true, ..) => (StatusCode::SERVICE_UNAVAILABLE, "stopping"),
            (_, false, _) => (StatusCode::SERVICE_UNAVAILABLE, "spool_unavailable"),
            (_, _, false) => (StatusCode::OK, "degraded"),
            _ if self.gateway.undurable() > 0 || !web || replica == Some(None) => {
                (StatusCode::OK, "degraded")
            }
            _ => (StatusCode::OK, "ready"),
        };
        Readiness {
            status,
            word,
            database,
            replica,
            spool,
        }
    }
}

/// `GET /readyz`: 503 while stopping and while requests that should be recorded
/// cannot be.
/// Without the database the gateway goes on, so that is 200, `degraded`; and so it is
/// where only page views cannot be taken, or only the replica is away.
pub(crate) async fn readyz(State(health): State<Health>) -> (StatusCode, Json<Value>) {
    let ready = health.readiness().await;
    let body = json!({
        "status": ready.word,
        "database": if ready.database { "ok" } else { "unreachable" },
        "replica": ready.replica.map(|lag| if lag.is_some() { "ok" } else { "unreachable" }),
        "tokens": if health.auth.is_remembering() { "remembered" } else { "verified" },
        "spool": if ready.spool { "ok" } else { "unavailable" },
        "spool_backlog_bytes": health.spool.backlog(),
        "undurable": health.gateway.undurable(),
        "budget_questions": health.budgets.asked(),
        "events_stored": health.writer.events.load(Ordering::Relaxed),
        "dead_letters": health.writer.dead_letters.load(Ordering::Relaxed),
        "web": health.web.as_ref().map(Lane::state),
    });
    (ready.status, Json(body))
}
