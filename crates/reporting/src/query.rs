//! The shape of a question and of its answer.

use std::future::Future;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use systemprompt_domain::Sampling;
use systemprompt_domain::period::{Interval, Zone};

use crate::ctx::Ctx;
use crate::error::Result;
use crate::figures::Time;

/// A question: the fields are its parameters, the doc comment is its help.
pub trait Query:
    clap::Args + Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static
{
    /// One row of the answer. Its doc comments and units describe the columns.
    type Row: Serialize + JsonSchema + Send + 'static;

    /// The words that ask it: `analytics costs summary` on the command line,
    /// `/api/v1/analytics/costs/summary` over HTTP. One word for a group that
    /// is a question itself.
    const PATH: &'static [&'static str];

    /// The name of the MCP tool, where it is not `analytics_` and the path.
    const TOOL: Option<&'static str> = None;

    /// Whether amounts are US dollars whatever the profile's currency is, as
    /// the thresholds of alerts are.
    const IN_DOLLARS: bool = false;

    /// Fetches the answer.
    fn run(&self, ctx: &Ctx) -> impl Future<Output = Result<Answer<Self::Row>>> + Send;
}

/// The answer to a question.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Answer<R> {
    /// The period the answer covers, where the question has one
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period: Option<PeriodUsed>,
    /// The currency of amounts, by its three letters, where that is not USD
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// The share of requests that can be rows, or be told within one, where detail is sampled
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sampled: Option<f64>,
    /// The rows
    pub rows: Vec<R>,
    /// Whether there are more rows than were asked for
    pub more: bool,
    /// What should be known about this answer; where it has no rows, why
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl<R> Answer<R> {
    /// An answer without a period, with all its rows.
    #[must_use]
    pub fn of(rows: Vec<R>) -> Self {
        Self {
            period: None,
            currency: None,
            sampled: None,
            rows,
            more: false,
            note: None,
        }
    }

    /// The same answer over a period.
    #[must_use]
    pub fn over(self, period: PeriodUsed) -> Self {
        Self {
            period: Some(period),
            ..self
        }
    }

    /// The same answer, cut to `limit` rows.
    #[must_use]
    pub fn cut(mut self, limit: usize) -> Self {
        self.more = self.rows.len() > limit;
        self.rows.truncate(limit);
        self
    }

    /// The same answer with something to know about it.
    #[must_use]
    pub fn with_note(self, note: Option<String>) -> Self {
        Self { note, ..self }
    }

    /// The same answer, of requests themselves: only those that keep their
    /// detail.
    #[must_use]
    pub fn sampled(self, sampling: Sampling) -> Self {
        Self {
            sampled: sampling.rate(),
            ..self
        }
    }

    /// The same answer with every row changed.
    pub fn map<T>(self, change: impl FnMut(R) -> T) -> Answer<T> {
        let Self {
            period,
            currency,
            sampled,
            rows,
            more,
            note,
        } = self;
        Answer {
            period,
            currency,
            sampled,
            rows: rows.into_iter().map(change).collect(),
            more,
            note,
        }
    }
}

/// The period an answer really covers: totals come from rollups, whose edges
/// are quarters of an hour, hours or days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PeriodUsed {
    /// The first moment that belongs to it
    pub since: Time,
    /// The first moment that does not
    pub until: Time,
    /// The time zone that decided where days begin
    pub timezone: String,
}

impl PeriodUsed {
    pub(crate) fn of(interval: Interval, zone: &Zone) -> Self {
        Self {
            since: interval.since.into(),
            until: interval.until.into(),
            timezone: zone.to_string(),
        }
    }
}
