//! Events that other services report, from the request to the answers.

use std::sync::Arc;
use std::time::Duration;

use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use systemprompt_storage::check::{Checked, check};
use systemprompt_testkit::client::Answer;
use uuid::Uuid;

use crate::system::{MESSAGES, System};

const EVENTS: &str = "/api/v1/events";
const PORTAL: &str = "portal-0123456789abcdef";
const SCOUT: &str = "scout-0123456789abcdef";
const READER: &str = "reader-0123456789abcdef";
const TOKENS: &str = "server.tokens=[\
    {name: portal, token: portal-0123456789abcdef, scopes: [ingest, read]},\
    {name: scout, token: scout-0123456789abcdef, user: ada, agent: scout, scopes: [ingest, read]},\
    {name: reader, token: reader-0123456789abcdef, scopes: [read, gateway]}]";

impl System {
    /// Reports a body with a token.
    async fn report(&self, token: &str, body: impl Into<String>) -> Answer {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str())];
        let request = self.request(Method::POST, EVENTS, &headers, body.into());
        self.client().send(request).await.unwrap()
    }

    async fn ask(&self, token: &str, question: &str) -> Value {
        let bearer = format!("Bearer {token}");
        let path = format!("/api/v1/analytics/{question}");
        let headers = [("authorization", bearer.as_str())];
        let request = self.request(Method::GET, &path, &headers, "");
        let answer = self.client().send(request).await.unwrap();
        assert_eq!(
            answer.status,
            StatusCode::OK,
            "{question}: {}",
            answer.text()
        );
        answer.json()
    }
}

fn edit() -> Value {
    json!({
        "type": "activity", "id": Uuid::now_v7(), "category": "marketplace_edit", "action": "updated",
        "entity_type": "skill", "entity_name": "summarise", "user": "ada", "agent": "scout",
        "metadata": {"fields": ["title"]},
    })
}

fn tool() -> Value {
    json!({
        "type": "audit", "id": Uuid::now_v7(), "category": "mcp_tools", "event": "tool_executed",
        "user": "ada", "agent": "scout", "detail": {"tool": "search"},
    })
}

fn results(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let results = answer.json()["results"].clone();
    let results = results.as_array().unwrap().clone();
    results
        .iter()
        .map(|line| line["result"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn what_is_reported_is_answered_at_once() {
    let system = System::with(&[TOKENS]).await;
    let (edit, tool) = (edit(), tool());
    let answer = system.report(PORTAL, json!([edit, tool]).to_string()).await;
    assert_eq!(results(&answer), ["stored", "stored"]);
    // Sent again, in every form, nothing changes.
    let lines = format!("{edit}\n{tool}\n");
    let wrapped = json!({"events": [edit, tool]}).to_string();
    for body in [lines, wrapped, json!([edit, tool]).to_string()] {
        let answer = system.report(PORTAL, body).await;
        assert_eq!(results(&answer), ["duplicate", "duplicate"]);
        assert_eq!(answer.json()["duplicates"], 2);
    }
    let summary = system.ask(READER, "activity/summary").await;
    let row = &summary["rows"][0];
    for (field, n) in [
        ("events", 1),
        ("edits", 1),
        ("errors", 0),
        ("events_this_week", 1),
    ] {
        assert_eq!(row[field], n, "{field}: {row}");
    }
    let list = system.ask(READER, "activity/list").await;
    let row = &list["rows"][0];
    assert_eq!(
        [&row["id"], &row["user"], &row["token"], &row["metadata"]],
        [
            &edit["id"],
            &json!("ada"),
            &json!("portal"),
            &edit["metadata"]
        ]
    );
    let users = system.ask(READER, "activity/users").await;
    assert_eq!(users["rows"][0]["user"], "ada");
    let trail = system.ask(READER, "audit/list?category=mcp_tools").await;
    let row = &trail["rows"][0];
    assert_eq!(
        [
            &row["subject_id"],
            &row["event"],
            &row["token"],
            &row["detail"]
        ],
        [
            &tool["id"],
            &tool["event"],
            &json!("portal"),
            &tool["detail"]
        ]
    );
    let stats = system.ask(READER, "audit/stats?category=mcp_tools").await;
    assert_eq!(stats["rows"][0]["events"], 1, "{stats}");
    assert_eq!(check(system.db.pool()).await.unwrap(), Checked::default());
}

#[tokio::test]
async fn one_bad_event_leaves_the_others_alone() {
    let system = System::with(&[TOKENS]).await;
    let good = edit().to_string();
    let bad = [
        r#"{"type":"activity","category":"login","action":"\u0000"}"#,
        r#"{"type":"activity","category":"login","action":"ok","user":"\ud800"}"#,
        r#"{"type":"audit","category":"authentication","event":"token_issued"}"#,
        r#"{"type":"activity","category":"login","action":"ok","when":"now"}"#,
        "7",
    ];
    let body = format!("[{},{good}]", bad.join(","));
    let answer = system.report(PORTAL, body).await;
    assert_eq!(
        results(&answer),
        [
            "refused", "refused", "refused", "refused", "refused", "stored"
        ]
    );
    let answer = answer.json();
    let fields: Vec<_> = (0..5)
        .map(|n| answer["results"][n]["field"].clone())
        .collect();
    assert_eq!(
        fields,
        [
            json!("action"),
            json!("user"),
            json!("category"),
            json!("when"),
            Value::Null
        ]
    );
    let why = answer["results"][2]["reason"].as_str().unwrap();
    assert!(why.contains("recorded by this server alone"), "{why}");
    assert_eq!(
        system
            .scalar("select count(*) from user_activity")
            .await
            .unwrap(),
        1
    );
    assert_eq!(
        system
            .scalar("select count(*) from audit_events")
            .await
            .unwrap(),
        0
    );
}

#[tokio::test]
async fn only_reporters_report_and_only_on_their_own() {
    let system = System::with(&[TOKENS]).await;
    let body = json!([edit()]).to_string();
    for (token, status) in [
        ("nobody-0123456789abcdef", StatusCode::UNAUTHORIZED),
        (READER, StatusCode::FORBIDDEN),
    ] {
        let answer = system.report(token, body.clone()).await;
        assert_eq!(answer.status, status);
        assert!(answer.json()["error"]["message"].is_string());
    }
    // The token's own user and agent need not be said, others may not.
    let mut own = edit();
    for field in ["user", "agent"] {
        own.as_object_mut().unwrap().remove(field);
    }
    let (mut agent, mut user) = (edit(), edit());
    agent["agent"] = json!("writer");
    user["user"] = json!("bob");
    let answer = system
        .report(SCOUT, json!([own, agent, user]).to_string())
        .await;
    assert_eq!(results(&answer), ["stored", "refused", "refused"]);
    let answer = answer.json();
    assert_eq!(
        [
            &answer["results"][1]["field"],
            &answer["results"][2]["field"]
        ],
        [&json!("agent"), &json!("user")]
    );
    let mut foreign = edit();
    foreign["agent"] = json!("writer");
    system
        .report(PORTAL, json!([foreign, tool()]).to_string())
        .await;
    // An agent sees itself.
    let seen = system.ask(SCOUT, "activity/list").await;
    assert_eq!(seen["rows"].as_array().unwrap().len(), 1, "{seen}");
    assert_eq!(
        [&seen["rows"][0]["user"], &seen["rows"][0]["agent"]],
        ["ada", "scout"]
    );
    let seen = system.ask(SCOUT, "activity/summary").await;
    assert_eq!(seen["rows"][0]["events"], 1, "{seen}");
    let seen = system.ask(SCOUT, "audit/stats").await;
    assert_eq!(seen["rows"][0]["event"], "tool_executed", "{seen}");
}

#[tokio::test]
async fn what_is_too_much_is_refused_whole() {
    let system = System::with(&[TOKENS]).await;
    let many = vec!["{}"; 5_001].join(",");
    let large = format!("[\"{}\"]", "n".repeat(4 << 20));
    let deep = format!("[{}{}]", "[".repeat(100_000), "]".repeat(100_000));
    for (body, status) in [
        (format!("[{many}]"), StatusCode::PAYLOAD_TOO_LARGE),
        (large, StatusCode::PAYLOAD_TOO_LARGE),
        ("type=activity".to_owned(), StatusCode::BAD_REQUEST),
        (String::new(), StatusCode::BAD_REQUEST),
        (deep, StatusCode::OK),
    ] {
        let answer = system.report(PORTAL, body).await;
        assert_eq!(answer.status, status, "{}", answer.text());
    }
    let most: Vec<_> = (0..5_000).map(|_| edit()).collect();
    let answer = system.report(PORTAL, json!(most).to_string()).await;
    assert_eq!(answer.json()["stored"], 5_000);
    let counted = "select sum(events)::bigint from activity_hour where cube = 'category'";
    assert_eq!(system.scalar(counted).await.unwrap(), 5_000);
}

#[tokio::test]
async fn a_batch_that_comes_many_times_at_once_is_stored_once() {
    let system = Arc::new(System::with(&[TOKENS]).await);
    let mut batch: Vec<_> = (0..50).flat_map(|_| [edit(), tool()]).collect();
    for event in batch.iter_mut().step_by(3) {
        // An id without a time.
        event["id"] = json!(Uuid::from_u128(Uuid::now_v7().as_u128().reverse_bits()));
    }
    let body = json!(batch).to_string();
    let reports: Vec<_> = (0..8)
        .map(|_| {
            let (system, body) = (Arc::clone(&system), body.clone());
            tokio::spawn(async move {
                loop {
                    let answer = system.report(PORTAL, body.clone()).await;
                    if answer.status == StatusCode::OK {
                        return answer.json()["stored"].as_u64().unwrap();
                    }
                    // Too many at once: sent again, as senders do.
                    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            })
        })
        .collect();
    let mut stored = 0;
    for report in reports {
        stored += report.await.unwrap();
    }
    assert_eq!(stored, 100);
    assert_eq!(check(system.db.pool()).await.unwrap(), Checked::default());
}

#[tokio::test]
async fn without_the_database_the_sender_keeps_its_events() {
    let system = System::with(&[TOKENS]).await;
    let body = json!([edit()]).to_string();
    sqlx::raw_sql("alter table user_activity rename to away")
        .execute(system.db.pool())
        .await
        .unwrap();
    let answer = system.report(PORTAL, body.clone()).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!answer.text().contains("away") && !answer.text().contains("relation"));
    sqlx::raw_sql("alter table away rename to user_activity")
        .execute(system.db.pool())
        .await
        .unwrap();
    // Somebody holds the table: the server gives up before its client does.
    let mut held = system.db.pool().begin().await.unwrap();
    sqlx::raw_sql("lock table user_activity")
        .execute(&mut *held)
        .await
        .unwrap();
    let answer = system.report(PORTAL, body.clone()).await;
    assert_eq!(
        answer.status,
        StatusCode::SERVICE_UNAVAILABLE,
        "{}",
        answer.text()
    );
    assert_eq!(answer.header("retry-after"), "2");
    held.rollback().await.unwrap();
    assert_eq!(results(&system.report(PORTAL, body).await), ["stored"]);
}

#[tokio::test]
async fn with_analytics_off_nothing_is_recorded() {
    let system = System::with(&[TOKENS, "analytics.enabled=false"]).await;
    let answer = system.report(PORTAL, json!([edit()]).to_string()).await;
    assert_eq!(results(&answer), ["refused"]);
    assert_eq!(
        system
            .scalar("select count(*) from user_activity")
            .await
            .unwrap(),
        0
    );
}

/// What the gateway audits is counted with what is reported.
#[tokio::test]
async fn requests_are_in_the_same_trail() {
    let system = System::start().await;
    let answer = system
        .post(MESSAGES, "", &json!({"model": "claude-haiku-4-5"}))
        .await;
    system.row(&answer).await;
    let request = system.request(Method::GET, "/api/v1/analytics/audit/stats", &[], "");
    let stats = system.client().send(request).await.unwrap().json();
    let events: Vec<_> = stats["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["event"].clone(), row["events"].clone()))
        .collect();
    assert_eq!(
        events,
        [
            (json!("request_completed"), json!(1)),
            (json!("request_started"), json!(1))
        ]
    );
    assert_eq!(check(system.db.pool()).await.unwrap(), Checked::default());
}
