//! PostgreSQL: the embedded cluster, migrations, the batch writer, rollups,
//! and the accounts of budgets.

mod audit;
pub mod budgets;
pub mod check;
pub mod embedded;
mod migrate;
mod open;
mod partitions;
pub mod prices;
pub mod recompute;
pub mod usage;
pub mod writer;

pub use migrate::{MIGRATOR, migrate};
pub use open::{OpenError, Storage};
pub use writer::{Writer, WriterError, WriterStats};
