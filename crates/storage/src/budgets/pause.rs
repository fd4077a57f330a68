//! Pauses: when a budget begins to refuse, and the audit events of that.

use serde_json::{Value, json};
use sqlx::PgConnection;
use systemprompt_budgets::Rule;
use systemprompt_domain::Nanos;
use systemprompt_domain::period::Interval;
use time::OffsetDateTime;

use super::thresholds::interval;

/// Notes in a locked account that it refuses from now on.
pub(super) async fn pause(
    db: &mut PgConnection,
    rule: &Rule,
    period: Interval,
    spent: Nanos,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update budget_periods set paused_at = $3, limit_nanos = $4 \
         where budget = $1 and period_start = $2",
    )
    .bind(&rule.name)
    .bind(period.since)
    .bind(now)
    .bind(rule.limit.0)
    .execute(&mut *db)
    .await?;
    let detail = json!({
        "budget": rule.name,
        "period": interval(period),
        "limit_usd": rule.limit.to_usd(),
        "spent_usd": spent.to_usd(),
    });
    audit(db, ("ai_operations", "requests_paused"), None, &detail, now).await
}

/// Appends an event about a budget to the audit trail.
pub(super) async fn audit(
    db: &mut PgConnection,
    (category, event): (&str, &str),
    by: Option<&str>,
    detail: &Value,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into audit_events (created_at, category, event, user_id, detail) \
         values ($1, $2, $3, $4, $5)",
    )
    .bind(now)
    .bind(category)
    .bind(event)
    .bind(by)
    .bind(detail)
    .execute(db)
    .await?;
    Ok(())
}
