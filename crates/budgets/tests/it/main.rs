//! The arithmetic of budgets, driven through crashes and races.
#![allow(clippy::unwrap_used)]

mod estimates;
mod model;
mod rules;
mod world;
