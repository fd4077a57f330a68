//! Compares the accounts of budgets with the requests and leases behind them.

use sqlx::PgPool;
use systemprompt_budgets::Rules;

use super::{Difference, begin, difference};
use crate::budgets::Columns;

/// Every account whose spend is not the sum of its requests, or whose lease is
/// not the sum of what servers hold. Spend is compared for the budgets in
/// `rules`: only they say whose requests count.
///
/// A model's budget that was opened in the middle of a period may differ by
/// what was asked for under that name before and answered under another one.
///
/// # Errors
/// When the database fails.
pub async fn check_budgets(db: &PgPool, rules: &Rules) -> Result<Vec<Difference>, sqlx::Error> {
    let mut tx = begin(db).await?;
    let mut differences = Vec::new();
    for rule in rules.iter() {
        let columns = Columns::from(rule.scope.as_ref());
        let rows = sqlx::query(include_str!("budgets.sql"))
            .bind(&rule.name)
            .bind(columns.provider)
            .bind(columns.model)
            .bind(columns.agent)
            .bind(columns.user)
            .fetch_all(&mut *tx)
            .await?;
        for row in &rows {
            differences.push(difference("budget_periods", row)?);
        }
    }
    let rows = sqlx::query(include_str!("leases.sql"))
        .fetch_all(&mut *tx)
        .await?;
    for row in &rows {
        differences.push(difference("budget_periods", row)?);
    }
    tx.rollback().await?;
    Ok(differences)
}
