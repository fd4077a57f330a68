//! Audit events that stand for themselves, unlike those of requests, which the
//! writer appends by the batch.

use serde_json::Value;
use sqlx::PgConnection;
use time::OffsetDateTime;

/// What happened. Nobody is named for what the program decides by itself.
pub(crate) struct Entry<'a> {
    pub(crate) category: &'a str,
    pub(crate) event: &'a str,
    pub(crate) by: Option<&'a str>,
    pub(crate) at: OffsetDateTime,
    pub(crate) detail: &'a Value,
}

impl<'a> Entry<'a> {
    /// An event of the category `administration`, by nobody in particular.
    pub(crate) const fn administration(
        event: &'a str,
        at: OffsetDateTime,
        detail: &'a Value,
    ) -> Self {
        Self {
            category: "administration",
            event,
            by: None,
            at,
            detail,
        }
    }
}

/// Appends an event to the audit trail.
pub(crate) async fn append(db: &mut PgConnection, entry: Entry<'_>) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into audit_events (created_at, category, event, user_id, detail) \
         values ($1, $2, $3, $4, $5)",
    )
    .bind(entry.at)
    .bind(entry.category)
    .bind(entry.event)
    .bind(entry.by)
    .bind(entry.detail)
    .execute(db)
    .await?;
    Ok(())
}
