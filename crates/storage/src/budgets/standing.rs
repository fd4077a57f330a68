//! How budgets stand, and how somebody lifts a limit.

use serde_json::json;
use sqlx::postgres::PgRow;
use sqlx::{PgPool, Row};
use systemprompt_domain::Nanos;
use systemprompt_domain::period::Interval;
use time::OffsetDateTime;

use super::thresholds::{interval, stamp};
use crate::audit::{self, Entry};

/// A budget in one of its periods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The budget's name.
    pub budget: String,
    /// The period.
    pub period: Interval,
    /// The limit as it was last applied.
    pub limit: Nanos,
    /// What the requests that ended cost.
    pub spent: Nanos,
    /// What servers hold for requests under way or to come.
    pub leased: Nanos,
    /// Since when it refuses, if it does.
    pub paused_at: Option<OffsetDateTime>,
    /// Until when somebody lifted the limit; may have passed.
    pub resumed_until: Option<OffsetDateTime>,
}

/// How the budgets of these names stand in the periods that hold `now`, by
/// name. One that nothing was spent or asked of has no row yet.
///
/// # Errors
/// When the database fails.
pub async fn status(
    pool: &PgPool,
    names: &[&str],
    now: OffsetDateTime,
) -> Result<Vec<Standing>, sqlx::Error> {
    let rows = sqlx::query(
        "select budget, period_start, period_end, limit_nanos, spent_nanos, leased_nanos, \
             paused_at, resumed_until \
         from budget_periods \
         where budget = any($1) and period_start <= $2 and period_end > $2 \
         order by budget, period_start",
    )
    .bind(names)
    .bind(now)
    .fetch_all(pool)
    .await?;
    rows.iter().map(standing).collect()
}

fn standing(row: &PgRow) -> Result<Standing, sqlx::Error> {
    Ok(Standing {
        budget: row.try_get(0)?,
        period: Interval {
            since: row.try_get(1)?,
            until: row.try_get(2)?,
        },
        limit: Nanos(row.try_get(3)?),
        spent: Nanos(row.try_get(4)?),
        leased: Nanos(row.try_get(5)?),
        paused_at: row.try_get(6)?,
        resumed_until: row.try_get(7)?,
    })
}

/// A budget whose limit was lifted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resumed {
    /// Since when it had refused, if it did.
    pub was_paused_at: Option<OffsetDateTime>,
    /// Until when the limit had been lifted before.
    pub was_resumed_until: Option<OffsetDateTime>,
    /// How it stands now.
    pub standing: Standing,
}

/// Lifts a budget's limit until a moment, for the period that begins at
/// `period_start`; `None` if there is no such account.
///
/// # Errors
/// When the database fails; then nothing has changed.
pub async fn resume(
    pool: &PgPool,
    name: &str,
    period_start: OffsetDateTime,
    until: OffsetDateTime,
    by: Option<&str>,
    now: OffsetDateTime,
) -> Result<Option<Resumed>, sqlx::Error> {
    let mut tx = pool.begin().await?;
    let row = sqlx::query(
        "with before as ( \
             select budget, period_start, paused_at, resumed_until from budget_periods \
             where budget = $1 and period_start = $2 \
             for update) \
         update budget_periods p set paused_at = null, resumed_until = $3 \
         from before b \
         where p.budget = b.budget and p.period_start = b.period_start \
         returning p.budget, p.period_start, p.period_end, p.limit_nanos, p.spent_nanos, \
             p.leased_nanos, p.paused_at, p.resumed_until, b.paused_at, b.resumed_until",
    )
    .bind(name)
    .bind(period_start)
    .bind(until)
    .fetch_optional(&mut *tx)
    .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let resumed = Resumed {
        was_paused_at: row.try_get(8)?,
        was_resumed_until: row.try_get(9)?,
        standing: standing(&row)?,
    };
    let Standing {
        period,
        limit,
        spent,
        ..
    } = &resumed.standing;
    let detail = json!({
        "budget": name,
        "period": interval(*period),
        "limit_usd": limit.to_usd(),
        "spent_usd": spent.to_usd(),
        "until": stamp(until),
    });
    let entry = Entry {
        by,
        ..Entry::new("ai_operations", "requests_resumed", now, &detail)
    };
    audit::append(&mut tx, entry).await?;
    tx.commit().await?;
    Ok(Some(resumed))
}
