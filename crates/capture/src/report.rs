//! Events as `POST /api/v1/events` takes them.

use serde_json::{Map, Value, json};
use systemprompt_domain::Event;
use systemprompt_domain::tool::{ToolCalled, ToolsListed};
use systemprompt_domain::web::{Visit, Visitor, WebEvent};

/// The event as it is reported; `None` for those that only a server records.
#[must_use]
pub fn report(event: &Event) -> Option<Value> {
    match event {
        Event::ToolCalled(call) => Some(call_of(call)),
        Event::ToolsListed(listed) => Some(list_of(listed)),
        Event::Web(visit) => request_of(visit),
        Event::RequestStarted(_)
        | Event::RequestFinished(_)
        | Event::RequestReported(_)
        | Event::Audit(_) => None,
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
fn request_of(visit: &Visit) -> Option<Value> {
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
