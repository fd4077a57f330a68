//! The command line as a user meets it. Every module is listed here.

/// Alerts: what is set, how it stands, tests and lifted limits.
mod alerts;
/// Answers over a database, and that the HTTP API says the same.
mod answers;
/// Text for people, at every width.
mod human;
/// What needs no database: help, usage errors, configuration, exit codes.
mod offline;
/// Prices: seeing, bringing, and pricing again.
mod pricing;
/// The committed reference is current.
mod reference;
/// Command lines run inside the test.
mod shell;
