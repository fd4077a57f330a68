//! The whole system: real processes, a real database, real connections. One
//! target, so that it links once.

#![allow(clippy::unwrap_used)] // what fails here fails the test

/// Who may ask, as whom, and what leaks to nobody.
mod access;
/// Alerts that reach people, once.
mod alerts;
/// The audit log after whole journeys, from the command line.
mod audit;
/// Every event of our own, by the act that makes it.
mod audit_events;
/// Starting with what cannot work.
mod bad_start;
/// A person's browser at `/admin`.
mod browser;
/// Budgets that hold, over several servers.
mod budgets;
/// A system full of secrets.
mod cage;
/// What leaks to nobody, put in everywhere and looked for everywhere.
mod canary;
/// Rollups against the requests they were made from.
mod check;
/// A real browser and the pages it looks at.
mod chrome;
/// The dashboard in a real browser.
mod dashboard;
/// The commands of the documentation, run.
mod docs;
/// Clients that are slow, many, huge or malformed.
mod door;
/// Errors of the provider and of the gateway, and what is refused.
mod errors;
/// Events that other services report.
mod events;
/// Killing and stopping parts of it under load.
mod faults;
/// Several servers on one database.
mod fleet;
/// What answers tell browsers.
mod headers;
/// Imports of large files: bounded memory, progress, nothing twice.
mod imports;
/// What servers do by themselves.
mod jobs;
/// A service that counts its own pages.
mod layer;
/// Looking for a text in everything that stays.
mod leaks;
/// A service that meters its own calls to providers.
mod llm_client;
/// People who sign in, and what others may not.
mod login;
/// What the server says, found again by its trace.
mod logs;
/// Questions as tools for agents.
mod mcp;
/// MCP servers behind this one.
mod mcp_proxy;
/// MCP servers on standard input and output.
mod mcp_wrap;
/// What Prometheus is told.
mod metrics;
/// Analytics turned off.
mod off;
/// OpenTelemetry in.
mod otlp;
/// Traces for others, from one server to the next.
mod otlp_out;
/// What pages let nobody do.
mod pages;
/// Prices that change, for requests to come and those of the past.
mod pricing;
/// Every recorded answer through the gateway.
mod recordings;
/// The profile read again while the server runs.
mod reload;
/// A database that follows, and answers the questions.
mod replica;
/// AI requests that others made past the gateway.
mod reported_requests;
/// Every route with every kind of token.
mod routes;
/// The same requests with all their detail and with a tenth of it.
mod sampling;
/// The threats of SECURITY.md and their tests.
mod security;
/// Services of others that record what they do: the examples of the capture crate.
mod services;
/// Streams that are changed, left, cut or silent.
mod streams;
/// What a test starts and asks.
mod system;
/// Traces and conversations.
mod threads;
/// Encrypted connections.
mod tls;
/// Tokens of the database: issued, revoked, remembered, never left behind.
mod tokens;
/// The tracker in a real browser.
mod tracker;
/// What earlier versions left behind.
mod upgrade;
/// Page views of web sites.
mod web;
