//! The questions, one file each, by group.

pub mod agents;
pub mod alerts;
pub mod conversations;
pub mod costs;
pub mod overview;
pub mod requests;
