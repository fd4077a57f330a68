//! `costs trends`: what was spent, step by step.

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ctx::Ctx;
use crate::error::Result;
use crate::figures::Time;
use crate::params::{Filters, GroupBy, PeriodArgs};
use crate::query::{Answer, Query};
use crate::rollup::Source;

/// Spend by hour, day, week or month
#[derive(Clone, Debug, Default, clap::Args, Serialize, Deserialize, JsonSchema)]
#[group(skip)]
pub struct Trends {
    /// The period
    #[command(flatten)]
    #[serde(flatten)]
    pub period: PeriodArgs,
    /// Which requests count
    #[command(flatten)]
    #[serde(flatten)]
    pub filters: Filters,
    /// Width of a row [default: hour for up to two days, else day]
    #[arg(long, value_enum, value_name = "WIDTH")]
    #[serde(default)]
    pub group_by: Option<GroupBy>,
}

/// The spend of one step.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TrendsRow {
    /// When the step begins
    pub bucket: Time,
    /// Requests that reached a final state
    #[schemars(extend("x-unit" = "count"))]
    pub requests: i64,
    /// What the priced requests cost; none where no price is known
    #[schemars(extend("x-unit" = "money"))]
    pub cost: Option<Decimal>,
    /// All input, cached or not
    #[schemars(extend("x-unit" = "tokens"))]
    pub input_tokens: i64,
    /// All output, reasoning included
    #[schemars(extend("x-unit" = "tokens"))]
    pub output_tokens: i64,
    /// Requests with usage for which no price is known
    #[schemars(extend("x-unit" = "count"))]
    pub unpriced_requests: i64,
}

impl Query for Trends {
    type Row = TrendsRow;
    const PATH: &'static [&'static str] = &["costs", "trends"];

    async fn run(&self, ctx: &Ctx) -> Result<Answer<TrendsRow>> {
        let source = Source::trend(ctx, &self.period, &self.filters, self.group_by)?;
        let steps = source.usage_by_step().await?;
        let rows = source
            .steps()
            .iter()
            .zip(steps)
            .map(|(bucket, usage)| TrendsRow {
                bucket: (*bucket).into(),
                requests: usage.requests,
                cost: usage.cost(),
                input_tokens: usage.input_tokens(),
                output_tokens: usage.output_tokens(),
                unpriced_requests: usage.unpriced,
            });
        Ok(Answer::of(rows.collect())
            .over(source.period())
            .with_note(source.note()))
    }
}
