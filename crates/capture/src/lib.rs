//! Durable capture: the recorder and its spool.
