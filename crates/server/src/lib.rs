//! The HTTP server: gateway, API, pages, health. Thin over the rooms below it.

mod accept;
mod admin;
mod alerts;
pub mod api;
mod app;
mod args;
mod asked;
mod assemble;
mod auth;
mod budgets;
mod catalogue;
mod demo;
mod door;
mod gateway;
mod health;
mod html;
mod jobs;
mod keys;
mod login;
mod logs;
mod mcp;
mod memory;
mod metrics;
mod otlp;
mod refusals;
mod reload;
mod reported;
mod routes;
mod run;
mod shutdown;
mod swap;
mod tls;
mod web;
mod welcome;

pub use routes::{ROUTES, Route};
pub use run::main;
