//! Storage against a real PostgreSQL.

mod embedded;
mod writer;
