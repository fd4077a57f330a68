//! `/mcp/{server}`: bytes pass unchanged, each call is recorded as it ended, and what
//! belongs together is found together.
//!
//! Long because each way a call can end is a case.

use std::time::{Duration, Instant};

use http_body_util::BodyExt as _;
use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::Row as _;
use systemprompt_domain::TokenKind;
use systemprompt_storage::agents;
use systemprompt_storage::check::{Checked, check};
use systemprompt_storage::tokens::{NewToken, create};
use systemprompt_testkit::PATIENCE;
use systemprompt_testkit::client::{Answer, Client};
use systemprompt_testkit::faults::until_stored;
use systemprompt_testkit::mcp::{McpUpstream, events, huge, plain};
use systemprompt_testkit::process::cli;
use time::OffsetDateTime;

use crate::system::{MESSAGES, System};

const PATH: &str = "/mcp/tools";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// A system with an MCP server behind it.
async fn behind(mcp: &McpUpstream, sets: &[&str]) -> System {
    let url = format!("mcp.servers.tools.url={}", mcp.url());
    let mut all = vec![url.as_str(), "mcp.servers.tools.idle_timeout=2s"];
    all.extend(sets);
    System::with(&all).await
}

fn message(id: &Value, tool: &str) -> String {
    json!({"jsonrpc": "2.0", "id": id, "method": "tools/call",
        "params": {"name": tool, "arguments": {"q": "secret words"}}})
    .to_string()
}

async fn post(system: &System, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut all = vec![
        ("content-type", "application/json"),
        ("accept", "application/json, text/event-stream"),
    ];
    all.extend(headers);
    let request = system.request(Method::POST, PATH, &all, body.to_owned());
    system.client().send(request).await.unwrap()
}

/// A column of the recorded calls, in the order in which they began.
async fn recorded(system: &System, column: &str) -> Vec<String> {
    until_stored(system.addr, PATIENCE).await.unwrap();
    let rows = sqlx::query(
        "select to_jsonb(t) as call from mcp_tool_executions t order by created_at, id",
    )
    .fetch_all(system.db.pool())
    .await
    .unwrap();
    let text = |row: &sqlx::postgres::PgRow| match row.get::<Value, _>("call")[column].clone() {
        Value::String(text) => text,
        other => other.to_string(),
    };
    rows.iter().map(text).collect()
}

/// The recorded calls, once there are so many.
async fn until_recorded(system: &System, n: usize, column: &str) -> Vec<String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let rows = recorded(system, column).await;
        if rows.len() >= n {
            return rows;
        }
        assert!(
            Instant::now() < deadline,
            "{rows:?}: {}",
            system.server.stderr()
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until so many calls have reached the server.
async fn until_called(mcp: &McpUpstream, n: usize) {
    let deadline = Instant::now() + PATIENCE;
    while mcp.calls() < n {
        assert!(Instant::now() < deadline, "{} of {n} calls", mcp.calls());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn every_way_to_end_is_recorded_and_bytes_pass_unchanged() {
    let mcp = McpUpstream::start().await.unwrap();
    let system = behind(&mcp, &["mcp.servers.tools.timeout=4s"]).await;
    let id = json!("a-7");
    let cases: [(&str, u16, Option<String>, &str, &str); 10] = [
        ("plain", 200, Some(plain(&id)), "success", "null"),
        ("events", 200, Some(events(&id)), "success", "null"),
        ("huge", 200, Some(huge(&id)), "success", "null"),
        ("error", 200, None, "failed", "tool_error"),
        ("rpc", 200, None, "failed", "rpc_error"),
        ("input", 200, None, "needs_input", "null"),
        ("eof", 200, None, "failed", "upstream_eof"),
        (
            "broken",
            500,
            Some("<html>".to_owned()),
            "failed",
            "http_error",
        ),
        ("unauthorized", 502, None, "failed", "http_error"),
        ("slow", 504, None, "timeout", "upstream_timeout"),
    ];
    for (tool, status, body, ..) in &cases {
        let answer = post(&system, &[], &message(&id, tool)).await;
        assert_eq!(answer.status, *status, "{tool}");
        assert!(answer.cut.is_none(), "{tool}");
        if let Some(body) = body {
            assert!(answer.body == body.as_bytes(), "{tool}: the bytes differ");
        } else if *status > 200 {
            assert_eq!(answer.json()["id"], id, "{tool}: {}", answer.text());
            assert!(answer.json()["error"]["code"].is_i64());
        }
    }
    for tool in ["cut", "silent"] {
        let answer = post(&system, &[], &message(&id, tool)).await;
        assert!(answer.cut.is_some(), "{tool} is not taken for whole");
        let whole = events(&id);
        assert!(!answer.body.is_empty() && whole.as_bytes().starts_with(&answer.body));
    }
    assert_eq!(mcp.calls(), 12);
    let expected: Vec<_> = cases.iter().map(|case| (case.0, case.3, case.4)).collect();
    let expected = [
        expected.as_slice(),
        &[
            ("cut", "failed", "upstream_cut"),
            ("silent", "timeout", "upstream_timeout"),
        ],
    ]
    .concat();
    let statuses = until_recorded(&system, 12, "status").await;
    let (tools, errors) = (
        recorded(&system, "tool").await,
        recorded(&system, "error_type").await,
    );
    let seen: Vec<_> = tools
        .iter()
        .zip(&statuses)
        .zip(&errors)
        .map(|((tool, status), error)| (tool.as_str(), status.as_str(), error.as_str()))
        .collect();
    assert_eq!(seen, expected);
    let sizes = recorded(&system, "response_bytes").await;
    assert_eq!(sizes[2], huge(&id).len().to_string());
    assert_eq!(recorded(&system, "error_code").await[4], "-32602");
    // What was asked for is a hash, and the same for the same arguments.
    let hashes = recorded(&system, "argument_hash").await;
    assert!(
        hashes
            .iter()
            .all(|hash| hash.len() == 64 && *hash == hashes[0])
    );
    let dump = format!("{:?}", recorded(&system, "server").await);
    assert!(!dump.contains("secret"));
    assert_eq!(check(system.db.pool()).await.unwrap(), Checked::default());
    let told = "select count(*) from audit_events where category = 'mcp_tools' \
                and event = 'tool_failed'";
    assert_eq!(system.scalar(told).await.unwrap(), 8);
}

#[tokio::test]
async fn a_client_that_leaves_takes_its_call_back() {
    let mcp = McpUpstream::start().await.unwrap();
    let system = behind(&mcp, &[]).await;
    // Before the head of the answer, and in the middle of it.
    for tool in ["slow", "silent"] {
        let request = system.request(Method::POST, PATH, &[], message(&json!(1), tool));
        let mut client = Client::new(system.addr);
        if tool == "slow" {
            tokio::select! {
                answer = client.begin(request) => panic!("{answer:?}"),
                () = until_called(&mcp, 1) => {}
            }
        } else {
            let mut answer = client.begin(request).await.unwrap();
            answer.body_mut().frame().await.unwrap().unwrap();
        }
    }
    let statuses = until_recorded(&system, 2, "status").await;
    assert_eq!(statuses, ["cancelled", "cancelled"]);
    assert_eq!(
        recorded(&system, "error_type").await,
        ["client_left", "client_left"]
    );
    let deadline = Instant::now() + PATIENCE;
    while mcp.left() < 2 {
        assert!(
            Instant::now() < deadline,
            "the server is told that its clients left"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_message_can_take_a_call_of_its_session_back() {
    let mcp = McpUpstream::start().await.unwrap();
    let system = behind(&mcp, &["mcp.servers.tools.timeout=4s"]).await;
    let client = json!({"name": "scout-client", "version": "9"});
    let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client});
    let hello = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params});
    let begun = post(&system, &[], &hello.to_string()).await;
    let session = begun.header("mcp-session-id").to_owned();
    assert_eq!(session, "session-1");
    let headers = [
        ("mcp-session-id", session.as_str()),
        ("mcp-protocol-version", "2025-11-25"),
    ];
    let slow = message(&json!(7), "slow");
    let call = post(&system, &headers, &slow);
    let back = async {
        until_called(&mcp, 1).await;
        let back = json!({"jsonrpc": "2.0", "method": "notifications/cancelled",
            "params": {"requestId": 7}});
        post(&system, &headers, &back.to_string()).await
    };
    let (_, back) = tokio::join!(call, back);
    assert_eq!(back.status, StatusCode::ACCEPTED);
    assert_eq!(until_recorded(&system, 1, "status").await, ["cancelled"]);
    assert_eq!(recorded(&system, "client_name").await, ["scout-client"]);
    assert_eq!(recorded(&system, "protocol_version").await, ["2025-11-25"]);
    assert_eq!(recorded(&system, "session_id").await, ["session-1"]);
}

#[tokio::test]
async fn clients_credentials_do_not_cross_and_the_servers_do() {
    let mcp = McpUpstream::start().await.unwrap();
    let key = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(key.path(), "upstream-key\n").unwrap();
    let credentials = format!(
        "mcp.servers.tools.credentials={{file: {}}}",
        key.path().display()
    );
    let token = "[{name: ci, token: test-token-0123456789, agent: scout}]";
    let token = format!("server.tokens={token}");
    let system = behind(&mcp, &[&credentials, &token]).await;
    let headers = [
        ("authorization", "Bearer test-token-0123456789"),
        ("x-api-key", "sk-client"),
        ("cookie", "a=b"),
        ("x-systemprompt-session", "s-1"),
        ("mcp-param-region", "eu"),
        ("mcp-protocol-version", "2026-07-28"),
    ];
    let answer = post(&system, &headers, &message(&json!(1), "plain")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let head = mcp.heads().pop().unwrap();
    assert_eq!(head["authorization"], "Bearer upstream-key");
    assert_eq!(head["mcp-param-region"], "eu");
    assert_eq!(head["host"], mcp.addr.to_string());
    for gone in ["x-api-key", "cookie", "x-systemprompt-session"] {
        assert!(!head.contains_key(gone), "{gone}");
    }
    assert!(!format!("{head:?}").contains("test-token"));
    assert_eq!(until_recorded(&system, 1, "agent").await, ["scout"]);
    assert_eq!(recorded(&system, "session_id").await, ["s-1"]);
    // Another agent's name is no way in.
    let forged = [headers[0], ("x-systemprompt-agent", "clerk")];
    let answer = post(&system, &forged, &message(&json!(1), "plain")).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let nobody = post(&system, &[], &message(&json!(1), "plain")).await;
    assert_eq!(nobody.status, StatusCode::UNAUTHORIZED);
    assert_eq!(mcp.calls(), 1);
}

#[tokio::test]
async fn what_must_not_pass_is_refused_as_json_rpc() {
    let mcp = McpUpstream::start().await.unwrap();
    let system = behind(&mcp, &["mcp.servers.tools.deny=[delete_*]"]).await;
    let call = message(&json!(1), "plain");
    let large = format!("{{\"x\": \"{}\"}}", "y".repeat(5 << 20));
    let code = |answer: &Answer| answer.json()["error"]["code"].clone();
    for (body, status, expected) in [
        ("{", 400, -32700),
        ("7", 400, -32700),
        (large.as_str(), 413, -32600),
    ] {
        let answer = post(&system, &[], body).await;
        assert_eq!(
            (answer.status.as_u16(), code(&answer)),
            (status, json!(expected))
        );
    }
    for (name, value) in [("mcp-method", "tools/list"), ("mcp-name", "other")] {
        let answer = post(&system, &[(name, value)], &call).await;
        assert_eq!(
            (answer.status.as_u16(), code(&answer)),
            (400, json!(-32020)),
            "{name}"
        );
        assert_eq!(answer.json()["id"], 1);
    }
    let foreign = post(&system, &[("origin", "https://evil.example")], &call).await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
    assert_eq!(mcp.calls(), 0);
    // A tool that may not be called is not listed either.
    let denied = post(&system, &[], &message(&json!(4), "delete_all")).await;
    assert_eq!(denied.status, StatusCode::OK);
    assert_eq!(
        (code(&denied), denied.json()["id"].clone()),
        (json!(-32602), json!(4))
    );
    let list = json!({"jsonrpc": "2.0", "id": 5, "method": "tools/list"}).to_string();
    let listed = post(&system, &[], &list).await.json();
    assert_eq!(
        listed["result"]["tools"].as_array().map(Vec::len),
        Some(1),
        "{listed}"
    );
    assert_eq!(mcp.calls(), 0);
    assert_eq!(
        until_recorded(&system, 1, "error_type").await,
        ["tool_denied"]
    );
    let request = system.request(Method::PUT, PATH, &[], "");
    let put = system.client().send(request).await.unwrap();
    assert_eq!(put.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(put.header("allow"), "GET, POST, DELETE");
}

#[tokio::test]
async fn streams_and_the_ends_of_sessions_pass() {
    let mcp = McpUpstream::start().await.unwrap();
    let mut system = behind(&mcp, &["limits.stop_timeout=80s"]).await;
    let headers = [("accept", "text/event-stream"), ("last-event-id", "0")];
    let request = system.request(Method::GET, PATH, &headers, "");
    let mut client = Client::new(system.addr);
    let mut stream = client.begin(request).await.unwrap();
    let first = stream.body_mut().frame().await.unwrap().unwrap();
    let first = first.into_data().unwrap();
    assert!(first.starts_with(b"id: 1\ndata: "), "{first:?}");
    assert_eq!(mcp.heads()[0]["last-event-id"], "0");
    let delete = system.request(Method::DELETE, PATH, &[("mcp-session-id", "s")], "");
    let deleted = system.client().send(delete).await.unwrap();
    assert!(deleted.status.is_success());
    assert_eq!(mcp.heads()[1]["mcp-session-id"], "s");
    // A stream that is open holds no stop up.
    let begun = Instant::now();
    system.server.sigterm().unwrap();
    let ended = system.server.wait_exit(PATIENCE).await.unwrap();
    assert!(ended.success() && begun.elapsed() < Duration::from_secs(40));
}

#[tokio::test]
async fn a_changed_definition_is_told_once_and_flagged() {
    let mcp = McpUpstream::start().await.unwrap();
    let system = behind(&mcp, &[]).await;
    let list = json!({"jsonrpc": "2.0", "id": 5, "method": "tools/list"}).to_string();
    post(&system, &[], &message(&json!(1), "plain")).await;
    for _ in 0..2 {
        post(&system, &[], &list).await;
    }
    let show = async || {
        recorded(&system, "tool").await;
        let url = system.db.url();
        let storage = system.storage.path().display().to_string();
        let line =
            format!("analytics tools show plain --json --database-url {url} --storage {storage}");
        let said = cli(line.split(' ')).unwrap();
        let said: Value = serde_json::from_slice(&said.stdout).unwrap();
        said["rows"][0].clone()
    };
    assert_eq!(show().await["definition_changed"], false);
    mcp.change_definition();
    for _ in 0..3 {
        post(&system, &[], &list).await;
    }
    // What a server says of its tools is stored when its turn comes.
    let begun = Instant::now();
    let shown = loop {
        let shown = show().await;
        if shown["definition_changed"] == true || begun.elapsed() > PATIENCE {
            break shown;
        }
    };
    assert_eq!(shown["definition_changed"], true, "{shown}");
    let definitions = shown["definitions"].as_array().unwrap();
    assert_eq!(definitions.len(), 2);
    assert_eq!(definitions[0]["previous_hash"], definitions[1]["hash"]);
    let told: Vec<Value> = sqlx::query_scalar(
        "select detail from audit_events where event = 'tool_definition_changed'",
    )
    .fetch_all(system.db.pool())
    .await
    .unwrap();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["tool"], "plain");
    assert_eq!(told[0]["old_hash"], definitions[1]["hash"]);
    assert_eq!(told[0]["new_hash"], definitions[0]["hash"]);
}

#[tokio::test]
async fn a_trace_shows_request_tool_call_and_request_in_order() {
    let mcp = McpUpstream::start().await.unwrap();
    let system = behind(&mcp, &[]).await;
    let parent = format!("00-{TRACE}-00f067aa0ba902b7-01");
    let traced = [
        ("traceparent", parent.as_str()),
        ("x-systemprompt-conversation", "talk"),
    ];
    let asking = [traced[0], traced[1], ("x-mock", "tool=mcp__tools__plain")];
    let body = json!({"model": "claude-haiku-4-5"});
    let asked = system.post_with(MESSAGES, &asking, &body).await;
    let first = asked.header("x-systemprompt-request-id").to_owned();
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
        "name": "plain", "arguments": {}, "_meta": {"traceparent": parent}}});
    post(&system, &[], &call.to_string()).await;
    let answered = system.post_with(MESSAGES, &traced, &body).await;
    let second = answered.header("x-systemprompt-request-id").to_owned();
    assert_eq!(
        until_recorded(&system, 1, "request_id").await,
        std::slice::from_ref(&first)
    );
    assert_eq!(recorded(&system, "conversation_id").await, ["talk"]);

    let url = system.db.url();
    let storage = system.storage.path().display().to_string();
    let ask = |line: &str| {
        let line = format!("{line} --database-url {url} --storage {storage}");
        let said = cli(line.split(' ')).unwrap();
        String::from_utf8(said.stdout).unwrap()
    };
    let page = ask(&format!("infra logs audit {first} --full"));
    let kinds: Vec<&str> = page
        .lines()
        .filter_map(|line| line.split_whitespace().nth(2))
        .filter(|kind| matches!(*kind, "request" | "response" | "tool_call" | "tool_result"))
        .collect();
    let expected = [
        "request",
        "response",
        "tool_call",
        "tool_result",
        "request",
        "response",
    ];
    assert_eq!(kinds, expected, "{page}");
    assert!(page.contains("2 requests, 1 tool call"), "{page}");

    let shown: Value =
        serde_json::from_str(&ask(&format!("analytics traces show {TRACE} --json"))).unwrap();
    let rows = shown["rows"].as_array().unwrap();
    let of = |kind: &str| {
        rows.iter()
            .filter(|row| row["kind"] == kind)
            .collect::<Vec<_>>()
    };
    let call = of("tool_call")[0];
    assert_eq!(call["request_id"], json!(first));
    assert_eq!(
        (&call["server"], &call["tool"]),
        (&json!("tools"), &json!("plain"))
    );
    assert_eq!(of("response")[1]["request_id"], json!(second));
    // A call's own id leads to its trace.
    let again = ask(&format!(
        "analytics traces show {} --json",
        call["id"].as_str().unwrap()
    ));
    assert_eq!(
        serde_json::from_str::<Value>(&again).unwrap()["rows"],
        shown["rows"]
    );
    let list: Value = serde_json::from_str(&ask("analytics traces list --json")).unwrap();
    assert_eq!(list["rows"][0]["tool_calls"], 1, "{list}");
    assert_eq!(list["rows"][0]["requests"], 2);
    let talk: Value =
        serde_json::from_str(&ask("analytics conversations show talk --json")).unwrap();
    assert_eq!(
        talk["rows"][0]["tools_executed"][0]["executions"], 1,
        "{talk}"
    );
}

#[tokio::test]
async fn a_call_joins_the_trace_of_the_request_that_gave_it_its_id() {
    let mcp = McpUpstream::start().await.unwrap();
    let system = behind(&mcp, &[]).await;
    let body = json!({"model": "claude-haiku-4-5"});
    let asked = system.post(MESSAGES, "tool=plain", &body).await;
    let id = asked.json()["content"]
        .as_array()
        .and_then(|content| content.iter().find(|part| part["type"] == "tool_use"))
        .map(|part| part["id"].clone())
        .unwrap();
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
        "name": "plain", "_meta": {"claudecode/toolUseId": id}}});
    post(&system, &[], &call.to_string()).await;
    let trace = until_recorded(&system, 1, "trace_id").await.remove(0);
    assert_eq!(
        trace.replace('-', ""),
        asked.header("x-systemprompt-trace-id")
    );
    let request = recorded(&system, "request_id").await;
    assert_eq!(request, [asked.header("x-systemprompt-request-id")]);
    assert_eq!(recorded(&system, "call_id").await, [id.as_str().unwrap()]);
}

#[tokio::test]
async fn agents_see_the_errors_of_their_own_tools() {
    let mcp = McpUpstream::start().await.unwrap();
    let system = behind(&mcp, &[]).await;
    let now = OffsetDateTime::now_utc();
    let mut tokens = Vec::new();
    for name in ["scout", "clerk"] {
        agents::create(system.db.pool(), name, "", None, now)
            .await
            .unwrap();
        let new = NewToken {
            kind: TokenKind::Agent,
            name,
            user: None,
            agent: Some(name),
            expires_at: None,
        };
        let issued = create(system.db.pool(), new, None, now).await.unwrap();
        tokens.push(format!("Bearer {}", issued.text.expose()));
    }
    for (token, tools) in tokens
        .iter()
        .zip([&["error", "error", "plain"][..], &["rpc"]])
    {
        for tool in tools {
            let answer = post(
                &system,
                &[("authorization", token)],
                &message(&json!(1), tool),
            )
            .await;
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        }
    }
    until_recorded(&system, 4, "tool").await;
    let ask = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": "analytics_errors", "arguments": {}}});
    for (token, kind, count) in [(&tokens[0], "tool_error", 2), (&tokens[1], "rpc_error", 1)] {
        let headers = [
            ("authorization", token.as_str()),
            ("content-type", "application/json"),
            ("accept", "application/json, text/event-stream"),
        ];
        let request = system.request(Method::POST, "/mcp", &headers, ask.to_string());
        let told = system.client().send(request).await.unwrap().json();
        let rows = told["result"]["structuredContent"]["rows"]
            .as_array()
            .unwrap();
        assert_eq!(rows.len(), 1, "{told}");
        assert_eq!(rows[0]["kind"], "tool_call");
        assert_eq!(
            (&rows[0]["error_type"], &rows[0]["count"]),
            (&json!(kind), &json!(count))
        );
        assert!(!rows[0]["advice"].as_str().unwrap().is_empty());
    }
}

#[tokio::test]
async fn sampled_calls_are_counted_all_the_same() {
    let mcp = McpUpstream::start().await.unwrap();
    let system = behind(&mcp, &["analytics.sampling_rate=0.3"]).await;
    for n in 0..40 {
        let tool = if n % 4 == 0 { "error" } else { "plain" };
        post(&system, &[], &message(&json!(n), tool)).await;
    }
    let kept = recorded(&system, "tool").await.len();
    assert!((1..40).contains(&kept), "{kept}");
    let counted = "select sum(executions)::bigint from tool_day where cube = 'total'";
    assert_eq!(system.scalar(counted).await.unwrap(), 40);
    let failed = "select sum(n)::bigint from tool_errors_hour";
    assert_eq!(system.scalar(failed).await.unwrap(), 10);
    let told = "select count(*) from audit_events where category = 'mcp_tools'";
    assert_eq!(system.scalar(told).await.unwrap(), 40);
    let checked = check(system.db.pool()).await.unwrap();
    assert_eq!(checked.differences, []);
    assert_eq!(checked.left_out.len(), 1);
}
