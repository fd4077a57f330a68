//! Sessions of web sites: together, one by one, step by step, and those under way.

mod list;
mod live;
mod show;
mod stats;
mod trends;

pub use list::{List, ListRow};
pub use live::{Live, LiveRow};
pub use show::{Show, ShowRow, Signal, Step};
pub use stats::{Stats, StatsRow};
pub use trends::{Trends, TrendsRow};
