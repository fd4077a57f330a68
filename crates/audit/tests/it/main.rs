//! The log of the audit, held against other people's code and tampered with.
#![allow(clippy::unwrap_used)]

mod canonical;
mod garbage;
mod keys;
mod log;
mod notes;
mod tampering;
mod tree;
