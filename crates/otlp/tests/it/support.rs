//! Exports in OTLP's JSON, and what is read of them.

use bytes::Bytes;
use serde_json::{Value, json};
use systemprompt_domain::ToolCalled;
use systemprompt_domain::event::RequestFinished;
use systemprompt_otlp::{Batch, Format, Signal, What, read};
use time::OffsetDateTime;
use time::macros::datetime;

pub(crate) const NOW: OffsetDateTime = datetime!(2026-11-25 10:07:30 UTC);
/// Two seconds before [`NOW`], in nanoseconds.
pub(crate) const BEGAN: u64 = 1_795_601_248_123_456_789;
/// One and a half seconds after [`BEGAN`].
pub(crate) const ENDED: u64 = BEGAN + 1_500_000_000;
pub(crate) const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
pub(crate) const SPAN: &str = "00f067aa0ba902b7";

/// Attributes as OTLP has them.
pub(crate) fn attributes(of: &Value) -> Value {
    let of = of.as_object().unwrap();
    let one = |(key, value): (&String, &Value)| {
        let value = match value {
            Value::String(_) => json!({ "stringValue": value }),
            Value::Bool(_) => json!({ "boolValue": value }),
            // Numbers of 64 bits are text as often as not.
            Value::Number(n) if n.is_i64() => json!({ "intValue": n.to_string() }),
            Value::Number(_) => json!({ "doubleValue": value }),
            Value::Array(items) => {
                let items: Vec<_> = items.iter().map(|i| json!({ "stringValue": i })).collect();
                json!({ "arrayValue": { "values": items } })
            }
            other => panic!("{other}"),
        };
        json!({ "key": key, "value": value })
    };
    of.iter().map(one).collect()
}

/// A span of a client, with these attributes.
pub(crate) fn span(of: &Value) -> Value {
    json!({
        "traceId": TRACE, "spanId": SPAN, "name": "chat", "kind": 3,
        "startTimeUnixNano": BEGAN.to_string(), "endTimeUnixNano": ENDED.to_string(),
        "attributes": attributes(of), "status": {},
    })
}

/// An export of spans of one instrumentation.
pub(crate) fn traces(scope: &str, spans: &[Value]) -> Value {
    json!({ "resourceSpans": [{
        "resource": { "attributes": attributes(&json!({ "service.name": "shop" })) },
        "scopeSpans": [{ "scope": { "name": scope }, "spans": spans }],
    }] })
}

/// A log record at [`ENDED`], with these attributes.
pub(crate) fn record(body: &str, of: &Value) -> Value {
    json!({
        "timeUnixNano": ENDED.to_string(), "body": { "stringValue": body },
        "attributes": attributes(of),
    })
}

/// An export of log records.
pub(crate) fn logs(records: &[Value]) -> Value {
    json!({ "resourceLogs": [{
        "resource": { "attributes": attributes(&json!({ "service.name": "claude-code" })) },
        "scopeLogs": [{ "scope": { "name": "com.anthropic.claude_code.events" }, "logRecords": records }],
    }] })
}

/// What is read of an export.
pub(crate) fn batch(signal: Signal, export: &Value) -> Batch {
    let body = Bytes::from(export.to_string());
    read(signal, Format::Json, &body, NOW).unwrap()
}

/// The only request of an export.
pub(crate) fn request(signal: Signal, export: &Value) -> RequestFinished {
    let mut batch = batch(signal, export);
    assert_eq!((batch.seen.len(), batch.rejected), (1, 0), "{batch:?}");
    match batch.seen.remove(0).what {
        What::Request(request) => *request,
        What::Tool(call) => panic!("{call:?}"),
    }
}

/// The only tool call of an export.
pub(crate) fn tool(signal: Signal, export: &Value) -> ToolCalled {
    let mut batch = batch(signal, export);
    assert_eq!((batch.seen.len(), batch.rejected), (1, 0), "{batch:?}");
    match batch.seen.remove(0).what {
        What::Tool(call) => *call,
        What::Request(request) => panic!("{request:?}"),
    }
}
