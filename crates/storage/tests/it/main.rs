//! Storage against a real PostgreSQL.

mod budgets;
mod embedded;
mod sampling;
mod writer;
