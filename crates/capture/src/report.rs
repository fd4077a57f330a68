//! Events as `POST /api/v1/events` takes them.

use serde_json::{Map, Value, json};
use systemprompt_domain::event::RequestFinished;
use systemprompt_domain::tool::{ToolCalled, ToolsListed};
use systemprompt_domain::web::{Visit, Visitor, WebEvent};
use systemprompt_domain::{Event, UsageSource};

/// The event as it is reported; `None` for those that only a server records.
#[must_use]
pub fn report(event: &Event) -> Option<Value> {
    match event {
        Event::ToolCalled(call) => Some(call_of(call)),
        Event::ToolsListed(listed) => Some(list_of(listed)),
        Event::Web(visit) => page_of(visit),
        Event::RequestReported(request) => Some(request_of(request)),
        Event::RequestStarted(_) | Event::RequestFinished(_) | Event::Audit(_) => None,
    }
}

fn call_of(call: &ToolCalled) -> Value {
    let mut report = json!({
        "type": "tool_call",
        "id": call.id,
        "trace_id": call.trace_id.to_string(),
        "server": call.server,
        "tool": named(&call.tool),
        "via": call.via,
        "status": call.status,
        "latency_us": call.latency_us,
        "request_bytes": call.request_bytes,
        "response_bytes": call.response_bytes,
    });
    let more = report.as_object_mut().expect("it was made as an object");
    let texts = [
        ("user", &call.user),
        ("agent", &call.agent),
        ("session_id", &call.session_id),
        ("conversation_id", &call.conversation_id),
        ("call_id", &call.call_id),
        ("rpc_id", &call.rpc_id),
        ("client_name", &call.client_name),
        ("client_version", &call.client_version),
        ("protocol_version", &call.protocol_version),
        ("error_type", &call.error_type),
        ("error_code", &call.error_code),
        ("argument_hash", &call.argument_hash),
    ];
    for (name, text) in texts {
        add(more, name, text.as_deref());
    }
    let parent = call.parent_span_id.map(|span| span.to_string());
    add(more, "parent_span_id", parent.as_deref());
    if let Some(ttfb) = call.ttfb_us {
        more.insert("ttfb_us".to_owned(), ttfb.into());
    }
    report
}

/// A request that was answered; `None` for what browsers report, which a server takes
/// from them.
fn page_of(visit: &Visit) -> Option<Value> {
    let WebEvent::Hit(hit) = visit.events.first()? else {
        return None;
    };
    let mut report = json!({
        "type": "page_request",
        "id": hit.id,
        "site": visit.site,
        "target": hit.target,
        "method": hit.method,
        "status": hit.status,
        "hints": visit.hints,
    });
    let more = report.as_object_mut().expect("it was made as an object");
    let texts = [
        ("referrer", &hit.referrer),
        ("user_agent", &visit.user_agent),
        ("language", &visit.language),
        ("country", &visit.country),
    ];
    for (name, text) in texts {
        add(more, name, Some(text));
    }
    if let Some(Visitor { today, before }) = visit.visitor {
        more.insert("visitor".to_owned(), json!(today));
        more.insert("visitor_before".to_owned(), json!(before));
    }
    if let Some(headers) = &visit.headers {
        more.insert("headers".to_owned(), json!(headers));
    }
    Some(report)
}

/// An AI request. What it cost the server says.
fn request_of(request: &RequestFinished) -> Value {
    let context = &request.context;
    let mut report = json!({
        "type": "request",
        "id": context.id,
        "trace_id": context.trace_id.to_string(),
        "span_id": context.span_id.to_string(),
        "provider": context.provider,
        "api": context.api,
        "state": request.state,
        "streamed": context.streamed,
        "usage_injected": request.usage_injected,
        "request_bytes": context.request_bytes,
        "response_bytes": request.response_bytes,
    });
    let more = report.as_object_mut().expect("it was made as an object");
    let parent = context.parent_span_id.map(|span| span.to_string());
    let texts = [
        ("parent_span_id", &parent),
        ("user", &context.user),
        ("agent", &context.agent),
        ("session_id", &context.session_id),
        ("conversation_id", &context.conversation_id),
        ("requested_model", &context.requested_model),
        ("served_model", &request.served_model),
        ("provider_request_id", &request.provider_request_id),
        ("response_id", &request.response_id),
        ("error_type", &request.error_type),
        ("error_code", &request.error_code),
        ("finish_reason", &request.finish_reason),
    ];
    for (name, text) in texts {
        add(more, name, text.as_deref());
    }
    let numbers = [
        ("http_status", request.http_status.map(u64::from)),
        ("latency_us", request.latency_us),
        ("ttfb_us", request.ttfb_us),
    ];
    for (name, number) in numbers {
        if let Some(number) = number {
            more.insert(name.to_owned(), number.into());
        }
    }
    if !request.tool_calls.is_empty() {
        more.insert("tool_calls".to_owned(), json!(request.tool_calls));
    }
    if request.usage_source == UsageSource::Provider {
        more.insert("usage".to_owned(), json!(request.usage));
    }
    let raw = request.raw_usage.as_deref();
    let raw = raw.and_then(|raw| serde_json::from_str::<Map<String, Value>>(raw).ok());
    if let Some(raw) = raw {
        more.insert("raw_usage".to_owned(), raw.into());
    }
    report
}

/// A call that named no tool is told as such.
fn named(tool: &str) -> &str {
    if tool.is_empty() { "(none)" } else { tool }
}

fn list_of(listed: &ToolsListed) -> Value {
    let mut report = json!({
        "type": "tool_list",
        "server": listed.server,
        "tools": listed.tools,
    });
    let more = report.as_object_mut().expect("it was made as an object");
    add(more, "user", listed.user.as_deref());
    add(more, "agent", listed.agent.as_deref());
    report
}

fn add(report: &mut Map<String, Value>, name: &str, text: Option<&str>) {
    if let Some(text) = text.filter(|text| !text.is_empty()) {
        report.insert(name.to_owned(), text.into());
    }
}
