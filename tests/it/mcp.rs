//! `/mcp`: agents ask about themselves in both eras of the protocol, see nobody
//! else whatever they claim, and read what the command line says.

use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use systemprompt_domain::TokenKind;
use systemprompt_storage::agents;
use systemprompt_storage::tokens::{NewToken, create};
use systemprompt_testkit::client::Answer;
use systemprompt_testkit::process::cli;
use time::OffsetDateTime;

use crate::system::{MESSAGES, System};

/// The last revision with a handshake, and the first without.
const LEGACY: &str = "2025-11-25";
const STATELESS: &str = "2026-07-28";

/// A token of this kind, for the agent if it is an agent's.
async fn token(system: &System, kind: TokenKind, agent: &str) -> String {
    let (db, now) = (system.db.pool(), OffsetDateTime::now_utc());
    let name = format!("{kind} {agent}");
    let new = NewToken {
        kind,
        name: &name,
        user: None,
        agent: (kind == TokenKind::Agent).then_some(agent),
        expires_at: None,
    };
    let issued = create(db, new, None, now).await.unwrap();
    issued.text.expose().to_owned()
}

/// A system with three requests of scout and one of clerk, and a token of each.
async fn two_agents() -> (System, String, String) {
    let system = System::start().await;
    let now = OffsetDateTime::now_utc();
    for name in ["scout", "clerk"] {
        let db = system.db.pool();
        agents::create(db, name, "", None, now).await.unwrap();
    }
    let scout = token(&system, TokenKind::Agent, "scout").await;
    let clerk = token(&system, TokenKind::Agent, "clerk").await;
    for token in [&scout, &scout, &scout, &clerk] {
        let headers = [("x-systemprompt-token", token.as_str())];
        let body = json!({"model": "claude-haiku-4-5"});
        let answer = system.post_with(MESSAGES, &headers, &body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    }
    assert_eq!(system.count().await.unwrap(), 4);
    (system, scout, clerk)
}

/// Sends one message as it is.
async fn raw(system: &System, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut all = vec![
        ("content-type", "application/json"),
        ("accept", "application/json, text/event-stream"),
    ];
    all.extend(headers);
    let request = system.request(Method::POST, "/mcp", &all, body.to_owned());
    system.client().send(request).await.unwrap()
}

/// A message in the era's own way.
async fn send(system: &System, era: &str, token: &str, method: &str, params: Value) -> Answer {
    let bearer = format!("Bearer {token}");
    let mut params = params;
    let name = params["name"].as_str().map(str::to_owned);
    let mut headers = vec![
        ("authorization", bearer.as_str()),
        ("mcp-protocol-version", era),
    ];
    if era == STATELESS {
        headers.push(("mcp-method", method));
        headers.extend(name.as_deref().map(|name| ("mcp-name", name)));
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": era,
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
        });
    }
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    raw(system, &headers, &message.to_string()).await
}

async fn result(system: &System, era: &str, token: &str, method: &str, params: Value) -> Value {
    let answer = send(system, era, token, method, params).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let answer: Value = serde_json::from_slice(&answer.body).unwrap();
    answer["result"].clone()
}

async fn call(system: &System, era: &str, token: &str, tool: &str, arguments: Value) -> Value {
    let params = json!({"name": tool, "arguments": arguments});
    result(system, era, token, "tools/call", params).await
}

#[tokio::test]
async fn agents_see_their_own_numbers_in_both_eras() {
    let (system, scout, clerk) = two_agents().await;
    let params = json!({
        "protocolVersion": LEGACY,
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    });
    let begun = result(&system, LEGACY, &scout, "initialize", params).await;
    assert_eq!(begun["protocolVersion"], LEGACY);
    let found = result(&system, STATELESS, &scout, "server/discover", json!({})).await;
    assert!(
        found["supportedVersions"].to_string().contains(STATELESS),
        "{found}"
    );
    for era in [LEGACY, STATELESS] {
        let listed = result(&system, era, &scout, "tools/list", json!({})).await;
        let tools: Vec<_> = listed["tools"]
            .as_array()
            .unwrap()
            .iter()
            .map(|tool| tool["name"].as_str().unwrap().to_owned())
            .collect();
        assert!(tools.contains(&"analytics_costs".to_owned()), "{tools:?}");
        assert!(tools.len() < 6, "{tools:?}");
        for (token, requests) in [(&scout, 3), (&clerk, 1)] {
            let told = call(&system, era, token, "analytics_requests", json!({})).await;
            let row = &told["structuredContent"]["rows"][0];
            assert_eq!(row["requests"], requests, "{told}");
            assert_eq!(row["models"][0]["requests"], requests, "{told}");
            let text = told["content"][0]["text"].as_str().unwrap();
            let same: Value = serde_json::from_str(text).unwrap();
            assert_eq!(same, told["structuredContent"]);
        }
    }
}

#[tokio::test]
async fn claiming_to_be_another_agent_changes_nothing() {
    let (system, scout, _) = two_agents().await;
    let bearer = format!("Bearer {scout}");
    let message = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {
            "name": "analytics_requests",
            "arguments": {},
            "_meta": {"agent": "clerk", "x-systemprompt-agent": "clerk"},
        },
    });
    let headers = [
        ("authorization", bearer.as_str()),
        ("x-systemprompt-agent", "clerk"),
        ("x-agent-id", "clerk"),
    ];
    let answer = raw(&system, &headers, &message.to_string()).await;
    let answer: Value = serde_json::from_slice(&answer.body).unwrap();
    let row = &answer["result"]["structuredContent"]["rows"][0];
    assert_eq!(row["requests"], 3, "{answer}");
    // Asking about somebody else is asking about nothing.
    let others = json!({"agent": ["clerk"]});
    let told = call(&system, LEGACY, &scout, "analytics_requests", others).await;
    assert_eq!(told["structuredContent"]["rows"][0]["requests"], 0);
    // A tool that would show more is none of an agent's.
    let params = json!({"name": "analytics_overview", "arguments": {}});
    let answer = send(&system, LEGACY, &scout, "tools/call", params).await;
    assert!(answer.text().contains("scope read"), "{}", answer.text());
}

#[tokio::test]
async fn who_may_read_has_every_tool_and_the_command_lines_numbers() {
    let (system, ..) = two_agents().await;
    let reader = token(&system, TokenKind::Read, "").await;
    let listed = result(&system, STATELESS, &reader, "tools/list", json!({})).await;
    let tools = listed["tools"].as_array().unwrap();
    assert_eq!(tools.len(), systemprompt_reporting::QUERIES.len());
    assert_eq!(listed["cacheScope"], "private");
    let told = call(&system, STATELESS, &reader, "analytics_costs", json!({})).await;
    let url = system.db.url();
    let storage = system.storage.path().to_str().unwrap().to_owned();
    let line = format!("analytics costs summary --json --database-url {url} --storage {storage}");
    let said = cli(line.split(' ')).unwrap();
    let said: Value = serde_json::from_slice(&said.stdout).unwrap();
    assert_eq!(said["rows"], told["structuredContent"]["rows"]);
    assert_eq!(said["rows"][0]["requests"], 4);
}

#[tokio::test]
async fn whoever_may_not_ask_is_told_why() {
    let (system, ..) = two_agents().await;
    let gateway = token(&system, TokenKind::Gateway, "").await;
    let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}).to_string();
    let nobody = raw(&system, &[], &list).await;
    assert_eq!(nobody.status, StatusCode::UNAUTHORIZED);
    assert_eq!(nobody.header("www-authenticate"), "Bearer");
    let bearer = format!("Bearer {gateway}");
    let other = raw(&system, &[("authorization", &bearer)], &list).await;
    assert_eq!(other.status, StatusCode::FORBIDDEN);
    assert_eq!(
        other.header("www-authenticate"),
        "Bearer error=\"insufficient_scope\", scope=\"mcp\""
    );
}

#[tokio::test]
async fn what_is_no_question_is_refused_in_its_own_way() {
    let (system, scout, _) = two_agents().await;
    let bearer = format!("Bearer {scout}");
    let authorized = ("authorization", bearer.as_str());
    let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}).to_string();
    let large = format!("{{\"x\": \"{}\"}}", "y".repeat(2 << 20));
    for (body, status, code) in [
        ("{", StatusCode::BAD_REQUEST, -32700),
        ("", StatusCode::BAD_REQUEST, -32700),
        ("\"\\ud800\"", StatusCode::BAD_REQUEST, -32700),
        ("[]", StatusCode::BAD_REQUEST, -32600),
        ("7", StatusCode::BAD_REQUEST, -32600),
        (large.as_str(), StatusCode::PAYLOAD_TOO_LARGE, -32600),
        (&"[".repeat(100_000), StatusCode::BAD_REQUEST, -32700),
    ] {
        let answer = raw(&system, &[authorized], body).await;
        assert_eq!(answer.status, status, "{}", answer.text());
        let error: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(error["error"]["code"], code, "{error}");
    }
    let foreign = [authorized, ("origin", "https://evil.example")];
    let answer = raw(&system, &foreign, &list).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    // A tool that is not there is a mistake of the program; a value that makes no
    // sense is one of the model, which can read why.
    let params = json!({"name": "nothing", "arguments": {}});
    let answer = send(&system, LEGACY, &scout, "tools/call", params).await;
    assert!(
        answer.text().contains("there is no tool"),
        "{}",
        answer.text()
    );
    for (arguments, why) in [
        (json!({"since": "tomorrow"}), "is not a time"),
        (json!({"agents": ["x"]}), "did you mean agent?"),
        (json!({"limit": 5000}), "1 to 200 rows"),
    ] {
        let told = call(&system, LEGACY, &scout, "analytics_errors", arguments).await;
        assert_eq!(told["isError"], true, "{told}");
        assert!(
            told["content"][0]["text"].as_str().unwrap().contains(why),
            "{told}"
        );
    }
}
