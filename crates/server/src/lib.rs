//! The HTTP server: gateway, API, health. Thin over the rooms below it.

mod accept;
mod alerts;
pub mod api;
mod app;
mod args;
mod auth;
mod budgets;
mod catalogue;
mod gateway;
mod health;
mod keys;
mod run;
mod shutdown;
mod welcome;

pub use run::main;
