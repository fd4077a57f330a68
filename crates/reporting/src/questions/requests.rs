//! How requests went: states, latency, errors, and each request itself.

mod arithmetic;
mod errors;
mod list;
mod models;
mod show;
mod speed;
mod stats;
mod stored;
mod trends;

pub use arithmetic::Line;
pub use errors::{Errors, ErrorsRow};
pub(super) use list::STALE_AFTER;
pub use list::{List, ListRow, State};
pub use models::{Models, ModelsRow, SortBy};
pub(super) use show::{CANDIDATES, candidates, moment};
pub use show::{Show, ShowRow};
pub use speed::ModelSpeed;
pub use stats::{Stats, StatsRow};
pub use trends::{Trends, TrendsRow};
