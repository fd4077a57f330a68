//! PostgreSQL: the embedded cluster, migrations, the batch writer, rollups,
//! the accounts of budgets, users, tokens and agents, what other services report.

pub mod agents;
pub mod audit;
pub mod budgets;
pub mod check;
mod copy;
pub mod cursor;
pub mod distribute;
pub mod embedded;
pub mod events;
pub mod exports;
pub mod imported;
pub mod jobs;
pub mod logs;
mod migrate;
mod open;
mod partitions;
pub mod prices;
pub mod recompute;
mod replica;
pub mod retention;
mod rights;
pub mod settings;
pub mod spans;
pub mod status;
pub mod tokens;
mod tools;
pub mod usage;
pub mod users;
pub mod web;
pub mod writer;

pub use migrate::{MIGRATOR, migrate};
pub use open::{OpenError, Storage, took_too_long};
pub use partitions::{AUDIT_PARTITION, Hold, Part, Partition, make_ahead, partitions};
pub use replica::Replica;
pub use writer::{Writer, WriterError, WriterStats};
