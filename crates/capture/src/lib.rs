//! Durable capture for services written in Rust: what happens goes to a spool on local
//! disk the moment it happens, and from there to a systemprompt server in batches.
//!
//! | what | feature | records |
//! |---|---|---|
//! | `PageViewLayer` | `tower` | the page views of a web site, crawlers included |
//! | `llm::LlmClient` | `reqwest` | calls to AI providers: usage, model, how they ended |
//! | `ToolLayer` | `tower` | the tool calls of an MCP server |
//! | `Capture` | `http-sink` | nothing: it brings what they record to a server |
//!
//! Below them: a [`Recorder`] writes [`Event`]s to a [`Spool`], a [`Courier`] empties it
//! to whatever can [`Deliver`]. What is acknowledged is on disk; what is on disk is
//! delivered at least once, and stored once, because events have ids.

#[cfg(feature = "http-sink")]
mod capture;
mod courier;
#[cfg(feature = "http-sink")]
mod http_sink;
#[cfg(feature = "reqwest")]
pub mod llm;
#[cfg(feature = "tower")]
pub mod page_views;
mod recorder;
mod report;
pub mod spool;
#[cfg(feature = "tower")]
mod tool_layer;

#[cfg(feature = "http-sink")]
pub use capture::{Capture, CaptureBuilder, CaptureStatus};
pub use courier::{Courier, Deliver, DeliverError};
#[cfg(feature = "http-sink")]
pub use http_sink::HttpSink;
pub use recorder::{Durability, Recorded, Recorder};
pub use report::report;
pub use spool::{Admission, Position, Spool, SpoolError, SpoolOptions};
pub use systemprompt_domain as domain;
pub use systemprompt_domain::Event;
#[cfg(feature = "tower")]
pub use tool_layer::{ToolLayer, ToolService, ToolSink, Watched};

/// The examples of the README are compiled.
#[cfg(all(doctest, feature = "http-sink", feature = "reqwest", feature = "tower"))]
#[doc = include_str!("../README.md")]
mod readme {}
