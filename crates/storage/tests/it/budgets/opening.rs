//! A budget that is configured in the middle of a period knows what was spent
//! before.

use std::slice;

use systemprompt_budgets::{Rules, Subject};
use systemprompt_config::{Alert, AlertScope, AlertType};
use systemprompt_domain::Nanos;
use systemprompt_domain::event::RequestFinished;
use systemprompt_storage::budgets::{Change, correct, lease};
use systemprompt_storage::check::check_budgets;
use systemprompt_testkit::db::TestDb;
use time::Duration;

use super::{NOW, Server, USD, agent, assert_balanced, daily, request, rule, standing, today};
use crate::writer::count;

/// Three days of requests, one every seven minutes, of several scopes.
fn history() -> Vec<RequestFinished> {
    (0..600_i32)
        .map(|n| {
            let mut request = request(NOW - Duration::minutes(7) * n, i64::from(n) * 1_001 + 1);
            let context = &mut request.context;
            context.agent = Some(format!("agent-{}", n % 3));
            context.user = (n % 2 == 0).then(|| format!("user-{}", n % 4));
            context.provider = format!("provider-{}", n % 5);
            context.requested_model = Some(format!("model-{}", n % 4));
            request
        })
        .collect()
}

fn scopes() -> Vec<Alert> {
    let scopes = [
        None,
        agent("agent-1"),
        Some(AlertScope::User("user-2".into())),
        Some(AlertScope::Model("model-3".into())),
        Some(AlertScope::Provider("provider-4".into())),
    ];
    let kinds = [
        (AlertType::HourlyCost, "Asia/Kathmandu"),
        (AlertType::DailyCost, "Asia/Kolkata"),
        (AlertType::WeeklyCost, "America/New_York"),
        (AlertType::MonthlyCost, "UTC"),
    ];
    let each = kinds.into_iter().flat_map(|(kind, timezone)| {
        scopes.clone().map(|scope| Alert {
            kind,
            timezone: timezone.into(),
            scope,
            ..daily(1_000)
        })
    });
    each.collect()
}

#[tokio::test]
async fn an_account_that_a_lease_opens_starts_with_the_sum_of_the_requests() {
    let db = TestDb::new().await;
    let (mut before, _dir) = Server::new(&db, &[]).await;
    before.store(history()).await;
    for alert in scopes() {
        let rule = rule(&alert);
        let leased = lease(db.pool(), &rule, today(&rule), Nanos(1), before.id(), NOW);
        leased.await.expect("the database answers");
        assert!(
            standing(&db, &rule).await.spent > Nanos::ZERO,
            "{}",
            rule.name
        );
    }
    assert_balanced(&db, &scopes()).await;
}

#[tokio::test]
async fn an_account_that_a_batch_opens_counts_the_batch_once() {
    let db = TestDb::new().await;
    let mut history = history();
    let late = history.split_off(300);
    let (mut before, _before) = Server::new(&db, &[]).await;
    before.store(late).await;
    let (mut a, _a) = Server::new(&db, &scopes()).await;
    let (mut b, _b) = Server::new(&db, &scopes()).await;
    let half = history.split_off(150);
    tokio::join!(a.store(history), b.store(half));
    let accounts = count(db.pool(), "select count(*) from budget_periods").await;
    assert!(accounts > 20, "{accounts} accounts");
    assert_balanced(&db, &scopes()).await;
}

/// Their requests share no rollup row that would make them wait for each other.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn servers_that_open_an_account_together_count_every_batch_once() {
    let db = TestDb::new().await;
    let mut alerts = Vec::new();
    for round in 0..10 {
        let alert = Alert {
            kind: AlertType::MonthlyCost,
            name: Some(format!("round-{round}")),
            scope: agent(&format!("agent-of-round-{round}")),
            ..daily(1_000)
        };
        let mut servers = Vec::new();
        for _ in 0..4 {
            servers.push(Server::new(&db, slice::from_ref(&alert)).await);
        }
        let tasks = servers.into_iter().zip(0..4).map(|((mut server, dir), n)| {
            let mut request = request(NOW - Duration::days(n), USD);
            request.context.agent = Some(format!("agent-of-round-{round}"));
            tokio::spawn(async move {
                server.store([request]).await;
                drop(dir);
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.expect("stored");
        }
        assert_eq!(standing(&db, &rule(&alert)).await.spent.0, 4 * USD);
        alerts.push(alert);
    }
    assert_balanced(&db, &alerts).await;
}

/// Rollups know the name that answered; a budget also the one that was asked for.
#[tokio::test]
async fn a_model_under_two_names_is_counted_once() {
    let db = TestDb::new().await;
    let alerts = ["model-1", "model-1-20261101"].map(|name| Alert {
        scope: Some(AlertScope::Model(name.into())),
        ..daily(1_000)
    });
    let (mut server, _dir) = Server::new(&db, &alerts).await;
    let mut dated = request(NOW, 5 * USD);
    dated.served_model = Some("model-1-20261101".into());
    server.store([dated.clone(), request(NOW, USD)]).await;
    assert_eq!(standing(&db, &rule(&alerts[0])).await.spent.0, 6 * USD);
    assert_eq!(standing(&db, &rule(&alerts[1])).await.spent.0, 5 * USD);
    assert_balanced(&db, &alerts).await;
}

#[tokio::test]
async fn corrections_reach_the_accounts_that_exist_and_the_check_sees_what_is_wrong() {
    let db = TestDb::new().await;
    let alerts = [
        daily(1_000),
        Alert {
            scope: agent("agent-1"),
            ..daily(1_000)
        },
    ];
    let rules = Rules::new(&alerts);
    let (mut server, _dir) = Server::new(&db, &alerts).await;
    let mut other = request(NOW, 3 * USD);
    other.context.agent = Some("agent-2".into());
    server.store([request(NOW, 4 * USD), other.clone()]).await;
    let change = |request: &RequestFinished, delta, days| {
        let created_at = NOW - Duration::days(days);
        (request.clone(), created_at, Nanos(delta))
    };
    let changes = [
        change(&request(NOW, 0), -USD, 0),
        change(&other, 2 * USD, 0),
        change(&other, 2 * USD, 3),
    ];
    let changes: Vec<_> = changes
        .iter()
        .map(|(request, created_at, delta)| Change {
            subject: Subject::from(request),
            created_at: *created_at,
            delta: *delta,
        })
        .collect();
    let mut tx = db.pool().begin().await.unwrap();
    correct(&mut tx, &rules, &changes).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(standing(&db, &rule(&alerts[0])).await.spent.0, 8 * USD);
    assert_eq!(standing(&db, &rule(&alerts[1])).await.spent.0, 3 * USD);
    assert_eq!(
        count(db.pool(), "select count(*) from budget_periods").await,
        2
    );

    let differences = check_budgets(db.pool(), &rules).await.unwrap();
    let shown: Vec<_> = differences.iter().map(ToString::to_string).collect();
    assert_eq!(shown.len(), 2, "the requests were not corrected: {shown:?}");
    assert!(
        shown[0]
            .contains(r#"expected {"spent_nanos":7000000000}, found {"spent_nanos":8000000000}"#),
        "{shown:?}"
    );
}
