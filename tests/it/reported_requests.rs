//! AI requests that other services made past the gateway and report: priced here,
//! counted once, whoever says what.

use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use systemprompt_storage::check::{Checked, check};
use systemprompt_testkit::client::Answer;
use uuid::Uuid;

use crate::system::{MESSAGES, Stored, System, request_id};

const SHOP: &str = "shop-0123456789abcdef";
const SCOUT: &str = "scout-0123456789abcdef";
const TOKENS: &str = "server.tokens=[\
    {name: shop, token: shop-0123456789abcdef, scopes: [ingest, read]},\
    {name: all, token: all-0123456789abcdef, scopes: [gateway]},\
    {name: scout, token: scout-0123456789abcdef, user: ada, agent: scout, scopes: [ingest]}]";

async fn report(system: &System, token: &str, events: &Value) -> Answer {
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str())];
    let request = system.request(Method::POST, "/api/v1/events", &headers, events.to_string());
    system.client().send(request).await.unwrap()
}

fn asked() -> Value {
    json!({
        "type": "request", "id": Uuid::now_v7(), "provider": "anthropic", "api": "messages",
        "state": "completed", "requested_model": "claude-haiku-4-5", "served_model": "claude-haiku-4-5-20251001",
        "http_status": 200, "latency_us": 1_500_000, "ttfb_us": 400_000,
        "request_bytes": 90, "response_bytes": 700, "finish_reason": "end_turn",
        "response_id": format!("msg_{}", Uuid::now_v7().simple()),
        "usage": {"tokens": {"input": 1_000, "cache_read": 300, "output": 200}, "service_tier": "standard"},
        "raw_usage": {"input_tokens": 1_000, "cache_read_input_tokens": 300, "output_tokens": 200},
        "tool_calls": ["weather"], "user": "ada", "agent": "writer", "session_id": "s-1",
    })
}

/// The row that an answer's nth result names.
async fn row(system: &System, answer: &Answer, n: usize) -> Stored {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let line = answer.json()["results"][n].clone();
    assert_eq!(line["result"], "accepted", "{line}");
    system
        .row_of(line["id"].as_str().unwrap().parse().unwrap())
        .await
}

#[tokio::test]
async fn they_cost_and_count_as_those_through_the_gateway() {
    let system = System::with(&[TOKENS]).await;
    let headers = [
        ("x-systemprompt-token", "all-0123456789abcdef"),
        (
            "x-mock",
            "in=1000,out=200,cache=300,model=claude-haiku-4-5-20251001",
        ),
    ];
    let body = json!({"model": "claude-haiku-4-5", "max_tokens": 500, "messages": []});
    let through = system.post_with(MESSAGES, &headers, &body).await;
    let through = system.row(&through).await;
    let asked = asked();
    let answer = report(&system, SHOP, &json!([asked])).await;
    let reported = row(&system, &answer, 0).await;
    for column in ["input", "cache_read", "output", "reasoning", "cost_nanos"] {
        assert_eq!(reported.number(column), through.number(column), "{column}");
    }
    assert!(reported.number("cost_nanos").unwrap() > 0);
    for (column, value) in [
        ("price_version", through.text("price_version").as_str()),
        ("state", "completed"),
        ("usage_source", "provider"),
        ("service_tier", "standard"),
        ("user_id", "ada"),
        ("agent", "writer"),
        ("token", "shop"),
        ("session_id", "s-1"),
        ("tool_calls", "weather"),
        ("finish_reason", "end_turn"),
        ("response_id", asked["response_id"].as_str().unwrap()),
    ] {
        assert_eq!(reported.text(column), value, "{column}");
    }
    assert_eq!(reported.json("raw_usage"), asked["raw_usage"]);
    assert_eq!(reported.number("latency_us"), Some(1_500_000));

    // Again, alone and twice in one batch, beside a new one: nothing changes but that.
    let new = self::asked();
    let again = report(&system, SHOP, &json!([asked, asked, new])).await;
    assert_eq!(again.json()["accepted"], 3);
    assert_eq!(
        again.json()["results"][0]["id"],
        answer.json()["results"][0]["id"]
    );
    row(&system, &again, 2).await;
    assert_eq!(system.count().await.unwrap(), 3);
    assert_eq!(check(system.db.pool()).await.unwrap(), Checked::default());
}

#[tokio::test]
async fn nobody_takes_a_request_of_the_gateways_away() {
    let system = System::with(&[TOKENS]).await;
    let headers = [
        ("x-systemprompt-token", "all-0123456789abcdef"),
        ("x-mock", "in=100,out=20,slow=100,chunks=4"),
    ];
    let body = json!({"model": "claude-haiku-4-5", "stream": true});
    let request = system.request(Method::POST, MESSAGES, &headers, body.to_string());
    let response = system.client().begin(request).await.unwrap();
    let id = response.headers()["x-systemprompt-request-id"]
        .to_str()
        .unwrap()
        .to_owned();
    // Whoever asks knows the id before the end, and says that it cost nothing.
    let mut cheap = asked();
    cheap["id"] = json!(id);
    cheap["usage"] = json!({"tokens": {}});
    let answer = report(&system, SHOP, &json!([cheap])).await;
    assert_ne!(answer.json()["results"][0]["id"], id);
    row(&system, &answer, 0).await;
    let read = systemprompt_testkit::client::read(response).await;
    let row = system.row_of(request_id(&read)).await;
    assert_eq!(
        (row.number("input"), row.number("output")),
        (Some(100), Some(20))
    );
    assert!(row.number("cost_nanos").unwrap() > 0);
}

#[tokio::test]
async fn what_cannot_be_is_refused_by_its_field() {
    let system = System::with(&[TOKENS]).await;
    let old = "0190163d-8694-739b-aea5-966c26f8ad91";
    let changes = [
        ("id", json!(old)),
        ("id", json!(Uuid::from_u128(42))),
        ("provider", Value::Null),
        ("api", json!("unmetered")),
        ("state", json!("lost")),
        ("http_status", json!(42)),
        ("latency_us", json!(-1)),
        ("usage", json!({"tokens": {"inputs": 1}})),
        ("usage", json!({"total": 1})),
        ("usage", json!({"tokens": {"input": 4_000_000_000_u64}})),
        ("raw_usage", json!({"text": "x".repeat(9_000)})),
        ("tool_calls", json!(vec!["x"; 17])),
        ("parent_span_id", json!("12")),
        ("cost", json!(0)),
    ];
    let mut events: Vec<Value> = Vec::new();
    for (field, value) in &changes {
        let mut event = asked();
        match value {
            Value::Null => drop(event.as_object_mut().unwrap().remove(*field)),
            value => event[*field] = value.clone(),
        }
        events.push(event);
    }
    events.push(asked());
    let answer = report(&system, SHOP, &json!(events)).await;
    assert_eq!(
        (&answer.json()["refused"], &answer.json()["accepted"]),
        (&json!(changes.len()), &json!(1))
    );
    for (n, (field, value)) in changes.iter().enumerate() {
        assert_eq!(answer.json()["results"][n]["field"], *field, "{value}");
    }
    row(&system, &answer, changes.len()).await;
    assert_eq!(system.count().await.unwrap(), 1);
}

#[tokio::test]
async fn a_token_stands_for_its_own() {
    let system = System::with(&[TOKENS]).await;
    let (mut own, mut foreign) = (asked(), asked());
    // What the request's body said of its user, the token knows better.
    own["user"] = json!("user_7f3a");
    own["agent"] = json!("scout");
    foreign["agent"] = json!("writer");
    let answer = report(&system, SCOUT, &json!([own, foreign])).await;
    assert_eq!(answer.json()["results"][1]["field"], "agent");
    let row = row(&system, &answer, 0).await;
    assert_eq!(
        (row.text("user_id"), row.text("agent")),
        ("ada".to_owned(), "scout".to_owned())
    );
}
