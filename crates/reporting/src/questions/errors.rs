//! What goes wrong, whoever answers.

mod advice;
mod patterns;
mod tools;

pub use patterns::{Kind, Patterns, PatternsRow};
