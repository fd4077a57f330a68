//! What the questions read: usage, latency, errors and conversations, added up
//! from the rollups. Each figure is defined here once; questions choose the period, the
//! dimensions and the columns.

mod conversations;
mod errors;
mod hours;
mod latency;
mod source;
mod spend;
mod unpriced;
mod usage;

pub(crate) use conversations::{Begun, Conversations};
pub(crate) use latency::Histogram;
pub(crate) use source::{Dimension, Source};
pub(crate) use spend::Order;
pub(crate) use usage::Usage;
