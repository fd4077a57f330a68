//! The outbox: each message is sent once, and again only if its sender died.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use systemprompt_config::Action;
use systemprompt_domain::Clock;
use systemprompt_storage::budgets::{Outcome, deliver_next};
use systemprompt_testkit::db::TestDb;
use time::{Duration, OffsetDateTime};
use tokio::sync::Notify;
use uuid::Uuid;

use super::{NOW, Server, USD, daily, request};
use crate::writer::count;

const CLOCK: Clock = Clock::Fixed(NOW);

/// Queues a message for each channel and share.
async fn queue(db: &TestDb, shares: u32) {
    let mut alert = daily(1);
    alert.action = vec![
        Action::Email,
        Action::Webhook,
        Action::Discord,
        Action::Slack,
    ];
    alert.notify_at = (1..=shares)
        .map(|n| rust_decimal::Decimal::new(n.into(), 2))
        .collect();
    let (mut server, _dir) = Server::new(db, &[alert]).await;
    server.store([request(NOW, USD)]).await;
    let queued = count(db.pool(), "select count(*) from outbox").await;
    assert_eq!(queued, i64::from(shares) * 4);
}

#[tokio::test]
async fn four_workers_send_each_message_once() {
    let db = TestDb::new().await;
    queue(&db, 10).await;
    let sent: Arc<Mutex<HashMap<Uuid, u32>>> = Arc::default();
    let workers = (0..4).map(|_| {
        let (pool, sent) = (db.pool().clone(), Arc::clone(&sent));
        tokio::spawn(async move {
            let send = |delivery: systemprompt_storage::budgets::Delivery| {
                let sent = Arc::clone(&sent);
                async move {
                    *sent.lock().unwrap().entry(delivery.id).or_default() += 1;
                    tokio::time::sleep(std::time::Duration::from_millis(3)).await;
                    Outcome::Sent
                }
            };
            let mut n = 0;
            while deliver_next(&pool, CLOCK, send).await.unwrap().is_some() {
                n += 1;
            }
            n
        })
    });
    let mut total = 0;
    for worker in workers.collect::<Vec<_>>() {
        total += worker.await.unwrap();
    }
    assert_eq!(total, 40);
    let sent = sent.lock().unwrap().clone();
    assert_eq!(sent.len(), 40);
    assert!(sent.values().all(|n| *n == 1), "{sent:?}");
    let stored = "select count(*) from outbox where state = 'sent' and sent_at is not null";
    assert_eq!(count(db.pool(), stored).await, 40);
}

#[tokio::test]
async fn a_message_whose_sender_dies_is_sent_by_another() {
    let db = TestDb::new().await;
    let mut alert = daily(1);
    alert.action = vec![Action::Email];
    let (mut server, _dir) = Server::new(&db, &[alert]).await;
    server.store([request(NOW, USD)]).await;
    let sending = Arc::new(Notify::new());
    let dying = {
        let (pool, sending) = (db.pool().clone(), Arc::clone(&sending));
        tokio::spawn(async move {
            deliver_next(&pool, CLOCK, |_| async move {
                sending.notify_one();
                std::future::pending().await
            })
            .await
        })
    };
    sending.notified().await;
    let nothing = deliver_next(db.pool(), CLOCK, |_| async { Outcome::Sent }).await;
    assert_eq!(nothing.unwrap(), None, "it is being sent");
    dying.abort();
    assert!(dying.await.unwrap_err().is_cancelled());
    // The connection of the dead is rolled back when the pool takes it back, which
    // is soon, but not before `dying` is seen to have ended.
    let again = async {
        loop {
            let next = deliver_next(db.pool(), CLOCK, |_| async { Outcome::Sent }).await;
            match next.unwrap() {
                Some((delivery, _)) => break delivery,
                None => tokio::time::sleep(std::time::Duration::from_millis(5)).await,
            }
        }
    };
    let delivery = tokio::time::timeout(std::time::Duration::from_secs(30), again)
        .await
        .expect("it is free again");
    assert_eq!((delivery.channel.as_str(), delivery.attempts), ("email", 0));
    assert_eq!(delivery.message["id"], delivery.id.to_string());
}

#[tokio::test]
async fn what_fails_waits_longer_each_time_or_as_long_as_the_channel_says() {
    let db = TestDb::new().await;
    let mut alert = daily(1);
    alert.action = vec![Action::Email];
    let (mut server, _dir) = Server::new(&db, &[alert]).await;
    server.store([request(NOW, USD)]).await;
    let mut at = NOW;
    let try_at = async |at: OffsetDateTime, outcome: Outcome| {
        let clock = Clock::Fixed(at);
        let delivered = deliver_next(db.pool(), clock, |_| async move { outcome }).await;
        delivered.unwrap().map(|(delivery, _)| delivery.attempts)
    };
    let fails = |after: Option<u64>| Outcome::Retry {
        after: after.map(std::time::Duration::from_secs),
        error: "no route".into(),
    };
    for (n, pause) in [30, 60, 120, 240, 480, 960, 1_920, 3_600, 3_600]
        .into_iter()
        .enumerate()
    {
        assert_eq!(try_at(at, fails(None)).await, u32::try_from(n).ok());
        at += Duration::seconds(pause);
        let too_early = at - Duration::seconds(1);
        assert_eq!(try_at(too_early, Outcome::Sent).await, None);
    }
    assert_eq!(try_at(at, fails(Some(5))).await, Some(9));
    at += Duration::seconds(5);
    assert_eq!(try_at(at, fails(Some(u64::MAX))).await, Some(10));
    at += Duration::DAY;
    let refused = Outcome::Undelivered {
        error: "no such mailbox\0".into(),
    };
    assert_eq!(try_at(at, refused).await, Some(11));
    assert_eq!(try_at(at + Duration::DAY, Outcome::Sent).await, None);
    let stored = "select count(*) from outbox where state = 'undelivered' and attempts = 12 \
                  and last_error like 'no such mailbox%' and sent_at is null";
    assert_eq!(count(db.pool(), stored).await, 1);
}
