//! The questions, one file each, by group.

pub mod activity;
pub mod agents;
pub mod alerts;
pub mod audit;
pub mod content;
pub mod conversations;
pub mod costs;
pub mod errors;
pub mod overview;
pub mod requests;
pub mod sessions;
pub mod tools;
pub mod traces;
pub mod traffic;
