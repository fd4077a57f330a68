//! `costs summary`: the bill in one row.

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::left::{BudgetLeft, left};
use crate::ctx::Ctx;
use crate::error::Result;
use crate::params::{Filters, PeriodArgs};
use crate::query::{Answer, Query};
use crate::rollup::Source;

/// What was spent, on how many tokens of which class, and what has no price
#[derive(Clone, Debug, Default, clap::Args, Serialize, Deserialize, JsonSchema)]
#[group(skip)]
pub struct Summary {
    /// The period
    #[command(flatten)]
    #[serde(flatten)]
    pub period: PeriodArgs,
    /// Which requests count
    #[command(flatten)]
    #[serde(flatten)]
    pub filters: Filters,
}

/// The bill of a period.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SummaryRow {
    /// Requests that reached a final state
    #[schemars(extend("x-unit" = "count"))]
    pub requests: i64,
    /// What the priced requests cost; none where no price is known
    #[schemars(extend("x-unit" = "money"))]
    pub cost: Option<Decimal>,
    /// What the period of equal length before cost
    #[schemars(extend("x-unit" = "money"))]
    pub previous_cost: Option<Decimal>,
    /// The change of the cost against the period before
    #[schemars(extend("x-unit" = "ratio"))]
    pub change: Option<f64>,
    /// The cost divided by all requests, unpriced ones included
    #[schemars(extend("x-unit" = "money"))]
    pub average_cost: Option<Decimal>,
    /// All input, cached or not
    #[schemars(extend("x-unit" = "tokens"))]
    pub input_tokens: i64,
    /// Input read from the prompt cache
    #[schemars(extend("x-unit" = "tokens"))]
    pub cache_read_tokens: i64,
    /// Input written to the prompt cache for five minutes, or for no stated time
    #[schemars(extend("x-unit" = "tokens"))]
    pub cache_write_5m_tokens: i64,
    /// Input written to the prompt cache for an hour
    #[schemars(extend("x-unit" = "tokens"))]
    pub cache_write_1h_tokens: i64,
    /// Input that was audio
    #[schemars(extend("x-unit" = "tokens"))]
    pub audio_input_tokens: i64,
    /// Input that tools run by the provider added
    #[schemars(extend("x-unit" = "tokens"))]
    pub tool_input_tokens: i64,
    /// All output, reasoning included
    #[schemars(extend("x-unit" = "tokens"))]
    pub output_tokens: i64,
    /// Output that was reasoning
    #[schemars(extend("x-unit" = "tokens"))]
    pub reasoning_tokens: i64,
    /// Output that was audio
    #[schemars(extend("x-unit" = "tokens"))]
    pub audio_output_tokens: i64,
    /// Requests with usage for which no price is known; the cost lacks them
    #[schemars(extend("x-unit" = "count"))]
    pub unpriced_requests: i64,
    /// Their part of all requests
    #[schemars(extend("x-unit" = "ratio"))]
    pub unpriced_share: Option<f64>,
    /// Their tokens
    #[schemars(extend("x-unit" = "tokens"))]
    pub unpriced_tokens: i64,
    /// Requests that may have been billed but whose usage nobody stated
    #[schemars(extend("x-unit" = "count"))]
    pub without_usage: i64,
    /// What budgets leave now, whatever the period
    pub budgets: Vec<BudgetLeft>,
}

impl Query for Summary {
    type Row = SummaryRow;
    const PATH: &'static [&'static str] = &["costs", "summary"];
    const TOOL: Option<&'static str> = Some("analytics_costs");

    async fn run(&self, ctx: &Ctx) -> Result<Answer<SummaryRow>> {
        let source = Source::of(ctx, &self.period, &self.filters, &[])?;
        let usage = source.total().await?;
        let previous = source.previous()?.total().await?;
        let row = SummaryRow {
            requests: usage.requests,
            cost: usage.cost(),
            previous_cost: previous.cost(),
            change: usage.spent().change(previous.spent()),
            average_cost: usage.average_cost(),
            input_tokens: usage.input_tokens(),
            cache_read_tokens: usage.cache_read,
            cache_write_5m_tokens: usage.cache_write_5m,
            cache_write_1h_tokens: usage.cache_write_1h,
            audio_input_tokens: usage.audio_input,
            tool_input_tokens: usage.tool_input,
            output_tokens: usage.output_tokens(),
            reasoning_tokens: usage.reasoning,
            audio_output_tokens: usage.audio_output,
            unpriced_requests: usage.unpriced,
            unpriced_share: usage.unpriced_share(),
            unpriced_tokens: usage.unpriced_tokens,
            without_usage: usage.without_usage,
            budgets: left(ctx).await?,
        };
        Ok(Answer::of(vec![row]).over(source.period()))
    }
}
