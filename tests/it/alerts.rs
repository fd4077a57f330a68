//! Alerts over real servers, a real mail conversation and real web hooks: each
//! threshold is told once.

use std::collections::BTreeMap;
use std::time::Duration;

use hyper::StatusCode;
use systemprompt_testkit::client::Client;
use systemprompt_testkit::smtp::{Encryption, SmtpSink};
use systemprompt_testkit::webhook::{Reply, WebhookSink};

use crate::fleet::{COST, Fleet, ask, not_at_midnight};

fn email(sink: &SmtpSink, folder: &std::path::Path) -> String {
    let ca = folder.join("ca.pem");
    std::fs::write(&ca, sink.certificate()).unwrap();
    format!(
        "notifications.email={{smtp_url: '{}', from: budgets@example.com, to: [ops@example.com], ca_file: '{}'}}",
        sink.url(),
        ca.display()
    )
}

fn dollars(nanos: i64) -> String {
    systemprompt_domain::Nanos(nanos).to_string()
}

#[tokio::test]
async fn each_threshold_is_one_mail() {
    not_at_midnight().await;
    let sink = SmtpSink::start(Encryption::StartTls).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let alerts = format!(
        "analytics.alerts=[\
         {{type: daily_cost, threshold: {day}, notify_at: [0.25, 0.5, 1.0], action: email}},\
         {{type: monthly_cost, threshold: {month}, notify_at: [0.5, 1.0], action: email, scope: {{provider: anthropic}}}}]",
        day = dollars(80 * COST),
        month = dollars(200 * COST),
    );
    let mut fleet = Fleet::start(4, &[alerts, email(&sink, folder.path())]).await;
    for round in 0..10 {
        for at in 0..4 {
            let addr = fleet.addr(at);
            let mut client = Client::new(addr);
            for _ in 0..3 {
                assert_eq!(ask(addr, &mut client).await.status, StatusCode::OK);
            }
        }
        fleet.bounce(round % 4).await;
    }
    fleet.stored().await;
    // 120 requests: all three of the day, and the half of the month.
    fleet
        .until("select count(*) from outbox where state = 'sent'", 4)
        .await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(fleet.number("select count(*) from outbox").await, 4);
    assert_eq!(fleet.number("select count(*) from alert_events").await, 4);
    let mails = sink.mails();
    let mut subjects: BTreeMap<String, usize> = BTreeMap::new();
    for mail in &mails {
        assert!(
            mail.encrypted,
            "the password and the figures are nobody else's business"
        );
        let subject = mail
            .content
            .lines()
            .find_map(|line| line.strip_prefix("Subject: "));
        *subjects.entry(subject.unwrap().to_owned()).or_default() += 1;
    }
    assert_eq!(mails.len(), 4, "{subjects:?}");
    assert_eq!(subjects.len(), 4, "each says something else: {subjects:?}");
}

#[tokio::test]
async fn a_mail_server_that_was_down_gets_its_mail() {
    not_at_midnight().await;
    let sink = SmtpSink::start(Encryption::Implicit).await.unwrap();
    sink.set_down(true);
    let folder = tempfile::tempdir().unwrap();
    let alerts = format!(
        "analytics.alerts=[{{type: daily_cost, threshold: {}, action: email}}]",
        dollars(COST)
    );
    let fleet = Fleet::start(2, &[alerts, email(&sink, folder.path())]).await;
    let mut client = Client::new(fleet.addr(0));
    ask(fleet.addr(0), &mut client).await;
    fleet
        .until(
            "select count(*) from outbox where attempts > 0 and state = 'waiting'",
            1,
        )
        .await;
    sink.set_down(false);
    // What is left of the pause is not waited for here.
    sqlx::query("update outbox set next_at = created_at")
        .execute(fleet.db.pool())
        .await
        .unwrap();
    fleet
        .until("select count(*) from outbox where state = 'sent'", 1)
        .await;
    assert_eq!(sink.mails().len(), 1);
}

#[tokio::test]
async fn chat_channels_and_web_hooks_are_told() {
    not_at_midnight().await;
    let sink = WebhookSink::start().await.unwrap();
    // The first post is put off, by the channel's own word.
    sink.reply([Reply::status(429).header("retry-after", "1")]);
    let sets = [
        format!(
            "analytics.alerts=[{{type: daily_cost, threshold: {}, action: [discord, slack, webhook, email], name: 'all <!channel> @everyone'}}]",
            dollars(COST)
        ),
        format!("notifications.discord.webhook_url={}", sink.url("/discord")),
        format!("notifications.slack.webhook_url={}", sink.url("/slack")),
        format!(
            "notifications.webhook={{url: '{}', secret: hush-hush-hush}}",
            sink.url("/hook")
        ),
    ];
    let fleet = Fleet::start(1, &sets).await;
    let mut client = Client::new(fleet.addr(0));
    ask(fleet.addr(0), &mut client).await;
    fleet
        .until("select count(*) from outbox where state = 'sent'", 3)
        .await;
    // Mail is not configured: that shows, and is no error.
    fleet
        .until("select count(*) from outbox where state = 'undelivered'", 1)
        .await;
    let posts = sink.posts();
    assert_eq!(posts.len(), 4, "three, and the one that was put off");
    for post in &posts {
        let text = String::from_utf8_lossy(&post.body);
        match post.target.split('?').next().unwrap() {
            "/discord" => assert_eq!(
                post.json()["allowed_mentions"]["parse"],
                serde_json::json!([])
            ),
            "/slack" => assert!(!text.contains("<!channel>"), "{text}"),
            "/hook" => assert!(post.header("x-systemprompt-signature").starts_with("t=")),
            other => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn errors_and_unpriced_requests_are_told_too() {
    not_at_midnight().await;
    let sink = WebhookSink::start().await.unwrap();
    let sets = [
        "analytics.alerts=[{type: error_rate, threshold: 0.5, action: webhook},\
         {type: unpriced_requests, threshold: 3, action: webhook},\
         {type: latency_p95, threshold: 600000, action: webhook}]"
            .to_owned(),
        format!("notifications.webhook.url={}", sink.url("/hook")),
    ];
    let fleet = Fleet::start(1, &sets).await;
    let addr = fleet.addr(0);
    let mut client = Client::new(addr);
    for n in 0..40 {
        let mock = if n % 4 == 0 {
            "in=5,out=5"
        } else {
            "status=500"
        };
        let request = hyper::Request::post("/openai/v1/chat/completions")
            .header("host", addr.to_string())
            .header("x-mock", mock)
            .body(r#"{"model": "nobody-knows-its-price", "messages": []}"#.into())
            .unwrap();
        client.send(request).await.unwrap();
    }
    fleet
        .until("select count(*) from outbox where state = 'sent'", 2)
        .await;
    let mut kinds: Vec<_> = sink
        .posts()
        .iter()
        .map(|post| post.json()["kind"].as_str().unwrap().to_owned())
        .collect();
    kinds.sort();
    assert_eq!(kinds, ["error_rate", "unpriced_requests"]);
}
