//! The audit events of what operators change.

use serde_json::Value;
use sqlx::PgConnection;
use time::OffsetDateTime;

/// Appends one event of the category `administration`.
pub(crate) async fn record(
    db: &mut PgConnection,
    event: &str,
    at: OffsetDateTime,
    detail: &Value,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into audit_events (created_at, category, event, detail) \
         values ($1, 'administration', $2, $3)",
    )
    .bind(at)
    .bind(event)
    .bind(detail)
    .execute(db)
    .await?;
    Ok(())
}
