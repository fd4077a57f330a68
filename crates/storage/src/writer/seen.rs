//! Requests whose detail is not kept: their ids are, so that an end that comes
//! twice counts once.

use sqlx::PgConnection;
use systemprompt_domain::event::RequestFinished;
use uuid::Uuid;

/// Notes the requests; answers the ids of those that were not there yet. Those
/// that have their detail, because the rate was higher then, are there.
pub(super) async fn note(
    db: &mut PgConnection,
    requests: &[&RequestFinished],
) -> Result<Vec<Uuid>, sqlx::Error> {
    if requests.is_empty() {
        return Ok(Vec::new());
    }
    let contexts = || requests.iter().map(|request| &request.context);
    sqlx::query_scalar(
        "insert into seen_ids (created_at, id) \
         select created_at, id from unnest($1::timestamptz[], $2::uuid[]) as s (created_at, id) \
         where not exists (select from ai_requests r where r.created_at = s.created_at and r.id = s.id) \
         on conflict do nothing returning id",
    )
    .bind(contexts().map(|context| context.created_at).collect::<Vec<_>>())
    .bind(contexts().map(|context| context.id.0).collect::<Vec<_>>())
    .fetch_all(db)
    .await
}
