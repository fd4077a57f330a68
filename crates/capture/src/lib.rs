//! Durable capture: events go to a spool on local disk the moment they happen,
//! and from there to a sink (PostgreSQL, in the server) in batches.
//!
//! Other services record with it too: `ToolLayer` (feature `tower`) sees the tool
//! calls of an MCP server, a [`Courier`] brings a spool's events to a server, over
//! HTTP with `HttpSink` (feature `http-sink`).
//!
//! What is acknowledged is on disk; what is on disk is delivered exactly once,
//! because the sink keeps the reader's [`Position`] beside what it stored.

mod courier;
#[cfg(feature = "http-sink")]
mod http_sink;
#[cfg(feature = "tower")]
pub mod page_views;
mod recorder;
mod report;
pub mod spool;
#[cfg(feature = "tower")]
mod tool_layer;

pub use courier::{Courier, Deliver, DeliverError};
#[cfg(feature = "http-sink")]
pub use http_sink::HttpSink;
pub use recorder::{Durability, Recorded, Recorder};
pub use report::report;
pub use spool::{Admission, Position, Spool, SpoolError, SpoolOptions};
#[cfg(feature = "tower")]
pub use tool_layer::{ToolLayer, ToolService, ToolSink, Watched};

/// The examples of the README are compiled.
#[cfg(all(doctest, feature = "http-sink"))]
#[doc = include_str!("../README.md")]
mod readme {}
