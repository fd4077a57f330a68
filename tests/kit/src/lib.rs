//! Real parts for tests: databases, a mock provider, server processes.
