//! The vocabulary every other room speaks: ids, money, token classes, events
//! and periods. Pure: no I/O, no async, no database types.

pub mod api;
pub mod clock;
pub mod event;
pub mod histogram;
pub mod ids;
pub mod money;
pub mod period;
pub mod sampling;
pub mod state;
pub mod trace;
pub mod usage;

pub use api::{Api, Wire};
pub use clock::Clock;
pub use event::Event;
pub use ids::RequestId;
pub use money::Nanos;
pub use sampling::Sampling;
pub use state::RequestState;
pub use trace::{SpanId, TraceId};
pub use usage::{TokenClass, Tokens, Usage, UsageSource};
