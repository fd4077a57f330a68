//! The HTTP server: gateway, API, health.
