//! A request or a trace as OpenTelemetry spans, for tracing systems.

use serde_json::Value;
use systemprompt_domain::period::Zone;
use systemprompt_storage::Storage;
use systemprompt_storage::spans::{Spans, read};
use time::Duration;
use uuid::Uuid;

use super::Found;
use crate::Outside;
use crate::failure::Failure;
use crate::human::figure;

/// What is over of what was found: the trace's requests and tool calls, or the request
/// alone.
pub(super) async fn spans(storage: &Storage, found: &Found) -> Result<Spans, Failure> {
    let rows = found.trace.as_ref().or(found.request.as_ref());
    let rows = rows.map_or(&[][..], |answer| &answer.rows);
    let mut traces: Vec<Uuid> = words(rows, "trace_id")
        .filter_map(|id| id.parse().ok())
        .collect();
    traces.sort_unstable();
    traces.dedup();
    // Of a trace when anything happened, of a request when it began.
    let at = words(rows, "at").chain(words(rows, "created_at"));
    let at = at.filter_map(|at| figure::parse_moment(at, &Zone::default()));
    let ends = at
        .map(|at| (at, at))
        .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
    let Some((since, until)) = ends else {
        return Ok(Spans::default());
    };
    let until = until + Duration::MILLISECOND;
    let mut spans = read(storage.pool(), &traces, since, until)
        .await
        .map_err(|error| Failure::Question(error.into()))?;
    if found.trace.is_none() {
        let id = words(rows, "id").next();
        let is_it = |other: Uuid| id.is_some_and(|id| id == other.to_string());
        spans.requests.retain(|request| is_it(request.context.id.0));
        spans.calls.clear();
    }
    Ok(spans)
}

/// Writes them as one export.
pub(super) fn write(
    found: &Found,
    spans: &Spans,
    outside: &mut Outside<'_>,
) -> Result<(), Failure> {
    if spans.requests.is_empty() && spans.calls.is_empty() {
        let none = "there is no request and no tool call that is over: spans are made at the end";
        return Err(Failure::NotFound(none.to_owned()));
    }
    let note = found.trace.as_ref().and_then(|answer| answer.note.as_ref());
    if let Some(note) = note {
        writeln!(outside.err, "{note}")?;
    }
    let export = systemprompt_otlp::spans(&spans.requests, &spans.calls, env!("CARGO_PKG_VERSION"));
    serde_json::to_writer(&mut *outside.out, &export).map_err(std::io::Error::from)?;
    Ok(writeln!(outside.out)?)
}

/// What the rows say under a key.
fn words<'a>(rows: &'a [Value], key: &'a str) -> impl Iterator<Item = &'a str> {
    rows.iter().filter_map(move |row| row.get(key)?.as_str())
}
