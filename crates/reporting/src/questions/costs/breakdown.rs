//! `costs breakdown`: who or what the money went to.

use clap::ValueEnum;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ctx::Ctx;
use crate::error::Result;
use crate::params::{Filters, Page, PeriodArgs};
use crate::query::{Answer, Query};
use crate::rollup::{Dimension, Order, Source};

/// Spend by model, agent, provider or user
#[derive(Clone, Debug, Default, clap::Args, Serialize, Deserialize, JsonSchema)]
#[group(skip)]
pub struct Breakdown {
    /// The period
    #[command(flatten)]
    #[serde(flatten)]
    pub period: PeriodArgs,
    /// Which requests count
    #[command(flatten)]
    #[serde(flatten)]
    pub filters: Filters,
    /// How many rows
    #[command(flatten)]
    #[serde(flatten)]
    pub page: Page,
    /// What each row stands for
    #[arg(long, value_enum, default_value_t)]
    #[serde(default)]
    pub by: By,
    /// What rows are sorted by, the largest first
    #[arg(long, value_enum, default_value_t)]
    #[serde(default)]
    pub sort_by: SortBy,
}

/// What a row of the breakdown stands for.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
#[allow(missing_docs)]
pub enum By {
    #[default]
    Model,
    Agent,
    Provider,
    User,
}

/// What the breakdown is sorted by.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
#[allow(missing_docs)]
pub enum SortBy {
    #[default]
    Cost,
    Requests,
    Tokens,
}

/// The spend of one model, agent, provider or user.
#[derive(Debug, Serialize, JsonSchema)]
pub struct BreakdownRow {
    /// The model, agent, provider or user; empty where it is not known
    pub name: String,
    /// Requests that reached a final state
    #[schemars(extend("x-unit" = "count"))]
    pub requests: i64,
    /// What the priced requests cost; none where no price is known
    #[schemars(extend("x-unit" = "money"))]
    pub cost: Option<Decimal>,
    /// The part of the whole cost
    #[schemars(extend("x-unit" = "ratio"))]
    pub share: Option<f64>,
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

impl By {
    const fn dimension(self) -> &'static [Dimension; 1] {
        match self {
            Self::Model => &[Dimension::Model],
            Self::Agent => &[Dimension::Agent],
            Self::Provider => &[Dimension::Provider],
            Self::User => &[Dimension::User],
        }
    }
}

impl From<SortBy> for Order {
    fn from(sort_by: SortBy) -> Self {
        match sort_by {
            SortBy::Cost => Self::Cost,
            SortBy::Requests => Self::Requests,
            SortBy::Tokens => Self::Tokens,
        }
    }
}

impl Query for Breakdown {
    type Row = BreakdownRow;
    const PATH: &'static [&'static str] = &["costs", "breakdown"];

    async fn run(&self, ctx: &Ctx) -> Result<Answer<BreakdownRow>> {
        let by = self.by.dimension();
        let source = Source::of(ctx, &self.period, &self.filters, by)?;
        let spend = source
            .spend(by[0], self.sort_by.into(), self.page.limit.fetch())
            .await?;
        let rows = spend.into_iter().map(|spend| BreakdownRow {
            cost: spend.spent().rounded(),
            share: spend.spent().share_of(spend.all_priced),
            name: spend.name,
            requests: spend.requests,
            input_tokens: spend.input_tokens,
            output_tokens: spend.output_tokens,
            unpriced_requests: spend.unpriced,
        });
        Ok(Answer::of(rows.collect())
            .cut(self.page.limit.rows())
            .over(source.period()))
    }
}
