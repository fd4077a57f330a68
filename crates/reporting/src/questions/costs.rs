//! What was spent, on what.

mod breakdown;
mod budgets;
mod forecast;
mod left;
mod summary;
mod trends;
mod unpriced;

pub use breakdown::{Breakdown, BreakdownRow, By, SortBy};
pub use budgets::{BudgetState, Budgets, BudgetsRow};
pub use forecast::{Forecast, ForecastRow};
pub use left::BudgetLeft;
pub use summary::{Summary, SummaryRow};
pub use trends::{Trends, TrendsRow};
pub use unpriced::{Unpriced, UnpricedRow};

pub(crate) use budgets::budgets;
