//! Pauses: when a budget begins to refuse, and the audit event of that.

use serde_json::json;
use sqlx::PgConnection;
use systemprompt_budgets::Rule;
use systemprompt_domain::Nanos;
use systemprompt_domain::period::Interval;
use time::OffsetDateTime;

use super::thresholds::interval;
use crate::audit::{self, Entry};

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
    let entry = Entry {
        category: "ai_operations",
        event: "requests_paused",
        by: None,
        at: now,
        detail: &detail,
    };
    audit::append(db, entry).await
}
