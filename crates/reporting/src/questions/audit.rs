//! The audit trail: who did what, when.

mod list;
mod stats;

pub use list::{List, ListRow};
pub use stats::{Stats, StatsRow};

/// What is said where nothing was recorded.
fn nothing(rows: usize) -> Option<String> {
    (rows == 0).then(|| "no such audit event was recorded in this period".to_owned())
}
