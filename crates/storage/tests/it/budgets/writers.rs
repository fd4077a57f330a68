//! Several servers that settle the same budgets at once.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use systemprompt_budgets::{Rule, Rules};
use systemprompt_config::{Alert, AlertScope, AlertType};
use systemprompt_domain::event::RequestFinished;
use systemprompt_domain::ids::SpoolId;
use systemprompt_domain::{Nanos, RequestState};
use systemprompt_storage::budgets::{Leased, Settlement, give_back, lease};
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

/// What each request sets aside.
const RESERVED: Nanos = Nanos(1_000);

/// Sets the same aside in every budget, or in none if one has too little left.
async fn set_aside(db: &TestDb, alerts: &[Alert], of: &RequestFinished, by: SpoolId) -> bool {
    let give = async |rule: &Rule, amount| {
        let since = rule.period(of.context.created_at).unwrap().since;
        give_back(db.pool(), &rule.name, since, amount, by)
            .await
            .unwrap();
    };
    let rules: Vec<_> = alerts.iter().map(rule).collect();
    for (n, rule) in rules.iter().enumerate() {
        let period = rule.period(of.context.created_at).unwrap();
        match lease(db.pool(), rule, period, RESERVED, by, NOW).await {
            Ok(Leased::Granted { amount }) => give(rule, amount - RESERVED).await,
            Ok(_) => {
                for rule in &rules[..n] {
                    give(rule, RESERVED).await;
                }
                return false;
            }
            Err(error) => panic!("{error}"),
        }
    }
    true
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
            for n_in_batch in 0..alerts.len() {
                let mut ended = request(
                    NOW - Duration::minutes(25 * (round % 7)),
                    3_000_000 + n * 1_000 + round,
                );
                if n_in_batch % 3 == 0 {
                    ended.state = RequestState::Failed;
                }
                if set_aside(&db, &alerts, &ended, server.id()).await {
                    ended.context.reserved.typical = RESERVED;
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

/// Without the rollups, whose rows would line the transactions up before they
/// come to the accounts.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn settlements_that_meet_only_in_the_accounts_wait_for_each_other() {
    let db = TestDb::new().await;
    let mut alerts = overlapping();
    for alert in &alerts {
        let rule = rule(alert);
        let opened = lease(
            db.pool(),
            &rule,
            today(&rule),
            Nanos(0),
            SpoolId::new(),
            NOW,
        );
        opened.await.unwrap();
    }
    let mut tasks = Vec::new();
    for _ in 0..4 {
        alerts.rotate_left(1);
        let (pool, rules) = (db.pool().clone(), Arc::new(Rules::new(&alerts)));
        tasks.push(tokio::spawn(async move {
            let (mut settlement, spool) = (Settlement::new(rules), SpoolId::new());
            for _ in 0..50 {
                let request = request(NOW, 1_000);
                let mut tx = pool.begin().await.unwrap();
                let settled = settlement
                    .settle(&mut tx, spool, &[&request], NOW)
                    .await
                    .expect("nobody deadlocks");
                tx.commit().await.unwrap();
                settlement.committed(settled);
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let complete = "select count(*) from budget_periods where spent_nanos = 200000";
    assert_eq!(count(db.pool(), complete).await, 8);
}
