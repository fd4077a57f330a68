//! What each agent did, at what price, and how well.

mod errors;
mod list;
mod show;
mod stats;
mod tools;
mod trends;

pub use errors::Failure;
pub use list::{List, ListRow, SortBy};
pub use show::{ModelUse, Show, ShowRow};
pub use stats::{Stats, StatsRow};
pub use tools::ToolUse;
pub use trends::{Trends, TrendsRow};
