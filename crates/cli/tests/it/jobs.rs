//! Jobs: listed, run, switched, remembered.

use std::fs;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::answers::Asked;

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[tokio::test]
async fn jobs_run_and_are_remembered() {
    let asked = Asked::empty().await;
    let run = asked.run("infra jobs run partitions --json").await;
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.err.contains("a job begins"), "{}", run.err);
    let ran = json(&run.out);
    assert_eq!(ran["state"], "succeeded");
    assert_eq!(ran["rows"], 4);

    let history = asked.run("infra jobs history --json").await;
    let runs = json(&history.out);
    assert_eq!(runs["runs"][0]["id"], ran["id"]);
    let by = runs["runs"][0]["by"].as_str().unwrap_or_default();
    assert!(by.starts_with("cli:"), "{by}");
    assert_eq!(runs["runs"][0]["trace_id"], ran["trace_id"]);
    // What it said is found by the trace that the history shows.
    let lines: Vec<(String, String)> =
        sqlx::query_as("select message, replace(trace_id::text, '-', '') from logs order by id")
            .fetch_all(asked.db.pool())
            .await
            .expect("lines");
    let messages: Vec<&str> = lines.iter().map(|(message, _)| message.as_str()).collect();
    assert_eq!(messages, ["a job begins", "a job ended"]);
    assert!(
        lines
            .iter()
            .all(|(_, trace)| ran["trace_id"] == trace.as_str())
    );

    let list = json(&asked.run("infra jobs list --json").await.out);
    let partitions = list["jobs"]
        .as_array()
        .expect("jobs")
        .iter()
        .find(|job| job["name"] == "partitions");
    assert_eq!(partitions.expect("listed")["last_state"], "succeeded");
    let shown = asked.run("infra jobs show partitions").await;
    assert!(shown.out.contains("succeeded"), "{}", shown.out);
}

#[tokio::test]
async fn a_slot_is_run_once() {
    let asked = Asked::empty().await;
    let folder = tempfile::tempdir().expect("a folder");
    let line = format!(
        "infra jobs run daily_traffic_report --slot 2026-11-25T06:00:00Z --storage {}",
        folder.path().display()
    );
    let run = asked.run(&line).await;
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(
        run.out
            .contains("traffic-2026-11-24.md; discord: not configured"),
        "{}",
        run.out
    );
    let report = folder.path().join("files/reports/traffic-2026-11-24.md");
    assert!(fs::read_to_string(report).is_ok());
    let again = asked.run(&line).await;
    assert_eq!(again.code, 1);
    assert!(again.err.contains("ran already for"), "{}", again.err);
}

#[tokio::test]
async fn what_fails_says_why_and_may_be_run_again() {
    let asked = Asked::empty().await;
    let folder = tempfile::tempdir().expect("a folder");
    let prices = folder.path().join("prices.yaml");
    let line = format!(
        "infra jobs run price_check --param source={} --slot 2026-11-25T05:00:00Z --storage {}",
        prices.display(),
        folder.path().display()
    );
    let run = asked.run(&line).await;
    assert_eq!(run.code, 1);
    assert!(
        run.err.contains("price_check failed: cannot read"),
        "{}",
        run.err
    );
    let events: i64 =
        sqlx::query_scalar("select count(*) from audit_events where event = 'job_failed'")
            .fetch_one(asked.db.pool())
            .await
            .expect("a count");
    assert_eq!(events, 1);
    let map = r#"{"gpt-4o": {"litellm_provider": "openai", "mode": "chat",
        "input_cost_per_token": 0.5, "output_cost_per_token": 0.5}}"#;
    fs::write(&prices, map).expect("written");
    let run = asked.run(&line).await;
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.out.contains("1 of 1 prices differ"), "{}", run.out);
    let file = folder.path().join("files/reports/prices-2026-11-25.json");
    let found = json(&fs::read_to_string(file).expect("written"));
    assert_eq!(found["differences"][0]["model"], "gpt-4o");
    // It tells; it changes nothing.
    let imported: i64 = sqlx::query_scalar("select count(*) from price_imports")
        .fetch_one(asked.db.pool())
        .await
        .expect("a count");
    assert_eq!(imported, 0);
}

#[tokio::test]
async fn an_hour_of_the_totals_is_compared() {
    let asked = Asked::new().await;
    let line = "infra jobs run rollup_check --slot 2026-11-25T03:20:00Z";
    sqlx::raw_sql("update usage_hour set requests = requests + 1 where cube = 'total'")
        .execute(asked.db.pool())
        .await
        .expect("a mistake");
    let run = asked.run(line).await;
    assert_eq!(run.code, 1, "{}", run.out);
    assert!(
        run.err.contains("usage_hour [total 2026-11-"),
        "{}",
        run.err
    );
}

/// The counts of the audit trail are compared as well.
#[tokio::test]
async fn an_hour_of_the_audit_trail_is_compared() {
    let asked = Asked::new().await;
    sqlx::raw_sql("update audit_hour set n = n + 1")
        .execute(asked.db.pool())
        .await
        .expect("a mistake");
    let run = asked
        .run("infra jobs run rollup_check --slot 2026-11-25T03:20:00Z")
        .await;
    assert_eq!(run.code, 1, "{}", run.out);
    assert!(run.err.contains("audit_hour [2026-11-"), "{}", run.err);
}

/// Prices to compare with may lie at an address, whose key nobody sees again.
#[tokio::test]
async fn prices_are_compared_with_those_at_an_address() {
    let asked = Asked::empty().await;
    let folder = tempfile::tempdir().expect("a folder");
    let map = r#"{"gpt-4o": {"litellm_provider": "openai", "mode": "chat",
        "input_cost_per_token": 0.5, "output_cost_per_token": 0.5}}"#;
    let url = serve([(200, map), (403, "no")]).await;
    let line = |slot: &str| {
        format!(
            "infra jobs run price_check --param source={url}/prices.json?key=secret --slot {slot} --storage {}",
            folder.path().display()
        )
    };
    let run = asked.run(&line("2026-11-25T05:00:00Z")).await;
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.out.contains("1 of 1 prices differ"), "{}", run.out);
    let run = asked.run(&line("2026-11-25T06:00:00Z")).await;
    assert_eq!(run.code, 1, "{}", run.out);
    assert!(
        run.err.contains("the address answers 403") && !run.err.contains("secret"),
        "{}",
        run.err
    );
    let known: i64 = sqlx::query_scalar(
        "select count(*) from job_runs where job = 'price_check' and to_jsonb(job_runs)::text like '%secret%'",
    )
    .fetch_one(asked.db.pool())
    .await
    .expect("a count");
    assert_eq!(known, 0);
}

/// Answers one connection after the other with these.
async fn serve<const N: usize>(answers: [(u16, &'static str); N]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    tokio::spawn(async move {
        for (status, body) in answers {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut head = vec![0; 4_096];
            let mut n = 0;
            while !head[..n].windows(4).any(|four| four == b"\r\n\r\n") {
                n += stream.read(&mut head[n..]).await.expect("a request");
            }
            let answer = format!(
                "HTTP/1.1 {status} Said\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(answer.as_bytes()).await.expect("taken");
        }
    });
    url
}

#[tokio::test]
async fn jobs_are_switched_with_an_audit_event() {
    let asked = Asked::empty().await;
    for (line, said) in [
        ("disable retention", "retention is disabled, on all servers"),
        ("disable retention", "retention is disabled already"),
        ("enable retention", "retention is enabled, on all servers"),
    ] {
        let run = asked.run(&format!("infra jobs {line}")).await;
        assert_eq!(run.code, 0, "{}", run.err);
        assert!(run.out.contains(said), "{}", run.out);
    }
    let events: Vec<Value> = sqlx::query_scalar(
        "select detail from audit_events where event = 'config_changed' order by seq",
    )
    .fetch_all(asked.db.pool())
    .await
    .expect("events");
    let key = "scheduler.jobs.retention.enabled";
    assert_eq!(events.len(), 2);
    assert_eq!(
        events[0],
        serde_json::json!({"key": key, "from": true, "to": false})
    );
    assert_eq!(
        events[1],
        serde_json::json!({"key": key, "from": false, "to": true})
    );
}

#[tokio::test]
async fn what_cannot_be_run_is_refused() {
    let asked = Asked::empty().await;
    for (line, code, said) in [
        (
            "run retentoin",
            1,
            "there is no job retentoin; there are retention",
        ),
        ("history --job nothing", 1, "there is no job nothing"),
        (
            "run rollup_check --param day=3",
            1,
            "unknown key scheduler.jobs.rollup_check.parameters.day; did you mean days?",
        ),
        ("run retention --param x", 2, "--param is KEY=VALUE"),
        ("run retention --slot yesterday", 2, "it is no time such as"),
        ("history --state done", 2, "unknown state done"),
    ] {
        let run = asked.run(&format!("infra jobs {line}")).await;
        assert_eq!(run.code, code, "{line}: {}", run.err);
        assert!(run.err.contains(said), "{line}: {}", run.err);
    }
}
