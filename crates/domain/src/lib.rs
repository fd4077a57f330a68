//! The vocabulary every other room speaks: ids, money, token classes, events
//! and periods. Pure: no I/O, no async, no database types.

pub mod activity;
pub mod api;
pub mod clock;
pub mod event;
pub mod histogram;
pub mod ids;
pub mod json;
pub mod money;
pub mod period;
pub mod reported;
pub mod sampling;
pub mod state;
pub mod text;
pub mod token;
pub mod tool;
pub mod trace;
pub mod usage;
pub mod web;

pub use activity::Activity;
pub use api::{Api, Wire};
pub use clock::Clock;
pub use event::Event;
pub use ids::{EventId, RequestId, ToolCallId};
pub use money::Nanos;
pub use reported::Reported;
pub use sampling::Sampling;
pub use state::RequestState;
pub use token::{Scope, TokenKind, TokenText};
pub use tool::{ToolCalled, ToolsListed};
pub use trace::{SpanId, TraceId};
pub use usage::{TokenClass, Tokens, Usage, UsageSource};
