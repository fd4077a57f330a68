//! What servers said while they worked on a trace. That is for who runs them: an
//! agent is not shown it.

use serde_json::json;

use super::timeline::{Event, Kind, MOST, Wanted};
use crate::error::Result;

pub(super) async fn events(wanted: &Wanted<'_>) -> Result<Vec<Event>> {
    if wanted.ctx.scope.only_agent().is_some() {
        return Ok(Vec::new());
    }
    let rows = sqlx::query_file!(
        "src/questions/traces/logs.sql",
        wanted.traces,
        wanted.since,
        wanted.until,
        MOST,
    )
    .fetch_all(&wanted.ctx.pool)
    .await?;
    let events = rows.into_iter().map(|row| Event {
        message: Some(row.message),
        request_id: row.request_id,
        detail: Some(json!({ "target": row.target, "fields": row.fields })),
        ..Event::new(Kind::Log, row.created_at, row.level, &row.id, row.trace_id)
    });
    Ok(events.collect())
}
