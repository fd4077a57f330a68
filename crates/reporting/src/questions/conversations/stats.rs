//! `conversations stats`: conversations in one row, against the period before.

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ctx::Ctx;
use crate::error::Result;
use crate::figures::{mean_millis, ratio};
use crate::params::{Owners, PeriodArgs};
use crate::query::{Answer, Query};
use crate::rollup::Begun;

/// Conversations that began: how many, how long, how dear
#[derive(Clone, Debug, Default, clap::Args, Serialize, Deserialize, JsonSchema)]
#[group(skip)]
pub struct Stats {
    /// The period
    #[command(flatten)]
    #[serde(flatten)]
    pub period: PeriodArgs,
    /// Whose conversations
    #[command(flatten)]
    #[serde(flatten)]
    pub owners: Owners,
}

/// The conversations that began in a period, with all their requests.
#[derive(Debug, Serialize, JsonSchema)]
pub struct StatsRow {
    /// Conversations that began
    #[schemars(extend("x-unit" = "count"))]
    pub conversations: i64,
    /// Conversations that began in the period of equal length before
    #[schemars(extend("x-unit" = "count"))]
    pub previous_conversations: i64,
    /// The part that no client named: derived from their opening messages
    #[schemars(extend("x-unit" = "ratio"))]
    pub derived_share: Option<f64>,
    /// Their requests
    #[schemars(extend("x-unit" = "count"))]
    pub requests: i64,
    /// The requests of those that began in the period before
    #[schemars(extend("x-unit" = "count"))]
    pub previous_requests: i64,
    /// All input, cached or not
    #[schemars(extend("x-unit" = "tokens"))]
    pub input_tokens: i64,
    /// All output, reasoning included
    #[schemars(extend("x-unit" = "tokens"))]
    pub output_tokens: i64,
    /// What their priced requests cost, at the exchange rate of the UTC day on which each conversation began; none where no price is known
    #[schemars(extend("x-unit" = "money"))]
    pub cost: Option<Decimal>,
    /// What those that began in the period before cost
    #[schemars(extend("x-unit" = "money"))]
    pub previous_cost: Option<Decimal>,
    /// Mean number of requests
    #[schemars(extend("x-unit" = "count"))]
    pub average_requests: Option<f64>,
    /// Mean number of tokens, input and output
    #[schemars(extend("x-unit" = "tokens"))]
    pub average_tokens: Option<f64>,
    /// Mean cost
    #[schemars(extend("x-unit" = "money"))]
    pub average_cost: Option<Decimal>,
    /// Mean time from the first request's arrival to the last one's, in milliseconds
    #[schemars(extend("x-unit" = "duration"))]
    pub average_duration_ms: Option<f64>,
}

impl Query for Stats {
    type Row = StatsRow;
    const PATH: &'static [&'static str] = &["conversations", "stats"];

    async fn run(&self, ctx: &Ctx) -> Result<Answer<StatsRow>> {
        let begun = Begun::of(ctx, &self.period, &self.owners)?;
        let total = begun.total().await?;
        let previous = begun.previous()?;
        let before = previous.total().await?;
        let row = StatsRow {
            conversations: total.conversations,
            previous_conversations: before.conversations,
            derived_share: ratio(total.derived, total.conversations),
            requests: total.requests,
            previous_requests: before.requests,
            input_tokens: total.input_tokens,
            output_tokens: total.output_tokens,
            cost: total.cost(),
            previous_cost: before.cost(),
            average_requests: total.average_requests(),
            average_tokens: total.average_tokens(),
            average_cost: total.average_cost(),
            average_duration_ms: mean_millis(total.duration_us, total.conversations),
        };
        Ok(Answer::of(vec![row])
            .over(begun.period(&self.period))
            .with_note(previous.note().await?))
    }
}
