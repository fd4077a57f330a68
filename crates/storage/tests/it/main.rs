//! Storage against a real PostgreSQL.

mod audit;
mod backup;
mod budgets;
mod distribute;
mod embedded;
mod events;
mod jobs;
mod prices;
mod recompute;
mod retention;
mod rights;
mod sampling;
mod tokens;
mod users;
mod web;
mod witnesses;
mod writer;
