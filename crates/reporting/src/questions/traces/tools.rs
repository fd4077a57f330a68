//! What tool calls tell of a trace: that a tool was called, and how that ended.

use serde_json::json;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::timeline::{Event, Kind, MOST, Wanted};
use crate::error::Result;
use crate::figures::millis;

/// A tool call as it is stored.
struct Stored {
    id: Uuid,
    trace_id: Uuid,
    created_at: OffsetDateTime,
    server: String,
    tool: String,
    status: String,
    error_type: Option<String>,
    error_code: Option<String>,
    agent: Option<String>,
    user: Option<String>,
    token: Option<String>,
    latency_us: i64,
    request_bytes: i64,
    response_bytes: i64,
    call_id: Option<String>,
    client_name: Option<String>,
    request_id: Option<Uuid>,
}

pub(super) async fn events(wanted: &Wanted<'_>) -> Result<Vec<Event>> {
    let rows = sqlx::query_file_as!(
        Stored,
        "src/questions/traces/tools.sql",
        wanted.ctx.scope.only_agent(),
        wanted.traces,
        wanted.since,
        wanted.until,
        MOST,
    )
    .fetch_all(&wanted.ctx.pool)
    .await?;
    Ok(rows.iter().flat_map(told).collect())
}

fn told(stored: &Stored) -> [Event; 2] {
    let new = |kind, at, event: &str| Event {
        server: Some(stored.server.clone()),
        tool: Some(stored.tool.clone()),
        request_id: stored.request_id,
        ..Event::new(kind, at, event, &stored.id, Some(stored.trace_id))
    };
    let ended_at = Duration::microseconds(stored.latency_us);
    let ended_at = stored.created_at.checked_add(ended_at);
    let wrong = [stored.error_type.clone(), stored.error_code.clone()];
    let wrong: Vec<String> = wrong.into_iter().flatten().collect();
    let called = [
        ("call_id", &stored.call_id),
        ("client", &stored.client_name),
    ];
    let called = called
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), json!(value.as_deref()?))));
    let called: serde_json::Map<_, _> = called.collect();
    let call = Event {
        bytes: Some(stored.request_bytes),
        agent: stored.agent.clone(),
        user: stored.user.clone(),
        token: stored.token.clone(),
        detail: (!called.is_empty()).then(|| called.into()),
        ..new(Kind::ToolCall, stored.created_at, "tools/call")
    };
    let result = Event {
        bytes: Some(stored.response_bytes),
        latency_ms: Some(millis(stored.latency_us as f64)),
        message: (!wrong.is_empty()).then(|| wrong.join(" ")),
        ..new(
            Kind::ToolResult,
            ended_at.unwrap_or(stored.created_at),
            &stored.status,
        )
    };
    [call, result]
}
