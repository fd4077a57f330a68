//! Spans as SDKs and instrumentations export them.

use serde_json::{Value, json};
use systemprompt_domain::tool::{ToolStatus, Via};
use systemprompt_domain::{Api, RequestState, Tokens, UsageSource};
use systemprompt_otlp::Signal::Traces;

use crate::support::{BEGAN, ENDED, SPAN, TRACE, batch, request, span, tool, traces};

fn tokens(scope: &str, attributes: &Value) -> Tokens {
    request(Traces, &traces(scope, &[span(attributes)]))
        .usage
        .tokens
}

#[test]
fn a_span_of_the_current_conventions_is_a_request() {
    let attributes = json!({
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "anthropic",
        "gen_ai.request.model": "claude-sonnet-4-6", "gen_ai.response.model": "claude-sonnet-4-6-20260101",
        "gen_ai.response.id": "msg_1", "gen_ai.response.finish_reasons": ["end_turn"],
        "gen_ai.usage.input_tokens": 1200, "gen_ai.usage.output_tokens": 90,
        "gen_ai.usage.cache_read.input_tokens": 1000, "gen_ai.usage.cache_creation.input_tokens": 100,
        "gen_ai.usage.reasoning.output_tokens": 40, "gen_ai.request.stream": true,
        "gen_ai.response.time_to_first_chunk": 0.25, "gen_ai.conversation.id": "c-1",
        "gen_ai.agent.name": "scout", "user.id": "ada", "session.id": "s-1",
    });
    let seen = request(Traces, &traces("somebody", &[span(&attributes)]));
    assert_eq!(seen.state, RequestState::Completed);
    assert_eq!(seen.usage_source, UsageSource::Provider);
    let expected = Tokens {
        input: 100,
        cache_read: 1000,
        cache_write_5m: 100,
        output: 50,
        reasoning: 40,
        ..Tokens::default()
    };
    assert_eq!(seen.usage.tokens, expected);
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    assert_eq!(text(&seen.served_model), "claude-sonnet-4-6-20260101");
    assert_eq!(text(&seen.response_id), "msg_1");
    assert_eq!(text(&seen.finish_reason), "end_turn");
    assert_eq!(
        (seen.latency_us, seen.ttfb_us),
        (Some(1_500_000), Some(250_000))
    );
    let context = &seen.context;
    assert_eq!(
        (context.provider.as_str(), context.api),
        ("anthropic", Api::Messages)
    );
    assert_eq!(context.trace_id.to_string(), TRACE);
    assert_eq!(context.span_id.to_string(), SPAN);
    assert!(context.streamed);
    assert_eq!(
        [
            &context.conversation_id,
            &context.agent,
            &context.user,
            &context.session_id
        ]
        .map(text),
        ["c-1", "scout", "ada", "s-1"]
    );
    // To the millisecond, as its id tells it.
    assert_eq!(context.id.created_at(), Some(context.created_at));
    let millis = context.created_at.unix_timestamp_nanos() / 1_000_000;
    assert_eq!(millis, i128::from(BEGAN / 1_000_000));
    let raw: Value = serde_json::from_str(&seen.raw_usage.unwrap()).unwrap();
    assert_eq!(raw["gen_ai.usage.input_tokens"], 1200);
}

#[test]
fn the_same_span_is_the_same_request() {
    let attributes = json!({
        "gen_ai.operation.name": "chat", "gen_ai.system": "openai", "gen_ai.request.model": "gpt-4o",
    });
    let export = traces("a", &[span(&attributes)]);
    let (first, second) = (request(Traces, &export), request(Traces, &export));
    assert_eq!(first.context.id, second.context.id);
    let mut other = span(&attributes);
    other["spanId"] = json!("00f067aa0ba902b8");
    let other = request(Traces, &traces("a", &[other]));
    assert_ne!(first.context.id, other.context.id);
}

#[test]
fn whether_input_counts_the_cache_is_told_by_the_evidence() {
    let with = |more: Value| {
        let mut all = json!({
            "gen_ai.operation.name": "chat", "gen_ai.system": "anthropic", "gen_ai.request.model": "claude-sonnet-4-6",
            "gen_ai.usage.input_tokens": 500, "gen_ai.usage.output_tokens": 20,
        });
        let more = more.as_object().unwrap().clone();
        all.as_object_mut().unwrap().extend(more);
        all
    };
    let older = |read: u64| json!({ "gen_ai.usage.cache_read_input_tokens": read });
    for (scope, attributes, input) in [
        // More cached than there is: Anthropic's own number was passed on.
        ("somebody", with(older(2000)), 500),
        (
            "opentelemetry.instrumentation.anthropic",
            with(older(2000)),
            500,
        ),
        // It fits: what is known of the instrumentation decides …
        (
            "opentelemetry.instrumentation.anthropic",
            with(older(200)),
            300,
        ),
        ("pydantic-ai", with(older(200)), 300),
        // … else the total …
        (
            "somebody",
            with(
                json!({ "gen_ai.usage.cache_read_input_tokens": 200, "gen_ai.usage.total_tokens": 520 }),
            ),
            300,
        ),
        (
            "somebody",
            with(
                json!({ "gen_ai.usage.cache_read_input_tokens": 200, "gen_ai.usage.total_tokens": 720 }),
            ),
            500,
        ),
        // … the names that came with the rule …
        (
            "somebody",
            with(json!({ "gen_ai.usage.cache_read.input_tokens": 200 })),
            300,
        ),
        // … or the provider's own way.
        ("somebody", with(older(200)), 500),
        (
            "somebody",
            with(json!({ "gen_ai.usage.cache_read_input_tokens": 200, "gen_ai.system": "openai" })),
            300,
        ),
    ] {
        let found = tokens(scope, &attributes);
        assert_eq!(found.input, input, "{scope}: {attributes}");
    }
}

#[test]
fn older_names_and_those_of_openllmetry_are_read() {
    let openllmetry = json!({
        "llm.request.type": "chat", "gen_ai.system": "openai", "gen_ai.request.model": "gpt-4o",
        "gen_ai.usage.prompt_tokens": 100, "gen_ai.usage.completion_tokens": 30,
        "gen_ai.usage.cache_read_input_tokens": 60, "gen_ai.usage.reasoning_tokens": 10,
        "llm.is_streaming": true, "traceloop.association.properties.user_id": "ada",
    });
    let seen = request(
        Traces,
        &traces(
            "opentelemetry.instrumentation.openai.v1",
            &[span(&openllmetry)],
        ),
    );
    let tokens = seen.usage.tokens;
    assert_eq!(
        (
            tokens.input,
            tokens.cache_read,
            tokens.output,
            tokens.reasoning
        ),
        (40, 60, 20, 10)
    );
    assert_eq!(seen.context.user.as_deref(), Some("ada"));
    assert_eq!(seen.context.api, Api::ChatCompletions);
    assert!(seen.context.streamed);

    let mut responses = span(&openllmetry);
    responses["name"] = json!("openai.response");
    let seen = request(
        Traces,
        &traces("opentelemetry.instrumentation.openai.v1", &[responses]),
    );
    assert_eq!(seen.context.api, Api::Responses);

    let embeds = json!({
        "llm.request.type": "embedding", "gen_ai.system": "openai",
        "gen_ai.request.model": "text-embedding-3-small", "gen_ai.usage.input_tokens": 7,
    });
    let seen = request(Traces, &traces("a", &[span(&embeds)]));
    assert_eq!(seen.context.api, Api::Embeddings);

    let gemini = json!({
        "gen_ai.operation.name": "generate_content", "gen_ai.system": "gcp.gemini",
        "gen_ai.request.model": "gemini-2.5-flash", "gen_ai.usage.input_tokens": 7,
    });
    let seen = request(Traces, &traces("a", &[span(&gemini)]));
    assert_eq!(
        (seen.context.provider.as_str(), seen.context.api),
        ("gemini", Api::GenerateContent)
    );
}

#[test]
fn what_holds_requests_is_none() {
    let spans: Vec<Value> = [
        "invoke_agent",
        "create_agent",
        "fetch_response",
        "invoke_workflow",
    ]
    .map(|operation| {
        span(&json!({
            "gen_ai.operation.name": operation, "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-4o", "gen_ai.usage.input_tokens": 100,
        }))
    })
    .into();
    let http = span(&json!({ "http.request.method": "GET" }));
    let batch = batch(Traces, &traces("a", &[spans, vec![http]].concat()));
    assert_eq!((batch.seen.len(), batch.ignored, batch.rejected), (0, 5, 0));
}

#[test]
fn failures_keep_their_type_and_no_message() {
    let mut failed = span(&json!({
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o",
        "error.type": "429",
    }));
    failed["status"] = json!({ "code": 2, "message": "my secret prompt was refused" });
    let seen = request(Traces, &traces("a", &[failed]));
    assert_eq!(seen.state, RequestState::Failed);
    assert_eq!(
        (seen.http_status, seen.error_type.as_deref()),
        (Some(429), Some("429"))
    );
    assert_eq!(seen.usage_source, UsageSource::None);
    assert!(!format!("{seen:?}").contains("secret"));
}

#[test]
fn tools_are_calls() {
    let executed = json!({
        "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search", "gen_ai.tool.call.id": "call_1",
        "error.type": "timeout",
    });
    let seen = tool(Traces, &traces("a", &[span(&executed)]));
    assert_eq!(
        (seen.server.as_str(), seen.tool.as_str()),
        ("shop", "search")
    );
    assert_eq!((seen.status, seen.via), (ToolStatus::Timeout, Via::Otlp));
    assert_eq!(
        (seen.call_id.as_deref(), seen.latency_us),
        (Some("call_1"), 1_500_000)
    );

    let mcp = json!({
        "mcp.method.name": "tools/call", "mcp.protocol.version": "2025-06-18", "mcp.session.id": "m-1",
        "jsonrpc.request.id": "7", "server.address": "files.example.com",
    });
    let mut client = span(&mcp);
    client["name"] = json!("tools/call read_file");
    let seen = tool(Traces, &traces("a", &[client]));
    assert_eq!(
        (seen.server.as_str(), seen.tool.as_str()),
        ("files.example.com", "read_file")
    );
    assert_eq!(seen.status, ToolStatus::Success);
    assert_eq!(seen.session_id.as_deref(), Some("m-1"));
    // Client and server know the call by the client's span.
    let caller = seen.parent_span_id.map(|span| span.to_string());
    assert_eq!(caller.as_deref(), Some(SPAN));
    let mut server = span(&mcp);
    server["name"] = json!("tools/call read_file");
    server["kind"] = json!("SPAN_KIND_SERVER");
    server["spanId"] = json!("1111111111111111");
    server["parentSpanId"] = json!(SPAN);
    let seen = tool(Traces, &traces("a", &[server]));
    assert_eq!(seen.parent_span_id.map(|span| span.to_string()), caller);
    assert_eq!(seen.server, "shop");

    let listed =
        json!({ "mcp.method.name": "tools/list", "gen_ai.operation.name": "execute_tool" });
    let listed = batch(Traces, &traces("a", &[span(&listed)]));
    assert_eq!((listed.seen.len(), listed.ignored), (0, 1));
}

#[test]
fn a_bad_span_is_rejected_by_itself() {
    let good = json!({
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o",
    });
    let with = |field: &str, value: Value| {
        let mut bad = span(&good);
        bad[field] = value;
        bad
    };
    let week = 7 * 24 * 3600 * 1_000_000_000_u64;
    let bad = [
        with("traceId", json!("00")),
        with("traceId", json!("xyz")),
        with("spanId", json!("0000000000000000")),
        with("endTimeUnixNano", json!((BEGAN - 1).to_string())),
        with("startTimeUnixNano", json!("0")),
        with("startTimeUnixNano", json!((BEGAN - week).to_string())),
        with("startTimeUnixNano", json!({})),
        with("attributes", json!("none")),
        json!(7),
    ];
    for (n, bad) in bad.iter().enumerate() {
        let spans = [bad.clone(), span(&good)];
        let found = batch(Traces, &traces("a", &spans));
        assert_eq!((found.seen.len(), found.rejected), (1, 1), "{n}: {bad}");
        assert!(found.reason.is_some());
    }
    let late = with("startTimeUnixNano", json!((ENDED + week).to_string()));
    let mut late = late;
    late["endTimeUnixNano"] = json!((ENDED + week).to_string());
    let found = batch(Traces, &traces("a", &[late]));
    assert_eq!(found.rejected, 1);
    assert!(found.reason.unwrap().contains("future"));
}
