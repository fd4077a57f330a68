//! What exporters send, from the bytes to what is recorded.

#![allow(clippy::unwrap_used)] // what fails here fails the test

/// Log events of coding agents.
mod agents;
/// What nobody should send.
mod hostile;
/// What is sent to others.
mod outgoing;
/// Spans of inference and of tools.
mod spans;
/// How exports are made.
mod support;
