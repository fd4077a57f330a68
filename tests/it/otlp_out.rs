//! OpenTelemetry out: what one server recorded is what the next one reads.

use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use systemprompt_storage::check::{Checked, check};
use systemprompt_testkit::mcp::McpUpstream;
use systemprompt_testkit::process::cli;

use crate::system::{CHAT, GENERATE, MESSAGES, System, request_id};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";
const JSON: (&str, &str) = ("content-type", "application/json");

/// What the next server must have the same. Ids and sizes are its own.
const REQUESTS: &str = "select json_agg(r order by r.created_at, r.span_id)::jsonb from (
    select created_at, trace_id, span_id, parent_span_id, user_id, agent, session_id, conversation_id,
        provider, api, requested_model, served_model, response_id, streamed, service_tier, state, http_status,
        error_type, finish_reason, usage_source, input, cache_read, cache_write_5m, cache_write_1h,
        audio_input, tool_input, output, reasoning, audio_output, cost_nanos, price_version, latency_us, ttfb_us
    from ai_requests) as r";
const CALLS: &str = "select json_agg(t order by t.created_at)::jsonb from (
    select created_at, trace_id, server, tool, agent, status, error_type, latency_us
    from mcp_tool_executions) as t";

/// What the command line writes; the code that it ends with.
fn otlp(system: &System, args: &[&str]) -> (i32, String, String) {
    let url = system.db.url();
    let logs = ["infra", "logs"];
    let args = [&logs, args, &["--otlp", "--database-url", &url]].concat();
    let output = cli(&args).unwrap();
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

fn spans(export: &str) -> Vec<Value> {
    let export: Value = serde_json::from_str(export).unwrap();
    let spans = &export["resourceSpans"][0]["scopeSpans"][0]["spans"];
    spans.as_array().unwrap().clone()
}

async fn take(system: &System, export: &str) {
    let body = export.to_owned();
    let request = system.request(Method::POST, "/v1/traces", &[JSON], body);
    let answer = system.client().send(request).await.unwrap();
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(answer.json(), json!({}), "nothing is rejected");
}

async fn told(system: &System, what: &'static str) -> Value {
    let told: Option<Value> = sqlx::query_scalar(what)
        .fetch_one(system.db.pool())
        .await
        .unwrap();
    told.unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_server_has_the_same_requests_and_calls() {
    let mcp = McpUpstream::start().await.unwrap();
    let tools = format!("mcp.servers.tools.url={}", mcp.url());
    let system = System::with(&[&tools]).await;
    let parent = format!("00-{TRACE}-{SPAN}-01");
    let headers = |mock| {
        [
            ("x-mock", mock),
            ("traceparent", parent.as_str()),
            ("x-systemprompt-agent", "scout"),
            ("x-systemprompt-session", "s-1"),
        ]
    };
    let hi = json!([{"role": "user", "content": "hi"}]);
    let asks = [
        (
            MESSAGES,
            "in=1003,out=507,cache=401,write=89,write1h=11",
            json!({"model": "claude-sonnet-4-6", "messages": hi, "stream": true}),
        ),
        (
            MESSAGES,
            "tool=mcp__tools__plain",
            json!({"model": "claude-haiku-4-5", "messages": hi}),
        ),
        (
            MESSAGES,
            "status=529",
            json!({"model": "claude-haiku-4-5", "messages": hi}),
        ),
        (
            CHAT,
            "in=99,out=50,cache=10,reasoning=7",
            json!({"model": "gpt-4o-mini", "messages": hi}),
        ),
        (
            GENERATE,
            "in=40,out=9,reasoning=4",
            json!({"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}),
        ),
    ];
    let mut ids = Vec::new();
    for (path, mock, body) in &asks {
        let answer = system.post_with(path, &headers(mock), body).await;
        ids.push(request_id(&answer).to_string());
    }
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
        "name": "plain", "arguments": {}, "_meta": {"traceparent": parent},
    }});
    let answer = system
        .post_with(
            "/mcp/tools",
            &[("accept", "application/json, text/event-stream")],
            &call,
        )
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(system.count().await.unwrap(), 5);

    let (code, whole, err) = otlp(&system, &["trace", "show", TRACE]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert_eq!(whole.lines().count(), 1, "one document");
    assert_eq!(spans(&whole).len(), 6);
    let (_, full, _) = otlp(&system, &["audit", &ids[0], "--full"]);
    assert_eq!(full, whole, "a request in full is its trace");
    let (_, alone, _) = otlp(&system, &["audit", &ids[0]]);
    let [alone] = spans(&alone).try_into().unwrap();
    assert_eq!(alone["name"], "chat claude-sonnet-4-6");
    assert_eq!(alone["parentSpanId"], SPAN);

    let next = System::start().await;
    for _ in 0..2 {
        take(&next, &whole).await;
    }
    assert_eq!(next.count().await.unwrap(), 5, "sent again, stored once");
    assert_eq!(told(&next, REQUESTS).await, told(&system, REQUESTS).await);
    assert_eq!(told(&next, CALLS).await, told(&system, CALLS).await);
    let checked = check(next.db.pool()).await.unwrap();
    assert_eq!(checked, Checked::default());
    // And on to a third, the same again.
    let (_, second, _) = otlp(&next, &["trace", "show", TRACE]);
    let third = System::start().await;
    take(&third, &second).await;
    assert_eq!(third.count().await.unwrap(), 5);
    assert_eq!(told(&third, REQUESTS).await, told(&system, REQUESTS).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_no_spans_of_what_is_not_over() {
    let system = System::start().await;
    let (code, out, err) = otlp(&system, &["trace", "show", TRACE]);
    assert_eq!((code, out.as_str()), (1, ""), "{err}");
    assert!(err.contains("no request"), "{err}");
    let url = system.db.url();
    let both = [
        "infra",
        "logs",
        "audit",
        TRACE,
        "--otlp",
        "--json",
        "--database-url",
        &url,
    ];
    assert_eq!(cli(both).unwrap().status.code(), Some(2), "one of the two");
}
