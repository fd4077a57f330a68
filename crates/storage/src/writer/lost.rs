//! Requests that an earlier run of this server began and never ended.

use sqlx::{PgPool, Row};
use systemprompt_capture::Spool;
use systemprompt_domain::event::{RequestContext, RequestFinished};
use systemprompt_domain::ids::BootId;
use systemprompt_domain::{Event, RequestState};
use time::OffsetDateTime;

use super::WriterError;

/// Records an end for each of them, by the same way every end takes.
pub(super) async fn record(
    pool: &PgPool,
    spool: &Spool,
    boot: BootId,
    now: OffsetDateTime,
) -> Result<u64, WriterError> {
    let rows = sqlx::query(
        "select context from open_requests where spool_id = $1 and boot_id <> $2 order by id",
    )
    .bind(spool.id().0)
    .bind(boot.0)
    .fetch_all(pool)
    .await?;
    for row in &rows {
        let context: sqlx::types::Json<RequestContext> = row.try_get(0)?;
        let event = Event::RequestFinished(Box::new(lost(context.0, now)));
        let payload = serde_json::to_vec(&event).expect("events hold only what JSON can say");
        spool.append(&payload, false);
    }
    Ok(rows.len() as u64)
}

fn lost(context: RequestContext, now: OffsetDateTime) -> RequestFinished {
    RequestFinished {
        error_type: Some("server_died".into()),
        ..RequestFinished::unanswered(context, RequestState::Lost, now)
    }
}
