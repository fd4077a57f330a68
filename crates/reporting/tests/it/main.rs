//! The questions asked of a real database. Every module is listed here.

/// What people and agents did, and the audit trail.
mod activity;
/// Agents, one by one and side by side.
mod agents;
/// Totals agree with the raw rows they stand for.
mod agreement;
/// Answers as they look, as snapshots.
mod answers;
/// Budgets, forecasts and alerts.
mod budgets;
/// Conversations and their requests.
mod conversations;
/// Amounts in other currencies.
mod currency;
/// Lists and single requests, which read the rows themselves.
mod detail;
/// A database that says nothing.
mod hanging;
/// What the planner makes of the statements.
mod plans;
/// An agent sees nothing but itself.
mod scope;
/// A database with a history in it.
mod store;
/// What tools did over MCP.
mod tools;
/// Which traces there were, and what happened on them.
mod traces;
/// Costs that nobody knows.
mod unpriced;
