//! Real parts for tests: databases, a mock provider, server processes.

pub mod client;
pub mod db;
pub mod events;
pub mod faults;
pub mod load;
pub mod mcp;
pub mod oracle;
pub mod process;
pub mod report;
pub mod smtp;
pub mod upstream;
pub mod webhook;

/// How long a test waits for what is bound to come. It is never waited for in full
/// but where something is wrong, so it is long enough for the busiest machine.
pub const PATIENCE: std::time::Duration = std::time::Duration::from_secs(90);
