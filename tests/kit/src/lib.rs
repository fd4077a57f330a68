//! Real parts for tests: databases, a mock provider, server processes.

pub mod client;
pub mod db;
pub mod faults;
pub mod load;
pub mod mcp;
pub mod oracle;
pub mod process;
pub mod report;
pub mod smtp;
pub mod upstream;
pub mod webhook;
