//! What the questions read: usage, latency, errors, conversations, tool calls,
//! activity and audit events, added up from the rollups. Each figure is defined here once; questions choose the period, the
//! dimensions and the columns.

mod activity;
mod audit;
mod conversations;
mod errors;
mod frame;
mod hours;
mod latency;
mod pages;
mod source;
mod span;
mod spend;
mod tools;
mod unpriced;
mod usage;
mod web;

pub(crate) use activity::{Activities, Counted, Ranked};
pub(crate) use audit::Trail;
pub(crate) use conversations::{Begun, Conversations};
pub(crate) use errors::Failures;
pub(crate) use latency::Histogram;
pub(crate) use pages::{By, Pages, Viewed};
pub(crate) use source::{Dimension, Source};
pub(crate) use span::{Span, span};
pub(crate) use spend::Order;
pub(crate) use tools::{ToolBy, ToolCalls, ToolFailures, ToolUsage};
pub(crate) use usage::Usage;
pub(crate) use web::{ALL, Cube, Kept, Sessions, Visits};
