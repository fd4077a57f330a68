//! The command line as a user meets it. Every module is listed here.

/// Activity and the audit trail, with names from outside.
mod activity;
/// Tokens and agents: issued, listed, replaced, revoked.
mod admin;
/// Alerts: what is set, how it stands, tests and lifted limits.
mod alerts;
/// Answers over a database, and that the HTTP API says the same.
mod answers;
/// Looking after the database.
mod db;
/// What could keep it from working; completions and manual pages.
mod doctor;
/// Text for people, at every width.
mod human;
/// Requests of the past, from others.
mod imports;
/// Jobs: listed, run, switched, remembered.
mod jobs;
/// What servers said, and what happened on a trace.
mod logs;
/// MCP servers behind the proxy.
mod mcp;
/// What needs no database: help, usage errors, configuration, exit codes.
mod offline;
/// Commands that the docs tell.
mod pages;
/// Prices: seeing, bringing, and pricing again.
mod pricing;
/// The committed reference is current.
mod reference;
/// The daily report.
mod reports;
/// Command lines run inside the test.
mod shell;
/// Usage of the past, from providers.
mod usage_imports;
/// Users who sign in.
mod users;
/// Access logs and content.
mod web;
/// Exports of everything.
mod whole;
