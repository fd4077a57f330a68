//! Leases: how a server gets a part of what is left of a budget, and how it
//! goes back.

use sqlx::{PgConnection, PgPool};
use systemprompt_budgets::{Account, Decision, Rule};
use systemprompt_domain::Nanos;
use systemprompt_domain::ids::SpoolId;
use systemprompt_domain::period::Interval;
use time::OffsetDateTime;

use super::rows::{self, Booking, Locked, Opening};
use super::thresholds::{Measured, Watched};
use super::{pause, rollups};
use crate::audit;

/// The answer to a server that asks for a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leased {
    /// This much was added to the server's lease, at least what it needs.
    Granted {
        /// The amount.
        amount: Nanos,
    },
    /// The same, while somebody has lifted the limit.
    Lifted {
        /// The amount.
        amount: Nanos,
        /// Until when.
        until: OffsetDateTime,
    },
    /// Only others' reservations stand in the way: they may come to nothing
    /// within seconds.
    Busy,
    /// The request does not fit into what is left of the period.
    Exhausted {
        /// Whether this is the first refusal since the limit was set or resumed.
        first: bool,
    },
}

/// Asks for at least `need` of a budget in one of its periods, for the server
/// that holds `spool`. The first refusal pauses the budget and tells every
/// threshold: a budget that refuses is at its limit, though a little is left.
///
/// # Errors
/// When the database fails; then nothing was leased.
pub async fn lease(
    pool: &PgPool,
    rule: &Rule,
    period: Interval,
    need: Nanos,
    spool: SpoolId,
    now: OffsetDateTime,
) -> Result<Leased, sqlx::Error> {
    let mut tx = pool.begin().await?;
    let row = lock_or_open(&mut tx, rule, period, now).await?;
    let leased = if let Some(until) = row.lifted(now) {
        let amount = Account::decide_lifted(rule.limit, need);
        Leased::Lifted { amount, until }
    } else {
        match row.account.decide(rule.limit, need) {
            Decision::Grant(amount) => Leased::Granted { amount },
            Decision::Busy => Leased::Busy,
            Decision::Exhausted => Leased::Exhausted {
                first: !row.is_paused(rule),
            },
        }
    };
    match leased {
        Leased::Granted { amount } | Leased::Lifted { amount, .. } => {
            grant(&mut tx, rule, period, amount, spool).await?;
        }
        Leased::Exhausted { first: true } => {
            let spent = row.account.spent;
            let pause = pause::pause(&mut tx, rule, period, spent, now).await?;
            let measured = Measured {
                period,
                value: spent.to_usd(),
                paused_until: Some(period.until),
                at: now,
            };
            let shares = rule.notify_at.iter().copied();
            Watched::from(rule).tell(&mut tx, &measured, shares).await?;
            audit::append(&mut tx, pause.entry()).await?;
        }
        Leased::Busy | Leased::Exhausted { first: false } => {}
    }
    tx.commit().await?;
    Ok(leased)
}

/// The account, made with what was spent so far if it is asked for the first
/// time: a budget may be configured in the middle of a period.
async fn lock_or_open(
    db: &mut PgConnection,
    rule: &Rule,
    period: Interval,
    now: OffsetDateTime,
) -> Result<Locked, sqlx::Error> {
    let key = [(rule.name.as_str(), period.since)];
    if let Some(row) = rows::lock(db, &key).await?.pop() {
        return Ok(row);
    }
    // A batch that is being stored is not in the sum. Its transaction adds it
    // to the account, whoever of us makes that.
    let spent = rollups::usage(db, rule.scope.as_ref(), period, now)
        .await?
        .cost;
    let opening = Opening {
        rule,
        period,
        spent,
    };
    rows::open(db, &[opening]).await?;
    let row = rows::lock(db, &key).await?.pop();
    row.ok_or(sqlx::Error::RowNotFound)
}

async fn grant(
    db: &mut PgConnection,
    rule: &Rule,
    period: Interval,
    amount: Nanos,
    spool: SpoolId,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "with lease as ( \
             insert into budget_leases as l (budget, period_start, spool_id, leased_nanos) \
             values ($1, $2, $3, $4) \
             on conflict (budget, period_start, spool_id) \
                 do update set leased_nanos = l.leased_nanos + excluded.leased_nanos) \
         update budget_periods set \
             leased_nanos = leased_nanos + $4, \
             paused_at = case when $5 > limit_nanos then null else paused_at end, \
             limit_nanos = $5 \
         where budget = $1 and period_start = $2",
    )
    .bind(&rule.name)
    .bind(period.since)
    .bind(spool.0)
    .bind(amount.0)
    .bind(rule.limit.0)
    .execute(db)
    .await?;
    Ok(())
}

/// Returns what a server has in hand and will not use. Not more than its lease
/// is taken back.
///
/// # Errors
/// When the database fails; then nothing was given back.
pub async fn give_back(
    pool: &PgPool,
    budget: &str,
    period_start: OffsetDateTime,
    amount: Nanos,
    spool: SpoolId,
) -> Result<(), sqlx::Error> {
    let mut tx = pool.begin().await?;
    let key = (budget, period_start);
    rows::lock(&mut tx, &[key]).await?;
    let booking = Booking {
        key,
        cost: Nanos::ZERO,
        released: amount,
        limit: None,
    };
    rows::book(&mut tx, Some(spool), &[booking]).await?;
    tx.commit().await
}

/// Ends every lease of a spool's holder: to be called when all that an earlier
/// run left is stored, requests it lost included, and before this run leases.
///
/// # Errors
/// When the database fails; then the leases are as they were.
pub async fn recover(pool: &PgPool, spool: SpoolId) -> Result<(), sqlx::Error> {
    let mut tx = pool.begin().await?;
    sqlx::query(
        "select from budget_periods p \
         where exists ( \
             select from budget_leases l \
             where l.budget = p.budget and l.period_start = p.period_start and l.spool_id = $1) \
         order by p.budget, p.period_start \
         for update",
    )
    .bind(spool.0)
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "with ended as ( \
             delete from budget_leases where spool_id = $1 \
             returning budget, period_start, leased_nanos) \
         update budget_periods p set leased_nanos = p.leased_nanos - e.leased_nanos \
         from ended e \
         where p.budget = e.budget and p.period_start = e.period_start",
    )
    .bind(spool.0)
    .execute(&mut *tx)
    .await?;
    tx.commit().await
}
