//! A span: what it tells of, and when that was.

use systemprompt_domain::{SpanId, TraceId};
use time::OffsetDateTime;

use crate::attributes::Attributes;
use crate::export::{Origin, Reading, Reason};
use crate::ids::{self, Stamp};
use crate::names::{self, Operation};
use crate::wire::{self, Span};
use crate::{request, tool};

/// What every span has.
pub(crate) struct Common<'a> {
    pub(crate) stamp: Stamp,
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    pub(crate) parent: Option<SpanId>,
    pub(crate) name: &'a str,
    pub(crate) serves: bool,
    pub(crate) failed: bool,
    pub(crate) latency_us: u64,
    pub(crate) ended: OffsetDateTime,
    pub(crate) attributes: Attributes<'a>,
}

/// Reads a span that arrives `now`.
pub(crate) fn read(origin: &Origin<'_>, span: &Span, now: OffsetDateTime) -> Reading {
    let attributes = Attributes(&span.attributes);
    let mcp = attributes.text(&["mcp.method.name"]);
    let calls = mcp.as_deref() == Some("tools/call");
    let named = attributes.text(names::OPERATION);
    let operation = match named.as_deref() {
        _ if calls => Operation::Tool,
        // Other methods of MCP are no calls, whatever else they are said to be.
        _ if mcp.is_some() => Operation::Other,
        Some(name) => names::operation(name),
        // Emitters from before operations had names.
        None if attributes.has(names::PROVIDER) && request::is_one(attributes) => {
            Operation::Generate
        }
        None => Operation::Other,
    };
    match operation {
        Operation::Other => Ok(None),
        Operation::Tool => tool::read(origin, &common(span, now)?, calls).map(Some),
        Operation::Generate | Operation::Embed => {
            request::read(origin, &common(span, now)?, operation)
        }
    }
}

fn common(span: &Span, now: OffsetDateTime) -> Result<Common<'_>, Reason> {
    let trace = ids::trace(&span.trace_id).ok_or("a span has no trace id of 16 bytes")?;
    let id = ids::span(&span.span_id).ok_or("a span has no id of 8 bytes")?;
    let (began, ended) = (span.start_time_unix_nano, span.end_time_unix_nano);
    let nanos = ended.checked_sub(began);
    let latency_us = nanos.ok_or("a span ends before it begins")? / 1_000;
    let times = ids::moment(began).zip(ids::moment(ended));
    let (began, ended) = times.ok_or("a span has no times")?;
    // Whatever began in time has ended by now.
    let ended = ended.min(now);
    let stamp = ids::stamp(began, now, &[b"span", &span.trace_id, &span.span_id])?;
    Ok(Common {
        stamp,
        trace_id: TraceId(trace),
        span_id: SpanId(id),
        parent: ids::span(&span.parent_span_id).map(SpanId),
        name: std::str::from_utf8(&span.name).unwrap_or_default(),
        serves: span.kind == wire::SERVER,
        failed: span
            .status
            .as_ref()
            .is_some_and(|status| status.code == wire::ERROR),
        latency_us,
        ended: ended.max(stamp.at),
        attributes: Attributes(&span.attributes),
    })
}
