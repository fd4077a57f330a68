//! Pauses: when a budget begins to refuse, and the audit event of that.

use serde_json::{Value, json};
use sqlx::PgConnection;
use systemprompt_budgets::Rule;
use systemprompt_domain::Nanos;
use systemprompt_domain::period::Interval;
use time::OffsetDateTime;

use super::thresholds::interval;
use crate::audit::Entry;

/// A budget that has begun to refuse, as the audit log is to tell it.
#[derive(Clone, Debug)]
pub(super) struct Pause {
    at: OffsetDateTime,
    detail: Value,
}

impl Pause {
    pub(super) const fn entry(&self) -> Entry<'_> {
        Entry::new("ai_operations", "requests_paused", self.at, &self.detail)
    }
}

/// Notes in a locked account that it refuses from now on. What it answers is to
/// be appended to the audit log, as the last of the transaction.
pub(super) async fn pause(
    db: &mut PgConnection,
    rule: &Rule,
    period: Interval,
    spent: Nanos,
    now: OffsetDateTime,
) -> Result<Pause, sqlx::Error> {
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
    Ok(Pause { at: now, detail })
}
