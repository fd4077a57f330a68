//! What the audit trail tells of a trace: each entry, in the trail's order.

use super::timeline::{Event, Kind, MOST, Wanted};
use crate::error::Result;

pub(super) async fn events(wanted: &Wanted<'_>) -> Result<Vec<Event>> {
    let rows = sqlx::query_file!(
        "src/questions/traces/audit.sql",
        wanted.ctx.scope.only_agent(),
        wanted.traces,
        wanted.event,
        MOST,
    )
    .fetch_all(&wanted.ctx.pool)
    .await?;
    let events = rows.into_iter().map(|row| Event {
        agent: row.agent,
        user: row.user,
        token: row.token,
        message: row.state,
        // Of other categories the subject is something else.
        request_id: row.subject_id.filter(|_| row.category == "ai_operations"),
        detail: row.detail,
        proof: Some(proof(row.seq, row.covered)),
        ..Event::new(
            Kind::Audit,
            row.created_at,
            row.event,
            &row.seq,
            row.trace_id,
        )
    });
    Ok(events.collect())
}

/// How far an event is proved, in words.
fn proof(seq: i64, covered: Option<i64>) -> String {
    match covered {
        Some(size) => format!("covered by checkpoint {size}"),
        None if seq < 0 => "before the log, without proof".to_owned(),
        None => "in the log, not yet covered by a checkpoint".to_owned(),
    }
}
