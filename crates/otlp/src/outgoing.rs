//! OpenTelemetry out: what was recorded, as spans in OTLP's JSON, by the current names
//! of the conventions for GenAI and MCP. `names` and `usage` read the same names, so
//! that a server which is sent these spans has the same requests, tokens and calls.
//!
//! What the conventions have no name for is called `systemprompt.…`; who does not
//! know it loses nothing.

use std::collections::HashMap;

use serde_json::{Value, json};
use systemprompt_domain::event::RequestFinished;
use systemprompt_domain::tool::ToolStatus;
use systemprompt_domain::{
    Api, RequestId, RequestState, SpanId, TokenClass, ToolCalled, UsageSource,
};
use time::{Duration, OffsetDateTime};

use crate::{names, wire};

/// The name of the service and of the instrumentation.
pub(crate) const NAME: &str = "systemprompt";

/// An export of these requests and tool calls, as `POST /v1/traces` of any collector
/// takes it in `application/json`. Spans have the same ids whenever they are made: a
/// request its own, a tool call the last half of its id.
#[must_use]
pub fn spans(requests: &[RequestFinished], calls: &[ToolCalled], version: &str) -> Value {
    let asked: HashMap<RequestId, SpanId> = requests
        .iter()
        .map(|request| (request.context.id, request.context.span_id))
        .collect();
    let parent = |call: &ToolCalled| asked.get(call.request_id.as_ref()?).copied();
    let spans = requests.iter().map(request);
    let spans: Vec<Value> = spans
        .chain(calls.iter().map(|one| call(one, parent(one))))
        .collect();
    let mut resource = Attributes::default();
    resource.text("service.name", Some(NAME));
    resource.text("service.version", Some(version));
    json!({ "resourceSpans": [{
        "resource": { "attributes": resource.0 },
        "scopeSpans": [{ "scope": { "name": NAME, "version": version }, "spans": spans }],
    }] })
}

/// Attributes of which only those are there that have a value.
#[derive(Default)]
struct Attributes(Vec<Value>);

impl Attributes {
    fn put(&mut self, key: &str, value: &Value) {
        self.0.push(json!({ "key": key, "value": value }));
    }

    fn text(&mut self, key: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.put(key, &json!({ "stringValue": text }));
        }
    }

    /// Numbers of 64 bits are text in OTLP's JSON.
    fn count(&mut self, key: &str, count: Option<u64>) {
        if let Some(count) = count {
            self.put(key, &json!({ "intValue": count.to_string() }));
        }
    }

    fn number(&mut self, key: &str, number: Option<f64>) {
        if let Some(number) = number {
            self.put(key, &json!({ "doubleValue": number }));
        }
    }

    fn list(&mut self, key: &str, items: &[&str]) {
        if !items.is_empty() {
            let items = items.iter().map(|item| json!({ "stringValue": item }));
            let items: Vec<Value> = items.collect();
            self.put(key, &json!({ "arrayValue": { "values": items } }));
        }
    }
}

/// What every span has.
struct Span<'a> {
    trace: String,
    id: SpanId,
    parent: Option<SpanId>,
    name: String,
    kind: i32,
    began: OffsetDateTime,
    ended: OffsetDateTime,
    attributes: Attributes,
    /// What went wrong.
    error: Option<&'a str>,
}

impl Span<'_> {
    fn json(mut self) -> Value {
        self.attributes.text("error.type", self.error);
        let status = match self.error {
            Some(_) => json!({ "code": wire::ERROR }),
            None => json!({}),
        };
        let mut span = json!({
            "traceId": self.trace,
            "spanId": self.id.to_string(),
            "name": self.name,
            "kind": self.kind,
            "startTimeUnixNano": self.began.unix_timestamp_nanos().to_string(),
            "endTimeUnixNano": self.ended.max(self.began).unix_timestamp_nanos().to_string(),
            "attributes": self.attributes.0,
            "status": status,
        });
        if let Some(parent) = self.parent {
            span["parentSpanId"] = parent.to_string().into();
        }
        span
    }
}

fn after(at: OffsetDateTime, micros: u64) -> Option<OffsetDateTime> {
    at.checked_add(Duration::microseconds(i64::try_from(micros).ok()?))
}

/// What is done, by the conventions' name and as the reader tells it.
const fn operation(api: Api) -> &'static str {
    match api {
        Api::Messages | Api::ChatCompletions | Api::Responses => "chat",
        Api::GenerateContent => "generate_content",
        Api::Embeddings | Api::EmbedContent => "embeddings",
        Api::Unmetered => "unmetered",
    }
}

fn request(of: &RequestFinished) -> Value {
    let context = &of.context;
    let operation = operation(context.api);
    let mut to = Attributes::default();
    to.text("gen_ai.operation.name", Some(operation));
    to.text(
        "gen_ai.provider.name",
        Some(names::theirs(&context.provider)),
    );
    to.text("gen_ai.request.model", context.requested_model.as_deref());
    to.text("gen_ai.response.model", of.served_model.as_deref());
    to.text("gen_ai.response.id", of.response_id.as_deref());
    let reasons: Vec<&str> = of.finish_reason.as_deref().into_iter().collect();
    to.list("gen_ai.response.finish_reasons", &reasons);
    to.put(
        "gen_ai.request.stream",
        &json!({ "boolValue": context.streamed }),
    );
    to.number(
        "gen_ai.response.time_to_first_chunk",
        of.ttfb_us.map(seconds),
    );
    if matches!(context.api, Api::ChatCompletions | Api::Responses) {
        to.text("openai.api.type", Some(context.api.as_str()));
    }
    usage(&mut to, of);
    identity(
        &mut to,
        [
            ("user.id", &context.user),
            ("gen_ai.agent.name", &context.agent),
            ("session.id", &context.session_id),
            ("gen_ai.conversation.id", &context.conversation_id),
        ],
    );
    let status = of.http_status.map(u64::from);
    to.count("http.response.status_code", status);
    to.text(names::ID, Some(&context.id.to_string()));
    to.text(names::STATE, Some(of.state.as_str()));
    to.text("systemprompt.error_code", of.error_code.as_deref());
    to.list(
        "systemprompt.tool_calls",
        &of.tool_calls.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    // Exact, and therefore text.
    let cost = of.cost.map(|cost| cost.to_usd().to_string());
    to.text("systemprompt.cost.usd", cost.as_deref());
    to.text("systemprompt.price_version", of.price_version.as_deref());
    let model = of.context.requested_model.as_deref().or(of.model());
    let ended = of.latency_us.and_then(|us| after(context.created_at, us));
    let failed = of.state != RequestState::Completed;
    Span {
        trace: context.trace_id.to_string(),
        id: context.span_id,
        parent: context.parent_span_id,
        name: model.map_or_else(
            || operation.to_owned(),
            |model| format!("{operation} {model}"),
        ),
        kind: wire::CLIENT,
        began: context.created_at,
        ended: ended.unwrap_or(of.finished_at),
        attributes: to,
        error: failed.then(|| of.error_type.as_deref().unwrap_or(of.state.as_str())),
    }
    .json()
}

#[expect(clippy::cast_precision_loss, reason = "it is a measured time")]
fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}

/// Whose it is.
fn identity(to: &mut Attributes, of: [(&str, &Option<String>); 4]) {
    for (key, value) in of {
        to.text(key, value.as_deref());
    }
}

/// What was used. Input counts the cache, output the reasoning, as the conventions
/// have it; parts that are nothing are left out.
fn usage(to: &mut Attributes, of: &RequestFinished) {
    if of.usage_source == UsageSource::None {
        return;
    }
    let tokens = &of.usage.tokens;
    to.count("gen_ai.usage.input_tokens", Some(tokens.input_total()));
    to.count("gen_ai.usage.output_tokens", Some(tokens.output_total()));
    let written = tokens.cache_write_5m.saturating_add(tokens.cache_write_1h);
    let part = |class| tokens.get(class);
    for (key, count) in [
        (
            "gen_ai.usage.cache_read.input_tokens",
            part(TokenClass::CacheRead),
        ),
        ("gen_ai.usage.cache_creation.input_tokens", written),
        (names::CACHE_WRITE_1H, part(TokenClass::CacheWrite1h)),
        (
            "gen_ai.usage.audio.input_tokens",
            part(TokenClass::AudioInput),
        ),
        (names::TOOL_INPUT, part(TokenClass::ToolInput)),
        (
            "gen_ai.usage.reasoning.output_tokens",
            part(TokenClass::Reasoning),
        ),
        (
            "gen_ai.usage.audio.output_tokens",
            part(TokenClass::AudioOutput),
        ),
    ] {
        to.count(key, (count > 0).then_some(count));
    }
    let tier = match of.context.api {
        Api::ChatCompletions | Api::Responses | Api::Embeddings => "openai.response.service_tier",
        _ => "gen_ai.response.service_tier",
    };
    to.text(tier, of.usage.service_tier.as_deref());
}

/// A tool call, below the caller's span or, where none is known, below that of the
/// request that `asked` for it.
fn call(of: &ToolCalled, asked: Option<SpanId>) -> Value {
    let mut to = Attributes::default();
    to.text("mcp.method.name", Some("tools/call"));
    to.text("gen_ai.operation.name", Some("execute_tool"));
    to.text("gen_ai.tool.name", Some(&of.tool));
    to.text("gen_ai.tool.call.id", of.call_id.as_deref());
    to.text("mcp.server.name", Some(&of.server));
    to.text("mcp.protocol.version", of.protocol_version.as_deref());
    to.text("jsonrpc.request.id", of.rpc_id.as_deref());
    to.text("rpc.response.status_code", of.error_code.as_deref());
    identity(
        &mut to,
        [
            ("user.id", &of.user),
            ("gen_ai.agent.name", &of.agent),
            ("session.id", &of.session_id),
            ("gen_ai.conversation.id", &of.conversation_id),
        ],
    );
    to.text(names::ID, Some(&of.id.to_string()));
    to.text(names::STATE, Some(of.status.as_str()));
    // What is told is one of these words, whatever else is known of it.
    let error = match of.status {
        ToolStatus::Success | ToolStatus::NeedsInput => None,
        ToolStatus::Timeout => Some("timeout"),
        ToolStatus::Cancelled => Some("cancelled"),
        ToolStatus::Failed => Some(of.error_type.as_deref().unwrap_or("tool_error")),
    };
    Span {
        trace: of.trace_id.to_string(),
        id: SpanId(of.id.0.as_u64_pair().1),
        parent: of.parent_span_id.or(asked),
        name: format!("tools/call {}", of.tool),
        // Not the server's side, which is known by its caller's span: one span may call often,
        // and each call is one.
        kind: wire::CLIENT,
        began: of.created_at,
        ended: of.finished_at(),
        attributes: to,
        error,
    }
    .json()
}
