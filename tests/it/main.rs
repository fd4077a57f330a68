//! The whole system: real processes, a real database, real connections. One
//! target, so that it links once.

#![allow(clippy::unwrap_used)] // what fails here fails the test

/// Who may ask, as whom, and what leaks to nobody.
mod access;
/// Alerts that reach people, once.
mod alerts;
/// Starting with what cannot work.
mod bad_start;
/// Budgets that hold, over several servers.
mod budgets;
/// Rollups against the requests they were made from.
mod check;
/// Errors of the provider and of the gateway, and what is refused.
mod errors;
/// Killing and stopping parts of it under load.
mod faults;
/// Several servers on one database.
mod fleet;
/// Analytics turned off.
mod off;
/// Prices that change, for requests to come and those of the past.
mod pricing;
/// Every recorded answer through the gateway.
mod recordings;
/// The same requests with all their detail and with a tenth of it.
mod sampling;
/// Streams that are changed, left, cut or silent.
mod streams;
/// What a test starts and asks.
mod system;
/// Traces and conversations.
mod threads;
/// What earlier versions left behind.
mod upgrade;
