//! Alerts on errors, latencies and missing prices.

use systemprompt_config::{Action, Alert, AlertType};
use systemprompt_domain::{Nanos, RequestState};
use systemprompt_storage::budgets::alerts::evaluate;
use systemprompt_testkit::db::TestDb;
use time::Duration;

use super::{NOW, Server, agent, daily, request};

fn alert(kind: AlertType, threshold: &str) -> Alert {
    Alert {
        kind,
        threshold: threshold.parse().unwrap(),
        action: vec![Action::Webhook],
        scope: agent("agent-1"),
        timezone: "Asia/Kolkata".into(),
        notify_at: vec!["0.5".parse().unwrap(), 1.into()],
        ..daily(1)
    }
}

async fn told(db: &TestDb) -> Vec<(String, String, String)> {
    sqlx::query_as(
        "select e.kind, e.share::text, o.message ->> 'value' || ' ' || (o.message ->> 'unit') \
         from alert_events e join outbox o using (alert, period_start, share) \
         order by e.kind, e.share",
    )
    .fetch_all(db.pool())
    .await
    .unwrap()
}

#[tokio::test]
async fn errors_latencies_and_missing_prices_are_told_once_in_their_period() {
    let db = TestDb::new().await;
    let alerts = [
        alert(AlertType::ErrorRate, "0.25"),
        alert(AlertType::LatencyP95, "1000"),
        alert(AlertType::UnpricedRequests, "3"),
        alert(AlertType::DailyCost, "0.000001"),
    ];
    let (mut server, _dir) = Server::new(&db, &[]).await;
    // The hour began at 09:30 UTC, the day at 18:30 the day before.
    let mut batch = Vec::new();
    for n in 0..19 {
        let mut request = request(NOW - Duration::minutes(n), 5);
        request.latency_us = Some(600_000);
        if n < 3 {
            request.state = RequestState::Failed;
        }
        if n == 10 {
            request.cost = None;
        }
        batch.push(request);
    }
    let mut unpriced = request(NOW - Duration::hours(15), 5);
    unpriced.cost = None;
    let mut paused = request(NOW, 0);
    paused.state = RequestState::Paused;
    let mut others = request(NOW, 0);
    others.context.agent = Some("agent-2".into());
    others.cost = None;
    server
        .store(batch.into_iter().chain([unpriced, paused, others]))
        .await;
    evaluate(db.pool(), &alerts, NOW).await.unwrap();
    let kinds: Vec<_> = told(&db).await;
    let row = |kind: &str, share: &str, value: &str| (kind.into(), share.into(), value.into());
    assert_eq!(
        kinds,
        [row("unpriced_requests", "0.5", "2 requests")],
        "19 requests are too few to judge errors by"
    );

    let mut twentieth = request(NOW, 5);
    twentieth.latency_us = Some(600_000);
    twentieth.state = RequestState::UpstreamTimeout;
    twentieth.cost = Some(Nanos(1));
    server.store([twentieth]).await;
    for _ in 0..3 {
        evaluate(db.pool(), &alerts, NOW).await.unwrap();
    }
    let now = told(&db).await;
    assert_eq!(now.len(), 2, "latencies are of 16 requests: {now:?}");
    assert_eq!(now[0], row("error_rate", "0.5", "0.2 share"));

    let slow = (0..4).map(|n| {
        let mut request = request(NOW - Duration::minutes(n), 5);
        request.latency_us = Some(2_000_000);
        request
    });
    server.store(slow).await;
    evaluate(db.pool(), &alerts, NOW).await.unwrap();
    let kinds: Vec<_> = told(&db)
        .await
        .into_iter()
        .map(|(kind, share, _)| (kind, share))
        .collect();
    let pair = |kind: &str, share: &str| (kind.to_owned(), share.to_owned());
    assert_eq!(
        kinds,
        [
            pair("error_rate", "0.5"),
            pair("latency_p95", "0.5"),
            pair("latency_p95", "1"),
            pair("unpriced_requests", "0.5"),
        ]
    );
    // The next hour begins anew.
    evaluate(db.pool(), &alerts, NOW + Duration::HOUR)
        .await
        .unwrap();
    assert_eq!(told(&db).await.len(), 4);
}
