//! Budgets and alerts in PostgreSQL: accounts that servers lease from and the
//! writer settles, thresholds that are told exactly once, and what is to be sent.
//!
//! Whatever changes an account locks its row first, and locks several in one
//! order, so servers wait for each other and never deadlock. Only who holds
//! that lock touches the account's leases.

mod accounts;
pub mod alerts;
mod correct;
mod in_force;
mod outbox;
mod pause;
mod rollups;
mod rows;
mod settle;
mod standing;
mod thresholds;

pub use accounts::{Leased, give_back, lease, recover};
pub use correct::{Change, correct};
pub use in_force::RulesInForce;
pub use outbox::{Delivery, Outcome, deliver_next, queue};
pub(crate) use rollups::Columns;
pub use settle::{Settled, Settlement};
pub use standing::{Resumed, Standing, resume, status};
pub(crate) use thresholds::stamp;
