//! Storage against a real PostgreSQL.

mod budgets;
mod embedded;
mod prices;
mod recompute;
mod sampling;
mod writer;
