//! `conversations trends`: conversations by when they began, step by step.

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ctx::Ctx;
use crate::error::Result;
use crate::figures::Time;
use crate::params::{GroupBy, Owners, PeriodArgs};
use crate::query::{Answer, Query};
use crate::rollup::Begun;

/// Conversations by the hour, day, week or month in which they began
#[derive(Clone, Debug, Default, clap::Args, Serialize, Deserialize, JsonSchema)]
#[group(skip)]
pub struct Trends {
    /// The period
    #[command(flatten)]
    #[serde(flatten)]
    pub period: PeriodArgs,
    /// Whose conversations
    #[command(flatten)]
    #[serde(flatten)]
    pub owners: Owners,
    /// Width of a row [default: hour for up to two days, else day]
    #[arg(long, value_enum, value_name = "WIDTH")]
    #[serde(default)]
    pub group_by: Option<GroupBy>,
}

/// The conversations that began in one step, with all their requests.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TrendsRow {
    /// When the step begins
    pub bucket: Time,
    /// Conversations that began
    #[schemars(extend("x-unit" = "count"))]
    pub conversations: i64,
    /// Their requests
    #[schemars(extend("x-unit" = "count"))]
    pub requests: i64,
    /// All input, cached or not
    #[schemars(extend("x-unit" = "tokens"))]
    pub input_tokens: i64,
    /// All output, reasoning included
    #[schemars(extend("x-unit" = "tokens"))]
    pub output_tokens: i64,
    /// What their priced requests cost, at the exchange rate of the UTC day on which each conversation began; none where no price is known
    #[schemars(extend("x-unit" = "money"))]
    pub cost: Option<Decimal>,
}

impl Query for Trends {
    type Row = TrendsRow;
    const PATH: &'static [&'static str] = &["conversations", "trends"];

    async fn run(&self, ctx: &Ctx) -> Result<Answer<TrendsRow>> {
        let begun = Begun::trend(ctx, &self.period, &self.owners, self.group_by)?;
        let steps = begun.by_step().await?;
        let rows = begun
            .steps()
            .iter()
            .zip(steps)
            .map(|(bucket, step)| TrendsRow {
                bucket: (*bucket).into(),
                conversations: step.conversations,
                requests: step.requests,
                input_tokens: step.input_tokens,
                output_tokens: step.output_tokens,
                cost: step.cost(),
            });
        Ok(Answer::of(rows.collect())
            .over(begun.period(&self.period))
            .with_note(begun.note().await?))
    }
}
