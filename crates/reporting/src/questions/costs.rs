//! What was spent, on what.

mod breakdown;
mod summary;
mod trends;

pub use breakdown::{Breakdown, BreakdownRow, By, SortBy};
pub use summary::{Summary, SummaryRow};
pub use trends::{Trends, TrendsRow};
