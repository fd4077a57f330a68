//! `requests models`: the models side by side.

use std::cmp::Ordering;

use clap::ValueEnum;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ctx::Ctx;
use crate::error::Result;
use crate::params::{Filters, Page, PeriodArgs};
use crate::query::{Answer, Query};
use crate::rollup::{Dimension, Source, Usage};

/// Models side by side: requests, error rate, latency, tokens and cost
#[derive(Clone, Debug, Default, clap::Args, Serialize, Deserialize, JsonSchema)]
#[group(skip)]
pub struct Models {
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
    /// What rows are sorted by, the largest first
    #[arg(long, value_enum, default_value_t)]
    #[serde(default)]
    pub sort_by: SortBy,
}

/// What models are sorted by.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
#[allow(missing_docs)]
pub enum SortBy {
    #[default]
    Requests,
    ErrorRate,
    Cost,
    Tokens,
    P95Latency,
}

/// How the requests to one model went.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ModelsRow {
    /// The provider's name in the configuration
    pub provider: String,
    /// The model that served, else the one that was asked for; empty where neither is known
    pub model: String,
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
    /// Mean latency of completed requests
    #[schemars(extend("x-unit" = "ms"))]
    pub average_latency_ms: Option<f64>,
    /// Half of the completed requests took no longer (within 2.2 %)
    #[schemars(extend("x-unit" = "ms"))]
    pub p50_latency_ms: Option<f64>,
    /// 95 % took no longer
    #[schemars(extend("x-unit" = "ms"))]
    pub p95_latency_ms: Option<f64>,
    /// 99 % took no longer
    #[schemars(extend("x-unit" = "ms"))]
    pub p99_latency_ms: Option<f64>,
}

impl SortBy {
    /// The order of two models, but by latency, which usage does not know.
    fn compare(self, a: &Usage, b: &Usage) -> Ordering {
        let tokens = |usage: &Usage| usage.input_tokens() + usage.output_tokens();
        match self {
            Self::Requests => b.requests.cmp(&a.requests),
            Self::ErrorRate => larger(a.error_rate(), b.error_rate()),
            Self::Cost => b.cost().cmp(&a.cost()),
            Self::Tokens => tokens(b).cmp(&tokens(a)),
            Self::P95Latency => Ordering::Equal,
        }
    }
}

/// The larger first. No ratio and no latency is below zero.
fn larger(a: Option<f64>, b: Option<f64>) -> Ordering {
    b.unwrap_or(-1.0).total_cmp(&a.unwrap_or(-1.0))
}

impl Query for Models {
    type Row = ModelsRow;
    const PATH: &'static [&'static str] = &["requests", "models"];

    async fn run(&self, ctx: &Ctx) -> Result<Answer<ModelsRow>> {
        let by = &[Dimension::Provider, Dimension::Model];
        let source = Source::of(ctx, &self.period, &self.filters, by)?;
        // Models are few, so all are fetched and sorted here. Their histograms are
        // long: only those of the models that are shown are added up.
        let mut usage = source.usage().await?;
        usage.sort_by(|a, b| self.sort_by.compare(a, b));
        let by_latency = self.sort_by == SortBy::P95Latency;
        if !by_latency {
            usage.truncate(self.page.limit.rows() + 1);
        }
        let mut shown = self.filters.clone();
        if !by_latency {
            shown.models = usage.iter().map(|usage| usage.model.clone()).collect();
        }
        let latency = Source::of(ctx, &self.period, &shown, by)?.latency().await?;
        let rows = usage.into_iter().map(|usage| {
            let latency = latency.of(&usage);
            ModelsRow {
                requests: usage.requests,
                error_rate: usage.error_rate(),
                input_tokens: usage.input_tokens(),
                output_tokens: usage.output_tokens(),
                cost: usage.cost(),
                average_latency_ms: usage.latency_ms(),
                p50_latency_ms: latency.quantile_ms(0.50),
                p95_latency_ms: latency.quantile_ms(0.95),
                p99_latency_ms: latency.quantile_ms(0.99),
                provider: usage.provider,
                model: usage.model,
            }
        });
        let mut rows: Vec<_> = rows.collect();
        if by_latency {
            rows.sort_by(|a, b| larger(a.p95_latency_ms, b.p95_latency_ms));
        }
        // Without rows there is nothing to know about them.
        let note = source.latency_note().filter(|_| !rows.is_empty());
        Ok(Answer::of(rows)
            .cut(self.page.limit.rows())
            .over(source.period())
            .with_note(note))
    }
}
