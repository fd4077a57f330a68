//! Whole-system tests: real processes, real PostgreSQL, real clients.
