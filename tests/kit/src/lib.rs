//! Real parts for tests: databases, a mock provider, server processes.

pub mod db;
pub mod load;
pub mod process;
pub mod upstream;
