//! Budgets, without a database or a clock: whose requests a budget counts, how
//! much a request is taken to cost, and who may hand out how much of what is
//! left. Storage keeps the accounts, the server holds the leases; both follow
//! the arithmetic here, which a model test drives through crashes and races.
//!
//! An account says what was spent of a budget in a period and what is leased to
//! servers. A server leases an amount ahead and reserves requests from it
//! without asking anybody. When a request's end is stored, its reservation
//! leaves the lease and its cost is spent, in one transaction. So at any moment
//! `spent + leased ≤ limit`, but for what requests cost beyond their
//! reservations.

mod account;
mod estimate;
mod lease;
mod rule;

pub use account::{Account, Decision};
pub use estimate::{Estimates, Outlook};
pub use lease::Lease;
pub use rule::{Rule, Rules, Subject};
