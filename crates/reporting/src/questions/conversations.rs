//! What belongs together: conversations, named by clients or derived from their
//! opening messages.

mod list;
mod show;
mod stats;
mod trends;

pub use list::{List, ListRow};
pub use show::{ModelUse, Show, ShowRow, Turn};
pub use stats::{Stats, StatsRow};
pub use trends::{Trends, TrendsRow};
