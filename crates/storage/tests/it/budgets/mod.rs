//! Budgets against a real database.

#![allow(clippy::unwrap_used)]

mod alerts;
mod leases;
mod model;
mod opening;
mod outbox;
mod thresholds;
mod writers;

use std::path::Path;
use std::sync::Arc;

use sqlx::PgPool;
use systemprompt_budgets::{Rule, Rules};
use systemprompt_capture::Spool;
use systemprompt_config::{Action, Alert, AlertScope, AlertType, Reserve};
use systemprompt_domain::event::RequestFinished;
use systemprompt_domain::ids::{BootId, SpoolId};
use systemprompt_domain::period::Interval;
use systemprompt_domain::{Clock, Nanos, RequestState, Sampling};
use systemprompt_storage::Writer;
use systemprompt_storage::budgets::{Leased, Standing, lease, status};
use systemprompt_storage::check::check_budgets;
use systemprompt_testkit::db::TestDb;
use tempfile::TempDir;
use time::OffsetDateTime;
use time::macros::datetime;

use crate::writer::{append, context, end, finished, spool};

/// Far from any midnight.
const NOW: OffsetDateTime = datetime!(2026-11-25 10:07:30 UTC);
const USD: i64 = 1_000_000_000;

/// A budget of a UTC day.
fn daily(usd: i64) -> Alert {
    Alert {
        kind: AlertType::DailyCost,
        threshold: usd.into(),
        action: vec![Action::Email, Action::PauseRequests],
        scope: None,
        notify_at: vec![1.into()],
        timezone: "UTC".into(),
        reserve: Reserve::Typical,
        name: None,
    }
}

fn agent(name: &str) -> Option<AlertScope> {
    Some(AlertScope::Agent(name.into()))
}

fn rule(alert: &Alert) -> Rule {
    Rule::from_alert(alert).expect("an alert on costs")
}

fn today(rule: &Rule) -> Interval {
    rule.period(NOW).expect("a period")
}

/// A request that began at a moment and cost an amount.
fn request(at: OffsetDateTime, nanos: i64) -> RequestFinished {
    let mut context = context(60, 1, 1, 1);
    context.created_at = at;
    let mut request = finished(context, RequestState::Completed, 100, 1);
    request.cost = Some(Nanos(nanos));
    request
}

/// The same, with an amount that was set aside for it.
fn reserved(set_aside: i64, nanos: i64) -> RequestFinished {
    let mut request = request(NOW, nanos);
    request.context.reserved.typical = Nanos(set_aside);
    request
}

/// What a server has: a spool and its writer.
struct Server {
    spool: Spool,
    writer: Writer,
    boot: BootId,
}

impl Server {
    async fn start(db: &TestDb, dir: &Path, alerts: &[Alert]) -> Self {
        let spool = spool(dir);
        let boot = BootId::new();
        let pool = db.pool().clone();
        let writer = Writer::start(
            pool,
            spool.clone(),
            Clock::Fixed(NOW),
            boot,
            Sampling::ALL,
            false,
        )
        .await
        .expect("the writer starts")
        .with_rules(Arc::new(Rules::new(alerts)));
        Self {
            spool,
            writer,
            boot,
        }
    }

    async fn new(db: &TestDb, alerts: &[Alert]) -> (Self, TempDir) {
        let dir = tempfile::tempdir().expect("a folder");
        (Self::start(db, dir.path(), alerts).await, dir)
    }

    fn id(&self) -> SpoolId {
        self.spool.id()
    }

    /// Stores requests, in one batch.
    async fn store(&mut self, requests: impl IntoIterator<Item = RequestFinished>) {
        for request in requests {
            append(&self.spool, &end(request));
        }
        self.spool.flush().await;
        self.writer.drain().await.expect("drains");
    }

    async fn lease(&self, db: &TestDb, rule: &Rule, need: i64) -> Leased {
        lease_for(db.pool(), rule, need, self.id()).await
    }
}

async fn lease_for(pool: &PgPool, rule: &Rule, need: i64, spool: SpoolId) -> Leased {
    lease(pool, rule, today(rule), Nanos(need), spool, NOW)
        .await
        .expect("the database answers")
}

/// How a budget stands today.
async fn standing(db: &TestDb, rule: &Rule) -> Standing {
    let mut standings = status(db.pool(), &[&rule.name], NOW)
        .await
        .expect("the database answers");
    assert_eq!(standings.len(), 1, "{standings:?}");
    standings.remove(0)
}

async fn assert_balanced(db: &TestDb, alerts: &[Alert]) {
    let differences = check_budgets(db.pool(), &Rules::new(alerts))
        .await
        .expect("the check runs");
    assert!(differences.is_empty(), "{differences:#?}");
}
