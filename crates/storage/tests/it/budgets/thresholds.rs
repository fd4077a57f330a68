//! Every threshold is told exactly once.

use serde_json::{Value, json};
use systemprompt_config::Action;
use systemprompt_testkit::db::TestDb;
use time::Duration;

use super::{NOW, Server, USD, agent, assert_balanced, daily, request, rule, standing};
use crate::writer::count;

const TOLD: &str = "select count(*) from alert_events";
const QUEUED: &str = "select count(*) from outbox";
const PAUSES: &str = "select count(*) from audit_events where event = 'requests_paused'";

#[tokio::test]
async fn two_writers_tell_each_threshold_once() {
    let db = TestDb::new().await;
    let mut alert = daily(10);
    alert.notify_at = ["0.5", "0.8", "1.0"].map(|s| s.parse().unwrap()).into();
    alert.action = vec![Action::Email, Action::Slack, Action::PauseRequests];
    let alerts = [alert];
    let (mut a, _a) = Server::new(&db, &alerts).await;
    let (mut b, _b) = Server::new(&db, &alerts).await;
    let work = async |server: &mut Server| {
        for _ in 0..30 {
            server.store([request(NOW, USD / 4)]).await;
        }
    };
    tokio::join!(work(&mut a), work(&mut b));
    assert_eq!(count(db.pool(), TOLD).await, 3);
    assert_eq!(count(db.pool(), QUEUED).await, 6, "two channels");
    assert_eq!(count(db.pool(), PAUSES).await, 1);
    assert_eq!(standing(&db, &rule(&alerts[0])).await.spent.0, 15 * USD);
    assert_balanced(&db, &alerts).await;

    let (mut restarted, _dir) = Server::new(&db, &alerts).await;
    restarted.store([request(NOW, USD)]).await;
    assert_eq!(
        count(db.pool(), TOLD).await,
        3,
        "a restart tells nothing again"
    );
}

#[tokio::test]
async fn a_jump_over_three_shares_tells_three() {
    let db = TestDb::new().await;
    let mut alert = daily(10);
    alert.notify_at = ["0.5", "0.8", "1.0"].map(|s| s.parse().unwrap()).into();
    alert.scope = agent("agent-1");
    alert.timezone = "Asia/Kolkata".into();
    let (mut server, _dir) = Server::new(&db, &[alert.clone()]).await;
    server.store([request(NOW, 4 * USD)]).await;
    assert_eq!(count(db.pool(), TOLD).await, 0);
    server.store([request(NOW, 8 * USD + 5)]).await;
    assert_eq!(count(db.pool(), TOLD).await, 3);

    let messages: Vec<Value> = sqlx::query_scalar("select message from outbox order by share")
        .fetch_all(db.pool())
        .await
        .unwrap();
    let id: uuid::Uuid = sqlx::query_scalar("select id from outbox where share = 0.5")
        .fetch_one(db.pool())
        .await
        .unwrap();
    assert_eq!(
        messages[0],
        json!({
            "id": id,
            "at": "2026-11-25T10:07:30Z",
            "alert": "daily_cost-agent-agent-1",
            "kind": "daily_cost",
            "scope": "agent agent-1",
            "period": { "since": "2026-11-24T18:30:00Z", "until": "2026-11-25T18:30:00Z" },
            "share": "0.5",
            "threshold": "10",
            "value": "12.000000005",
            "unit": "usd",
            "timezone": "Asia/Kolkata",
            "paused_until": "2026-11-25T18:30:00Z",
        })
    );
}

#[tokio::test]
async fn what_comes_late_is_told_but_pauses_nothing_and_old_news_is_not_told() {
    let db = TestDb::new().await;
    let alerts = [daily(10)];
    let (mut server, _dir) = Server::new(&db, &alerts).await;
    let days_ago = |days| request(NOW - Duration::days(days), 11 * USD);
    server.store([days_ago(1), days_ago(30)]).await;
    assert_eq!(count(db.pool(), TOLD).await, 1);
    assert_eq!(count(db.pool(), PAUSES).await, 0);
    let paused = "select count(*) from outbox where message ->> 'paused_until' is not null";
    assert_eq!(count(db.pool(), paused).await, 0);
    assert_balanced(&db, &alerts).await;
}
