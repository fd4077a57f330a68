//! The questions, one file each, by group.

pub mod costs;
pub mod overview;
pub mod requests;
