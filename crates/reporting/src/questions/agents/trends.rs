//! `agents trends`: what agents did, step by step.

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ctx::Ctx;
use crate::error::Result;
use crate::figures::Time;
use crate::params::{Filters, GroupBy, PeriodArgs};
use crate::query::{Answer, Query};
use crate::rollup::Source;

/// Agents' requests, cost and latency by hour, day, week or month
#[derive(Clone, Debug, Default, clap::Args, Serialize, Deserialize, JsonSchema)]
#[group(skip)]
pub struct Trends {
    /// The period
    #[command(flatten)]
    #[serde(flatten)]
    pub period: PeriodArgs,
    /// Only this agent (can be repeated)
    #[arg(long = "agent", value_name = "AGENT")]
    #[serde(default, rename = "agent")]
    pub agents: Vec<String>,
    /// Width of a row [default: hour for up to two days, else day]
    #[arg(long, value_enum, value_name = "WIDTH")]
    #[serde(default)]
    pub group_by: Option<GroupBy>,
}

/// What agents did in one step.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TrendsRow {
    /// When the step begins
    pub bucket: Time,
    /// Requests that reached a final state
    #[schemars(extend("x-unit" = "count"))]
    pub requests: i64,
    /// Failed, timed out and lost requests as a part of all but the paused ones
    #[schemars(extend("x-unit" = "ratio"))]
    pub error_rate: Option<f64>,
    /// All input, cached or not
    #[schemars(extend("x-unit" = "tokens"))]
    pub input_tokens: i64,
    /// All output, reasoning included
    #[schemars(extend("x-unit" = "tokens"))]
    pub output_tokens: i64,
    /// What the priced requests cost; none where no price is known
    #[schemars(extend("x-unit" = "money"))]
    pub cost: Option<Decimal>,
    /// Requests with usage for which no price is known
    #[schemars(extend("x-unit" = "count"))]
    pub unpriced_requests: i64,
    /// 95 % of the completed requests took no longer (within 2.2 %)
    #[schemars(extend("x-unit" = "ms"))]
    pub p95_latency_ms: Option<f64>,
}

impl Query for Trends {
    type Row = TrendsRow;
    const PATH: &'static [&'static str] = &["agents", "trends"];

    async fn run(&self, ctx: &Ctx) -> Result<Answer<TrendsRow>> {
        let filters = Filters::of_agents(&self.agents);
        let source = Source::trend(ctx, &self.period, &filters, self.group_by)?;
        let steps = source.usage_by_step().await?;
        let latency = source.latency().await?;
        let rows = source
            .steps()
            .iter()
            .zip(steps)
            .map(|(bucket, usage)| TrendsRow {
                bucket: (*bucket).into(),
                requests: usage.requests,
                error_rate: usage.error_rate(),
                input_tokens: usage.input_tokens(),
                output_tokens: usage.output_tokens(),
                cost: usage.cost(),
                unpriced_requests: usage.unpriced,
                p95_latency_ms: latency.of(&usage).quantile_ms(0.95),
            });
        Ok(Answer::of(rows.collect())
            .over(source.period())
            .with_note(source.note()))
    }
}
