//! `requests stats`: how requests went, in one row.

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::speed::{self, ModelSpeed};
use crate::ctx::Ctx;
use crate::error::Result;
use crate::params::{Filters, PeriodArgs};
use crate::query::{Answer, Query};
use crate::rollup::Source;

/// Requests by outcome, with error rate, latency, tokens and cost
#[derive(Clone, Debug, Default, clap::Args, Serialize, Deserialize, JsonSchema)]
#[group(skip)]
pub struct Stats {
    /// The period
    #[command(flatten)]
    #[serde(flatten)]
    pub period: PeriodArgs,
    /// Which requests count
    #[command(flatten)]
    #[serde(flatten)]
    pub filters: Filters,
}

/// How the requests of a period went.
#[derive(Debug, Serialize, JsonSchema)]
pub struct StatsRow {
    /// Requests that reached a final state
    #[schemars(extend("x-unit" = "count"))]
    pub requests: i64,
    /// Requests in the period of equal length before
    #[schemars(extend("x-unit" = "count"))]
    pub previous_requests: i64,
    /// The provider's answer reached its end
    #[schemars(extend("x-unit" = "count"))]
    pub completed: i64,
    /// The provider answered with an error, or its answer broke off
    #[schemars(extend("x-unit" = "count"))]
    pub failed: i64,
    /// The client went away before the end of the answer
    #[schemars(extend("x-unit" = "count"))]
    pub client_disconnect: i64,
    /// The provider did not answer in time
    #[schemars(extend("x-unit" = "count"))]
    pub upstream_timeout: i64,
    /// A budget refused the request
    #[schemars(extend("x-unit" = "count"))]
    pub paused: i64,
    /// The server was stopped while the answer was under way
    #[schemars(extend("x-unit" = "count"))]
    pub shutdown: i64,
    /// The server died while the answer was under way
    #[schemars(extend("x-unit" = "count"))]
    pub lost: i64,
    /// Failed, timed out and lost requests as a part of all but the paused ones
    #[schemars(extend("x-unit" = "ratio"))]
    pub error_rate: Option<f64>,
    /// The error rate of the period before
    #[schemars(extend("x-unit" = "ratio"))]
    pub previous_error_rate: Option<f64>,
    /// All input, cached or not
    #[schemars(extend("x-unit" = "tokens"))]
    pub input_tokens: i64,
    /// All output, reasoning included
    #[schemars(extend("x-unit" = "tokens"))]
    pub output_tokens: i64,
    /// What the priced requests cost; none where no price is known
    #[schemars(extend("x-unit" = "money"))]
    pub cost: Option<Decimal>,
    /// What the period before cost
    #[schemars(extend("x-unit" = "money"))]
    pub previous_cost: Option<Decimal>,
    /// Mean latency of completed requests, from arrival to the end of the answer
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
    /// The 95 % latency of the period before
    #[schemars(extend("x-unit" = "ms"))]
    pub previous_p95_latency_ms: Option<f64>,
    /// Mean time to the first byte of the answer
    #[schemars(extend("x-unit" = "ms"))]
    pub average_ttfb_ms: Option<f64>,
    /// The part of the requests that were streamed
    #[schemars(extend("x-unit" = "ratio"))]
    pub streamed_share: Option<f64>,
    /// The models, the most used first, with a faster one where these requests know any
    pub models: Vec<ModelSpeed>,
}

impl Query for Stats {
    type Row = StatsRow;
    const PATH: &'static [&'static str] = &["requests", "stats"];
    const TOOL: Option<&'static str> = Some("analytics_requests");

    async fn run(&self, ctx: &Ctx) -> Result<Answer<StatsRow>> {
        let source = Source::of(ctx, &self.period, &self.filters, &[])?;
        let usage = source.total().await?;
        let latency = source.latency().await?.of(&usage);
        let before = source.previous()?;
        let previous = before.total().await?;
        let previous_latency = before.latency().await?.of(&previous);
        let row = StatsRow {
            requests: usage.requests,
            previous_requests: previous.requests,
            completed: usage.completed,
            failed: usage.failed,
            client_disconnect: usage.client_disconnect,
            upstream_timeout: usage.upstream_timeout,
            paused: usage.paused,
            shutdown: usage.shutdown,
            lost: usage.lost,
            error_rate: usage.error_rate(),
            previous_error_rate: previous.error_rate(),
            input_tokens: usage.input_tokens(),
            output_tokens: usage.output_tokens(),
            cost: usage.cost(),
            previous_cost: previous.cost(),
            average_latency_ms: usage.latency_ms(),
            p50_latency_ms: latency.quantile_ms(0.50),
            p95_latency_ms: latency.quantile_ms(0.95),
            p99_latency_ms: latency.quantile_ms(0.99),
            previous_p95_latency_ms: previous_latency.quantile_ms(0.95),
            average_ttfb_ms: usage.ttfb_ms(),
            streamed_share: usage.streamed_share(),
            models: speed::models(ctx, &self.period, &self.filters).await?,
        };
        Ok(Answer::of(vec![row])
            .over(source.period())
            .with_note(source.latency_note()))
    }
}
