//! What requests tell of a trace: that somebody was let in, what left for the
//! provider, and how it ended.

use time::OffsetDateTime;
use uuid::Uuid;

use super::timeline::{Event, Kind, MOST, Wanted};
use crate::currency::Currency;
use crate::error::Result;
use crate::figures::millis;
use crate::questions::requests::STALE_AFTER;

/// A request as it is stored.
struct Stored {
    id: Uuid,
    trace_id: Uuid,
    created_at: OffsetDateTime,
    finished_at: Option<OffsetDateTime>,
    state: String,
    provider: String,
    api: String,
    requested_model: Option<String>,
    served_model: Option<String>,
    agent: Option<String>,
    user: Option<String>,
    token: Option<String>,
    http_status: Option<i16>,
    error_type: Option<String>,
    error_code: Option<String>,
    finish_reason: Option<String>,
    cost_nanos: Option<i64>,
    latency_us: Option<i64>,
    request_bytes: i64,
    response_bytes: Option<i64>,
}

pub(super) async fn events(wanted: &Wanted<'_>) -> Result<Vec<Event>> {
    let ctx = wanted.ctx;
    let rows = sqlx::query_file_as!(
        Stored,
        "src/questions/traces/requests.sql",
        ctx.scope.only_agent(),
        wanted.traces,
        wanted.since,
        wanted.until,
        MOST,
        ctx.clock.now() - STALE_AFTER,
    )
    .fetch_all(&ctx.pool)
    .await?;
    let events = |stored| told(stored, &ctx.settings.currency);
    Ok(rows.into_iter().flat_map(events).flatten().collect())
}

/// What a request tells. One under way has not ended; one that a budget refused
/// never left.
fn told(stored: Stored, currency: &Currency) -> [Option<Event>; 3] {
    let new = |kind, at, event: &str| Event {
        request_id: Some(stored.id),
        ..Event::new(kind, at, event, &stored.id, Some(stored.trace_id))
    };
    let allowed = Event {
        agent: stored.agent,
        user: stored.user,
        token: stored.token,
        ..new(Kind::Authorization, stored.created_at, "allowed")
    };
    let left = Event {
        provider: Some(stored.provider.clone()),
        model: stored.requested_model.clone(),
        bytes: Some(stored.request_bytes),
        ..new(Kind::Request, stored.created_at, &stored.api)
    };
    let wrong = [stored.error_type, stored.error_code];
    let wrong: Vec<String> = wrong.into_iter().flatten().collect();
    let ended = stored.finished_at.map(|at| Event {
        provider: Some(stored.provider),
        model: stored.served_model.or(stored.requested_model),
        http_status: stored.http_status,
        finish_reason: stored.finish_reason,
        bytes: stored.response_bytes,
        cost: stored
            .cost_nanos
            .map(|nanos| currency.convert(nanos, stored.created_at)),
        latency_ms: stored.latency_us.map(|micros| millis(micros as f64)),
        message: (!wrong.is_empty()).then(|| wrong.join(" ")),
        ..new(Kind::Response, at, &stored.state)
    });
    [
        Some(allowed),
        (stored.state != "paused").then_some(left),
        ended,
    ]
}
