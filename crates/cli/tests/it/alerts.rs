//! Alerts on the command line: what is set, how it stands, tests of channels
//! and lifted limits.

use insta::assert_snapshot;
use serde_json::{Value, json};
use systemprompt_testkit::webhook::{Reply, WebhookSink};

use crate::answers::Asked;
use crate::shell::{Run, systemprompt};

const ALERTS: &str = include_str!("../../../reporting/tests/it/alerts.json");

/// Runs a command line with the alerts and more settings; it needs no database.
fn offline(line: &str, settings: &[String]) -> Run {
    let alerts = format!("analytics.alerts={ALERTS}");
    let mut args: Vec<&str> = line.split(' ').collect();
    args.extend(["--set", &alerts]);
    for setting in settings {
        args.extend(["--set", setting]);
    }
    systemprompt(args)
}

fn json(run: &Run) -> Value {
    serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{error}: {run:?}"))
}

#[test]
fn what_is_set_is_listed_without_a_database() {
    let slack = ["notifications.slack.webhook_url=https://hooks.example/x".to_owned()];
    let listed = offline("alerts list", &slack);
    assert_eq!((listed.code, listed.err.as_str()), (0, ""));
    assert_snapshot!(listed.out);
    let listed = json(&offline("alerts list --json", &slack));
    assert_eq!(listed["alerts"][1]["threshold"], "1000");
    assert_eq!(listed["alerts"][5]["notify_at"], json!([0.5, 1.0]));
    assert_eq!(
        listed["channels"][0],
        json!({
            "channel": "email", "configured": false,
            "alerts": ["daily_cost", "this hour", "errors"],
        })
    );
}

#[test]
fn without_alerts_the_list_says_where_they_are_set() {
    let listed = systemprompt(["alerts", "list"]);
    assert_eq!(listed.code, 0);
    let told = "No alerts are set: see analytics.alerts in the profile.\n";
    assert!(listed.out.starts_with(told), "{}", listed.out);
}

#[test]
fn an_unknown_name_lists_the_names() {
    for line in ["alerts test dayly_cost", "alerts resume dayly_cost"] {
        let refused = offline(line, &[]);
        assert_eq!((refused.code, refused.out.as_str()), (1, ""), "{line}");
        let told = "error: no alert is called dayly_cost; there are: daily_cost, monthly_cost, ";
        assert!(refused.err.starts_with(told), "{line}: {}", refused.err);
    }
}

#[test]
fn what_makes_no_sense_is_2() {
    for (line, complaint) in [
        ("alerts", "Usage: systemprompt alerts"),
        ("alerts test", "<NAME|--channel <CHANNEL>>"),
        (
            "alerts test daily_cost --channel email",
            "cannot be used with",
        ),
        (
            "alerts test --channel fax",
            "possible values: email, webhook, discord, slack",
        ),
        ("alerts resume", "<NAME>"),
        ("alerts resume monthly_cost --until soon", "use 30m, 2h"),
        (
            "alerts resume monthly_cost --until 2026-11-25T09:00:00Z",
            "--until is over already",
        ),
    ] {
        let refused = offline(line, &[]);
        assert_eq!(
            (refused.code, refused.out.as_str()),
            (2, ""),
            "{line}: {}",
            refused.err
        );
        assert!(refused.err.contains(complaint), "{line}: {}", refused.err);
    }
}

#[tokio::test]
async fn how_alerts_stand_and_what_they_told() {
    let asked = Asked::new().await;
    for (name, line) in [
        ("alerts_status", "alerts status"),
        ("alerts_history", "alerts history --since 7d"),
        ("costs_budgets", "analytics costs budgets"),
        (
            "costs_forecast",
            "analytics costs forecast --timezone America/New_York",
        ),
        ("costs_unpriced", "analytics costs unpriced --since 30d"),
    ] {
        let shown = asked.run(line).await;
        assert_eq!((shown.code, shown.err.as_str()), (0, ""), "{line}");
        assert_snapshot!(name, shown.out);
    }
    assert_eq!(
        json(&asked.run("alerts status --json").await),
        json(&asked.run("analytics alerts status --json").await)
    );
    let unknown = asked.run("alerts history --alert dayly_cost").await;
    assert_eq!(unknown.code, 1);
    assert!(
        unknown.err.contains("there are: daily_cost, "),
        "{}",
        unknown.err
    );
    let quiet = asked
        .run("alerts history --since 1h --alert daily_cost")
        .await;
    assert_eq!(quiet.code, 0);
    let told = "No alert was reached in the period; --since 30d asks about a longer one.";
    assert!(quiet.out.contains(told), "{}", quiet.out);
}

#[tokio::test]
async fn a_limit_is_lifted_for_a_while() {
    let asked = Asked::new().await;
    let resumed = asked
        .run("alerts resume daily_cost-agent-scout --until 2h")
        .await;
    assert_eq!((resumed.code, resumed.err.as_str()), (0, ""));
    assert_snapshot!(resumed.out, @"
    The limit of daily_cost-agent-scout is lifted until 2026-11-25 12:07 UTC.
    It refused requests since 2026-11-25 09:30. $4.97 of $5.00 are spent.
    Then the limit counts again, and so does what was spent meanwhile.
    ");
    let state = |answer: Value| answer["rows"][2]["state"].clone();
    let status = asked.run("alerts status --json").await;
    assert_eq!(state(json(&status)), "resumed");

    // No longer than to the end of the period.
    let line = "alerts resume daily_cost-agent-scout --until 2w --json";
    let resumed = json(&asked.run(line).await);
    assert_eq!(
        resumed,
        json!({
            "alert": "daily_cost-agent-scout", "resumed_until": "2026-11-26T00:00:00Z",
            "was_paused_at": null, "was_resumed_until": "2026-11-25T12:07:30Z",
            "period_end": "2026-11-26T00:00:00Z", "spent": "4.97", "limit": "5",
        })
    );
    let events: Vec<String> = sqlx::query_scalar(
        "select detail ->> 'until' from audit_events where event = 'requests_resumed' order by created_at",
    )
    .fetch_all(asked.db.pool())
    .await
    .expect("audit events");
    assert_eq!(events.len(), 2, "{events:?}");
}

#[tokio::test]
async fn what_pauses_nothing_cannot_be_lifted() {
    let asked = Asked::new().await;
    for (name, reason) in [
        (
            "daily_cost",
            "daily_cost pauses nothing: its action is not pause_requests",
        ),
        ("errors", "errors pauses nothing"),
        (
            "monthly_cost",
            "there is no limit to lift: nothing was asked of monthly_cost",
        ),
    ] {
        let refused = asked.run(&format!("alerts resume {name}")).await;
        assert_eq!((refused.code, refused.out.as_str()), (1, ""), "{name}");
        assert!(refused.err.contains(reason), "{name}: {}", refused.err);
    }
}

#[tokio::test]
async fn a_test_says_what_happened() {
    let sink = WebhookSink::start().await.expect("a web hook");
    let hook = format!("notifications.webhook.url={}", sink.url("/hook"));
    let run = |line: &'static str, settings: Vec<String>| async move {
        tokio::task::spawn_blocking(move || offline(line, &settings))
            .await
            .expect("the command line does not panic")
    };
    let sent = run("alerts test --channel webhook", vec![hook.clone()]).await;
    assert_eq!(
        (sent.code, sent.out.as_str()),
        (0, "webhook: sent\n"),
        "{}",
        sent.err
    );
    assert_eq!(sink.posts().len(), 1);

    let half = run("alerts test errors", vec![hook.clone()]).await;
    assert_eq!(half.code, 1);
    assert_eq!(half.err, "error: not every message was accepted\n");
    let lines: Vec<&str> = half.out.lines().collect();
    assert!(
        lines[0].starts_with("email: not configured"),
        "{}",
        half.out
    );
    assert_eq!(lines[1], "webhook: sent");

    sink.reply([Reply::status(500)]);
    let failed = run("alerts test --channel webhook --json", vec![hook]).await;
    assert_eq!(failed.code, 1);
    let tried = &json(&failed)["tried"][0];
    assert_eq!(
        (&tried["channel"], &tried["sent"]),
        (&json!("webhook"), &json!(false))
    );

    let nobody = run("alerts test monthly_cost", Vec::new()).await;
    assert_eq!((nobody.code, nobody.out.as_str()), (1, ""));
    assert!(
        nobody.err.contains("monthly_cost tells nobody"),
        "{}",
        nobody.err
    );
}
