//! Leases: who gets how much, and what becomes of it.

use systemprompt_config::Alert;
use systemprompt_domain::Nanos;
use systemprompt_domain::ids::SpoolId;
use systemprompt_storage::budgets::{Leased, give_back, lease, resume};
use systemprompt_testkit::db::TestDb;
use time::Duration;

use super::{
    NOW, Server, USD, assert_balanced, daily, lease_for, request, reserved, rule, standing, today,
};
use crate::writer::{append, count, start};

fn amount(leased: Leased) -> i64 {
    match leased {
        Leased::Granted { amount } | Leased::Lifted { amount, .. } => amount.0,
        Leased::Busy | Leased::Exhausted { .. } => 0,
    }
}

#[tokio::test]
async fn an_end_releases_its_reservation_and_spends_its_cost() {
    let db = TestDb::new().await;
    let alerts = [daily(100)];
    let rule = rule(&alerts[0]);
    let (mut server, _dir) = Server::new(&db, &alerts).await;
    let got = amount(server.lease(&db, &rule, USD).await);
    assert_eq!(got, 2 * USD, "a fiftieth of the limit");
    server.store([reserved(USD / 2, USD / 10)]).await;
    let after = standing(&db, &rule).await;
    assert_eq!((after.spent.0, after.leased.0), (USD / 10, got - USD / 2));

    let (mut other, _dir) = Server::new(&db, &alerts).await;
    let more = amount(other.lease(&db, &rule, USD).await);
    other.store([reserved(USD, 0)]).await;
    let after = standing(&db, &rule).await;
    assert_eq!(after.leased.0, got - USD / 2 + more - USD);

    give_back(
        db.pool(),
        &rule.name,
        today(&rule).since,
        Nanos(USD),
        server.id(),
    )
    .await
    .unwrap();
    assert_eq!(
        standing(&db, &rule).await.leased.0,
        got - USD / 2 + more - 2 * USD
    );
    // More than was lent is not taken back.
    server.store([reserved(90 * USD, 0)]).await;
    assert_eq!(standing(&db, &rule).await.leased.0, more - USD);
    assert_balanced(&db, &alerts).await;
}

#[tokio::test]
async fn after_a_crash_nothing_stays_leased_but_what_others_hold() {
    let db = TestDb::new().await;
    let alerts = [daily(100)];
    let rule = rule(&alerts[0]);
    let (other, _other) = Server::new(&db, &alerts).await;
    let others = amount(other.lease(&db, &rule, USD).await);
    let dir = tempfile::tempdir().unwrap();
    let crashed = {
        let mut server = Server::start(&db, dir.path(), &alerts).await;
        let got = amount(server.lease(&db, &rule, USD).await);
        let under_way = reserved(USD, 0).context;
        append(&server.spool, &start(&under_way, server.boot));
        server.store([reserved(USD / 2, USD / 4)]).await;
        assert_eq!(standing(&db, &rule).await.leased.0, others + got - USD / 2);
        server.id()
    };
    let mut server = Server::start(&db, dir.path(), &alerts).await;
    assert_eq!(server.id(), crashed);
    server.writer.drain().await.unwrap();
    assert_eq!(server.writer.settle_lost().await.unwrap(), 1);
    let after = standing(&db, &rule).await;
    assert_eq!((after.spent.0, after.leased.0), (USD / 4, others));
    assert_balanced(&db, &alerts).await;
}

#[tokio::test]
async fn eight_servers_that_ask_at_once_never_get_more_than_there_is() {
    let db = TestDb::new().await;
    let alerts = [daily(50)];
    let rule = rule(&alerts[0]);
    let (mut server, _dir) = Server::new(&db, &alerts).await;
    server.store([request(NOW, 7 * USD)]).await;
    let tasks = (0..8).map(|n| {
        let (pool, rule) = (db.pool().clone(), rule.clone());
        tokio::spawn(async move {
            let spool = SpoolId::new();
            let mut granted = 0;
            loop {
                match lease_for(&pool, &rule, USD / 10 + n, spool).await {
                    Leased::Granted { amount } => granted += amount.0,
                    Leased::Busy => return granted,
                    other => panic!("{other:?}"),
                }
            }
        })
    });
    let mut granted = 0;
    for task in tasks.collect::<Vec<_>>() {
        granted += task.await.unwrap();
    }
    let after = standing(&db, &rule).await;
    assert_eq!(after.leased.0, granted);
    assert!(granted <= 43 * USD, "{granted}");
    assert!(granted > 42 * USD, "little is left over: {granted}");
    assert_balanced(&db, &alerts).await;
}

#[tokio::test]
async fn busy_passes_exhausted_stays_and_a_resumed_budget_lends() {
    let db = TestDb::new().await;
    let alert = Alert {
        notify_at: vec!["0.5".parse().unwrap(), 1.into()],
        ..daily(10)
    };
    let rule = rule(&alert);
    let (mut server, _dir) = Server::new(&db, &[alert]).await;
    let first = server.lease(&db, &rule, 6 * USD).await;
    assert_eq!(
        first,
        Leased::Granted {
            amount: Nanos(6 * USD)
        }
    );
    assert_eq!(server.lease(&db, &rule, 5 * USD).await, Leased::Busy);
    assert_eq!(
        count(db.pool(), "select count(*) from alert_events").await,
        0
    );

    server.store([reserved(6 * USD, 9 * USD)]).await;
    let refused = server.lease(&db, &rule, 2 * USD).await;
    assert_eq!(refused, Leased::Exhausted { first: true });
    let refused = server.lease(&db, &rule, 2 * USD).await;
    assert_eq!(refused, Leased::Exhausted { first: false });
    assert_eq!(
        count(db.pool(), "select count(*) from alert_events").await,
        2
    );
    assert_eq!(standing(&db, &rule).await.paused_at, Some(NOW));
    let pauses = "select count(*) from audit_events where event = 'requests_paused' \
                  and detail ->> 'budget' = 'daily_cost' and detail ->> 'spent_usd' = '9'";
    assert_eq!(count(db.pool(), pauses).await, 1);

    let until = NOW + Duration::hours(1);
    let since = today(&rule).since;
    let by = Some("ann");
    let resumed = resume(db.pool(), &rule.name, since, until, by, NOW);
    let resumed = resumed.await.unwrap().expect("there is such an account");
    assert_eq!(resumed.was_paused_at, Some(NOW));
    assert_eq!(resumed.standing, standing(&db, &rule).await);
    assert_eq!(resumed.standing.paused_at, None);
    assert_eq!(resumed.standing.resumed_until, Some(until));
    let lent = server.lease(&db, &rule, 20 * USD).await;
    assert_eq!(
        lent,
        Leased::Lifted {
            amount: Nanos(20 * USD),
            until
        }
    );
    server.store([reserved(20 * USD, 20 * USD)]).await;
    assert_eq!(standing(&db, &rule).await.paused_at, None, "it is lifted");
    let resumes = "select count(*) from audit_trail where event = 'requests_resumed' \
                   and category = 'ai_operations' and user_id = 'ann'";
    assert_eq!(count(db.pool(), resumes).await, 1);

    let later = lease(db.pool(), &rule, today(&rule), Nanos(1), server.id(), until);
    assert_eq!(later.await.unwrap(), Leased::Exhausted { first: true });
    let unknown = resume(db.pool(), "no such budget", since, until, None, NOW);
    assert_eq!(unknown.await.unwrap(), None);
}

#[tokio::test]
async fn a_raised_limit_ends_the_pause() {
    let db = TestDb::new().await;
    let (mut server, _dir) = Server::new(&db, &[daily(10)]).await;
    server.store([request(NOW, 10 * USD)]).await;
    let raised = rule(&daily(20));
    assert_eq!(standing(&db, &raised).await.paused_at, Some(NOW));
    assert!(amount(server.lease(&db, &raised, USD).await) >= USD);
    let after = standing(&db, &raised).await;
    assert_eq!((after.paused_at, after.limit.0), (None, 20 * USD));
}
