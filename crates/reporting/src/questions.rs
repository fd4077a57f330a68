//! The questions, one file each, by group.

pub mod alerts;
pub mod costs;
pub mod overview;
pub mod requests;
