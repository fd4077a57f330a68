//! What budgets leave, for whoever reads the bill.

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::Serialize;

use super::budgets::{BudgetState, BudgetsRow, budgets};
use crate::ctx::Ctx;
use crate::error::Result;
use crate::figures::Time;

/// What one budget leaves, now, whatever the period of the question.
#[derive(Debug, Serialize, JsonSchema)]
pub struct BudgetLeft {
    /// The name of the alert that sets it
    pub name: String,
    /// Whether it holds
    pub state: BudgetState,
    /// What may still be spent
    #[schemars(extend("x-unit" = "usd"))]
    pub left: Decimal,
    /// What may be spent in all
    #[schemars(extend("x-unit" = "usd"))]
    pub limit: Decimal,
    /// The part of the limit that is spent over the part of the period that is over: above 100 % it will not last
    #[schemars(extend("x-unit" = "ratio"))]
    pub pace: Option<f64>,
    /// When its period ends and everything is left again
    pub period_end: Time,
}

impl From<BudgetsRow> for BudgetLeft {
    fn from(row: BudgetsRow) -> Self {
        Self {
            name: row.name,
            state: row.state,
            left: row.left,
            limit: row.limit,
            pace: row.pace,
            period_end: row.period_end,
        }
    }
}

/// Every budget that the caller may see.
pub(super) async fn left(ctx: &Ctx) -> Result<Vec<BudgetLeft>> {
    Ok(budgets(ctx).await?.into_iter().map(Into::into).collect())
}
