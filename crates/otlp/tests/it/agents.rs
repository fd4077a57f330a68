//! Coding agents: their events as they send them, and how their counts are meant.

use serde_json::{Value, json};
use systemprompt_domain::tool::ToolStatus;
use systemprompt_domain::{Api, RequestState, Tokens};
use systemprompt_otlp::Signal::Logs;

use crate::support::{batch, logs, record, request, tool};

#[test]
fn claude_code_counts_what_the_cache_has_no_part_in() {
    // It sends numbers as text.
    let event = record(
        "claude_code.api_request",
        &json!({
            "event.name": "api_request", "model": "claude-opus-4-6", "input_tokens": "12", "output_tokens": "345",
            "cache_read_tokens": "20000", "cache_creation_tokens": "1500", "cost_usd": "99.5", "duration_ms": "1250",
            "request_id": "req_1", "session.id": "s-1", "user.id": "b1946ac9", "user.email": "ada@example.com",
            "prompt.id": "7f9c24e8-3b12-4e6f-9a51-0a1b2c3d4e5f",
        }),
    );
    let seen = request(Logs, &logs(std::slice::from_ref(&event)));
    let expected = Tokens {
        input: 12,
        cache_read: 20_000,
        cache_write_5m: 1_500,
        output: 345,
        ..Tokens::default()
    };
    assert_eq!(seen.usage.tokens, expected);
    // Its own estimate of the cost is not ours.
    assert_eq!(seen.cost, None);
    let context = &seen.context;
    assert_eq!(
        (context.provider.as_str(), context.api),
        ("anthropic", Api::Messages)
    );
    assert_eq!(context.agent.as_deref(), Some("claude-code"));
    assert_eq!(context.user.as_deref(), Some("ada@example.com"));
    assert_eq!(context.session_id.as_deref(), Some("s-1"));
    // All requests of a prompt are one trace.
    assert_eq!(
        context.trace_id.to_string(),
        "7f9c24e83b124e6f9a510a1b2c3d4e5f"
    );
    assert_eq!(seen.provider_request_id.as_deref(), Some("req_1"));
    assert_eq!(seen.latency_us, Some(1_250_000));
    // Sent again it is the same, another one is not.
    assert_eq!(
        request(Logs, &logs(std::slice::from_ref(&event)))
            .context
            .id,
        context.id
    );
    let mut other = event;
    other["attributes"][0]["value"] = json!({ "stringValue": "x" });
    assert_ne!(request(Logs, &logs(&[other])).context.id, context.id);
}

#[test]
fn claude_code_tells_of_failures_and_tools() {
    let failed = record(
        "claude_code.api_error",
        &json!({ "model": "claude-opus-4-6", "error": "my secret prompt", "status_code": "529", "duration_ms": "80" }),
    );
    let seen = request(Logs, &logs(&[failed]));
    assert_eq!(
        (seen.state, seen.http_status),
        (RequestState::Failed, Some(529))
    );
    assert!(!format!("{seen:?}").contains("secret"));

    let of = |more: Value| {
        let mut all = json!({ "success": "true", "duration_ms": "40", "tool_use_id": "toolu_1" });
        all.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        tool(Logs, &logs(&[record("claude_code.tool_result", &all)]))
    };
    let own = of(json!({ "tool_name": "Bash" }));
    assert_eq!(
        (own.server.as_str(), own.tool.as_str()),
        ("claude-code", "Bash")
    );
    assert_eq!((own.status, own.latency_us), (ToolStatus::Success, 40_000));
    assert_eq!(own.call_id.as_deref(), Some("toolu_1"));
    let mcp = of(json!({ "tool_name": "mcp__files__read_file", "success": "false" }));
    assert_eq!(
        (mcp.server.as_str(), mcp.tool.as_str()),
        ("files", "read_file")
    );
    assert_eq!(mcp.status, ToolStatus::Failed);
}

#[test]
fn codex_counts_the_cache_and_reasoning_in() {
    let of = |more: Value| {
        let mut all = json!({
            "event.name": "codex.sse_event", "event.kind": "response.completed", "model": "gpt-5",
            "conversation.id": "c-1", "duration_ms": 3,
        });
        all.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        record("", &all)
    };
    let event = of(json!({
        "input_token_count": 1000, "cached_token_count": 800, "output_token_count": 100,
        "reasoning_token_count": 64, "tool_token_count": 1100,
    }));
    let seen = request(Logs, &logs(&[event]));
    let tokens = seen.usage.tokens;
    assert_eq!(
        (
            tokens.input,
            tokens.cache_read,
            tokens.output,
            tokens.reasoning
        ),
        (200, 800, 36, 64)
    );
    assert_eq!(
        (seen.context.provider.as_str(), seen.context.api),
        ("openai", Api::Responses)
    );
    assert_eq!(seen.context.conversation_id.as_deref(), Some("c-1"));
    // The duration is that of the event.
    assert_eq!(seen.latency_us, None);

    let others = [
        of(json!({ "event.kind": "response.created" })),
        of(json!({ "event.name": "codex.api_request", "http.response.status_code": 200 })),
        of(json!({ "event.name": "codex.user_prompt", "prompt": "secret" })),
    ];
    let found = batch(Logs, &logs(&others));
    assert_eq!((found.seen.len(), found.ignored, found.rejected), (0, 3, 0));
    let refused =
        of(json!({ "event.name": "codex.api_request", "http.response.status_code": 429 }));
    let seen = request(Logs, &logs(&[refused]));
    assert_eq!(
        (seen.state, seen.http_status),
        (RequestState::Failed, Some(429))
    );
    let ran = of(
        json!({ "event.name": "codex.tool_result", "tool_name": "shell", "call_id": "call_1", "success": "true" }),
    );
    let seen = tool(Logs, &logs(&[ran]));
    assert_eq!(
        (seen.server.as_str(), seen.tool.as_str()),
        ("codex", "shell")
    );
}

#[test]
fn gemini_cli_counts_thoughts_apart() {
    let event = record(
        "API response from gemini-2.5-pro.",
        &json!({
            "event.name": "gemini_cli.api_response", "model": "gemini-2.5-pro", "duration_ms": 900, "status_code": 200,
            "input_token_count": 500, "cached_content_token_count": 200, "output_token_count": 50,
            "thoughts_token_count": 70, "tool_token_count": 11,
        }),
    );
    let tokens = request(Logs, &logs(&[event])).usage.tokens;
    let expected = Tokens {
        input: 300,
        cache_read: 200,
        tool_input: 11,
        output: 50,
        reasoning: 70,
        ..Tokens::default()
    };
    assert_eq!(tokens, expected);
}

#[test]
fn other_logs_are_ignored_and_incomplete_ones_rejected() {
    let found = batch(
        Logs,
        &logs(&[
            record("user logged in", &json!({})),
            record("claude_code.user_prompt", &json!({ "prompt": "secret" })),
            record("claude_code.api_request", &json!({ "input_tokens": 3 })),
            json!({ "body": { "stringValue": "claude_code.api_request" } }),
        ]),
    );
    assert_eq!((found.seen.len(), found.ignored, found.rejected), (0, 2, 2));
}
