//! Traces: which there were, and what happened on them.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use systemprompt_reporting::Error;

use crate::agreement::count;
use crate::store::Store;

/// A trace of two requests, one of another agent's; a foreign one; and a session.
const TOLD: &str = include_str!("traces.sql");
const OURS: &str = "01a21224044070008000000000000001";
const FOREIGN: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

async fn store() -> Store {
    let store = Store::new().await;
    sqlx::raw_sql(TOLD)
        .execute(store.pool())
        .await
        .expect("the traces");
    store
}

fn told(rows: &[Value]) -> Vec<String> {
    let part = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
    rows.iter()
        .map(|row| format!("{} {}", part(row, "kind"), part(row, "event")))
        .collect()
}

#[tokio::test]
async fn a_trace_is_told_in_order() {
    let store = store().await;
    let answer = store.ask(&format!("traces/show?id={OURS}")).await;
    assert_eq!(
        told(&answer.rows),
        [
            "authorization allowed",
            "request messages",
            "audit request_started",
            "log warn",
            "authorization allowed",
            "request messages",
            "response failed",
            "response completed",
            "audit request_completed",
        ]
    );
    let log = &answer.rows[3];
    assert_eq!(log["message"], "the provider cannot be reached");
    assert_eq!(log["detail"]["fields"], json!({"error": "refused"}));
    let failed = &answer.rows[6];
    assert_eq!(
        (&failed["http_status"], &failed["message"]),
        (&json!(529), &json!("overloaded_error"))
    );
    assert_eq!(answer.rows[7]["cost"], "0.027265");
    assert!(answer.rows.iter().all(|row| row["trace_id"] == OURS));
    assert!(!answer.more && answer.note.is_none());
}

#[tokio::test]
async fn whatever_belongs_to_a_trace_names_it() {
    let store = store().await;
    let whole = store.ask(&format!("traces/show?id={OURS}")).await.rows;
    // Hyphens, a beginning, the request, and the audit event.
    for id in [
        "01a21224-0440-7000-8000-000000000001",
        "01A21224044070008000",
        "01a21224-0440-7000-8000-0000000000a1",
        "9000001",
    ] {
        let rows = store.ask(&format!("traces/show?id={id}")).await.rows;
        assert_eq!(rows, whole, "{id}");
    }
    let foreign = store
        .ask(&format!("traces/show?id={}", &FOREIGN[..9]))
        .await;
    assert_eq!(
        told(&foreign.rows),
        [
            "authorization allowed",
            "request messages",
            "response completed"
        ]
    );
    // A session is all of its traces.
    let session = store.ask("traces/show?id=session-3").await.rows;
    assert_eq!(session.len(), whole.len() + foreign.rows.len());
    let alone = store.ask("traces/show?id=9000009").await.rows;
    assert_eq!(told(&alone), ["audit prices_changed"]);
}

#[tokio::test]
async fn what_could_mean_several_things_is_said_to() {
    let store = store().await;
    let refused = async |id: &str| {
        let answer = store.try_ask(&format!("traces/show?id={id}")).await;
        answer.expect_err("refused")
    };
    match refused("01a2122b5740").await {
        Error::Usage(message) => {
            assert!(
                message.starts_with("01a2122b5740 is ambiguous: request 01a2122b-5740-7000"),
                "{message}"
            );
        }
        other => panic!("{other:?}"),
    }
    for unknown in ["0123456789abcdef", "nobody's session", "12", "%"] {
        let error = refused(unknown).await;
        assert!(matches!(error, Error::NotFound(_)), "{unknown}: {error:?}");
    }
    match refused("01a2122").await {
        Error::NotFound(message) => {
            assert!(
                message.ends_with("at least 8 digits are needed"),
                "{message}"
            );
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_agent_sees_its_own_part_of_a_trace() {
    let scout = store().await.seen_by("scout");
    let rows = scout.ask(&format!("traces/show?id={OURS}")).await.rows;
    assert_eq!(
        told(&rows),
        [
            "authorization allowed",
            "request messages",
            "audit request_started",
            "response completed",
            "audit request_completed",
        ],
        "nothing of another agent, and no log lines"
    );
    let list = scout.ask("traces/list?since=30d&limit=1000").await.rows;
    for row in &list {
        assert_eq!(row["agents"], json!(["scout"]));
    }
    let ours = list.iter().find(|row| row["trace_id"] == OURS);
    assert_eq!(count(ours.expect("listed"), "requests"), 1);
    let writer = scout.seen_by("writer");
    for id in [FOREIGN, "9000009", "01a21224-0440-7000-8000-0000000000a1"] {
        let answer = writer.try_ask(&format!("traces/show?id={id}")).await;
        assert!(matches!(answer, Err(Error::NotFound(_))), "{id}");
    }
}

#[tokio::test]
async fn traces_are_listed_by_their_last_request() {
    let store = store().await;
    let answer = store.ask("traces/list?since=7d&limit=1000").await;
    let requests: i64 = answer.rows.iter().map(|row| count(row, "requests")).sum();
    let period = crate::agreement::period(&answer);
    assert_eq!(requests, store.raw("count(*)", &period, "true").await);
    let errors: i64 = answer.rows.iter().map(|row| count(row, "errors")).sum();
    let raw = "count(*) filter (where state in ('failed', 'upstream_timeout', 'lost'))";
    assert_eq!(errors, store.raw(raw, &period, "true").await);
    let ours = answer.rows.iter().find(|row| row["trace_id"] == OURS);
    let ours = ours.expect("listed");
    assert_eq!((count(ours, "requests"), count(ours, "errors")), (2, 1));
    assert_eq!(
        (&ours["cost"], &ours["duration_ms"]),
        (&json!("0.027265"), &json!(3000.0))
    );
    assert_eq!(ours["agents"], json!(["scout", "writer"]));
    let first = store.ask("traces/list?since=7d&limit=3").await;
    assert!(first.more && first.rows == answer.rows[..3]);
}

/// The bound holds for a debug build on a busy machine; the figure is printed.
#[tokio::test]
async fn a_thousand_events_come_at_once() {
    let store = store().await;
    sqlx::raw_sql(include_str!("long_trace.sql"))
        .execute(store.pool())
        .await
        .expect("a long trace");
    let question = "traces/show?id=01a2120a61c070008000000000000002";
    let mut times = Vec::new();
    for _ in 0..5 {
        let begun = Instant::now();
        let rows = store.ask(question).await.rows;
        times.push(begun.elapsed());
        assert_eq!(rows.len(), 1_000);
    }
    let best = times.iter().min().expect("some");
    println!("1,000 events: {times:?}");
    assert!(*best < Duration::from_millis(500), "{times:?}");
}
