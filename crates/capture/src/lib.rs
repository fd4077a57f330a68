//! Durable capture: events go to a spool on local disk the moment they happen,
//! and from there to a sink (PostgreSQL, in the server) in batches.
//!
//! What is acknowledged is on disk; what is on disk is delivered exactly once,
//! because the sink keeps the reader's [`Position`] beside what it stored.

mod recorder;
pub mod spool;

pub use recorder::{Durability, Recorded, Recorder};
pub use spool::{Admission, Position, Spool, SpoolError, SpoolOptions};
