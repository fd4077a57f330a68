//! `costs unpriced`: the models whose price nobody knows.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ctx::Ctx;
use crate::error::Result;
use crate::figures::{Time, ratio};
use crate::params::{Filters, Page, PeriodArgs};
use crate::query::{Answer, Query};
use crate::rollup::{Dimension, Source};

/// Models whose price is not known, with what they were asked for
///
/// The costs of their requests are missing from every amount and every budget.
/// A price in analytics.costs.custom_pricing of the profile mends that for
/// requests to come.
#[derive(Clone, Debug, Default, clap::Args, Serialize, Deserialize, JsonSchema)]
#[group(skip)]
pub struct Unpriced {
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
}

/// A model without a price.
#[derive(Debug, Serialize, JsonSchema)]
pub struct UnpricedRow {
    /// The provider's name in the configuration
    pub provider: String,
    /// The model that served, else the one that was asked for
    pub model: String,
    /// Requests with usage for which no price is known
    #[schemars(extend("x-unit" = "count"))]
    pub unpriced_requests: i64,
    /// Their part of all requests of the period
    #[schemars(extend("x-unit" = "ratio"))]
    pub share: Option<f64>,
    /// Their tokens
    #[schemars(extend("x-unit" = "tokens"))]
    pub unpriced_tokens: i64,
    /// Their input; none where the model had a price for a part of the period
    #[schemars(extend("x-unit" = "tokens"))]
    pub input_tokens: Option<i64>,
    /// Their output; none in the same case
    #[schemars(extend("x-unit" = "tokens"))]
    pub output_tokens: Option<i64>,
    /// The quarter of an hour, the hour or the day of the first one
    pub first_seen: Time,
    /// The same of the last one
    pub last_seen: Time,
}

impl Query for Unpriced {
    type Row = UnpricedRow;
    const PATH: &'static [&'static str] = &["costs", "unpriced"];

    async fn run(&self, ctx: &Ctx) -> Result<Answer<UnpricedRow>> {
        let by = &[Dimension::Provider, Dimension::Model];
        let source = Source::of(ctx, &self.period, &self.filters, by)?;
        let found = source.unpriced(self.page.limit.fetch()).await?;
        let all = source.total_requests().await?;
        let rows: Vec<_> = found
            .into_iter()
            .map(|found| {
                // Totals tell the classes of all tokens, not of those.
                let alike = found.input_tokens + found.output_tokens == found.unpriced_tokens;
                UnpricedRow {
                    share: ratio(found.unpriced, all),
                    unpriced_requests: found.unpriced,
                    unpriced_tokens: found.unpriced_tokens,
                    input_tokens: alike.then_some(found.input_tokens),
                    output_tokens: alike.then_some(found.output_tokens),
                    first_seen: found.first_seen.into(),
                    last_seen: found.last_seen.into(),
                    provider: found.provider,
                    model: found.model,
                }
            })
            .collect();
        let note = (rows.is_empty() && all > 0)
            .then(|| "every request of the period has a price".to_owned());
        Ok(Answer::of(rows)
            .cut(self.page.limit.rows())
            .over(source.period())
            .with_note(note))
    }
}
