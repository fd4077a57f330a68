//! Several servers that settle the same budgets at once.

use std::sync::atomic::Ordering;

use systemprompt_config::{Alert, AlertScope, AlertType};
use systemprompt_domain::event::Reservation;
use systemprompt_domain::{Nanos, RequestState};
use systemprompt_storage::budgets::{Leased, lease};
use systemprompt_testkit::db::TestDb;
use time::Duration;

use super::{NOW, Server, agent, assert_balanced, daily, request, rule, today};
use crate::writer::count;

fn overlapping() -> Vec<Alert> {
    let scopes = [
        None,
        agent("agent-1"),
        Some(AlertScope::User("user-1".into())),
        Some(AlertScope::Provider("provider-1".into())),
    ];
    let kinds = [AlertType::HourlyCost, AlertType::DailyCost];
    let each = scopes.into_iter().flat_map(|scope| {
        kinds.map(|kind| Alert {
            kind,
            scope: scope.clone(),
            notify_at: ["0.1", "0.5", "1"].map(|s| s.parse().unwrap()).into(),
            ..daily(1)
        })
    });
    each.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn four_writers_settle_overlapping_budgets_without_a_deadlock() {
    let db = TestDb::new().await;
    let work = async |n: i64| {
        // Each has the budgets in an order of its own.
        let mut alerts = overlapping();
        let by = usize::try_from(n).unwrap();
        alerts.rotate_left(by);
        let (mut server, dir) = Server::new(&db, &alerts).await;
        for round in 0..25 {
            let mut batch = Vec::new();
            for (at, alert) in alerts.iter().enumerate() {
                let rule = rule(alert);
                let period = today(&rule);
                let leased = lease(db.pool(), &rule, period, Nanos(1_000), server.id(), NOW).await;
                let mut ended = request(
                    NOW - Duration::minutes(25 * (round % 7)),
                    3_000_000 + n * 1_000 + round,
                );
                if at % 3 == 0 {
                    ended.state = RequestState::Failed;
                }
                if let Leased::Granted { amount } = leased.unwrap() {
                    ended.context.reservations.push(Reservation {
                        budget: rule.name.clone(),
                        period: period.since,
                        amount,
                    });
                }
                batch.push(ended);
            }
            server.store(batch).await;
        }
        assert_eq!(server.writer.stats().retries.load(Ordering::Relaxed), 0);
        drop(dir);
    };
    tokio::join!(work(0), work(1), work(2), work(3));
    assert_balanced(&db, &overlapping()).await;
    assert_eq!(
        count(
            db.pool(),
            "select sum(leased_nanos)::bigint from budget_periods"
        )
        .await,
        0,
        "every reservation was released"
    );
    let twice = "select count(*) - count(distinct (alert, period_start, share)) from outbox";
    assert_eq!(count(db.pool(), twice).await, 0);
    assert!(count(db.pool(), "select count(*) from outbox").await >= 8 * 3);
}
