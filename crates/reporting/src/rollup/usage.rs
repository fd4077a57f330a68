//! Requests, tokens, cost and mean times, added up.

use rust_decimal::Decimal;
use time::OffsetDateTime;

use super::source::Source;
use crate::error::Result;
use crate::figures::{Amount, Spent, mean_millis, ratio};

/// Usage added up. Fields are columns of the `usage` relation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Usage {
    /// Which step of a trend, from 1; 0 without steps.
    pub step: i32,
    pub provider: String,
    pub model: String,
    pub agent: String,
    pub requests: i64,
    pub completed: i64,
    pub failed: i64,
    pub client_disconnect: i64,
    pub upstream_timeout: i64,
    pub paused: i64,
    pub shutdown: i64,
    pub lost: i64,
    pub streamed: i64,
    pub input: i64,
    pub cache_read: i64,
    pub cache_write_5m: i64,
    pub cache_write_1h: i64,
    pub audio_input: i64,
    pub tool_input: i64,
    pub output: i64,
    pub reasoning: i64,
    pub audio_output: i64,
    /// What the priced requests cost.
    pub priced: Amount,
    pub unpriced: i64,
    pub unpriced_tokens: i64,
    pub without_usage: i64,
    pub latency_us: i64,
    pub latency_n: i64,
    pub ttfb_us: i64,
    pub ttfb_n: i64,
    /// When the last quarter, hour or day with a request began.
    pub last_bucket: Option<OffsetDateTime>,
}

impl Source<'_> {
    /// Everything together.
    pub(crate) async fn total(&self) -> Result<Usage> {
        Ok(self.usage().await?.pop().unwrap_or_default())
    }

    /// One row for each step and combination of dimensions that has usage.
    pub(crate) async fn usage(&self) -> Result<Vec<Usage>> {
        let currency = &self.ctx.settings.currency;
        let rows = sqlx::query_file_as!(
            Usage,
            "src/rollup/usage.sql",
            self.ctx.scope.only_agent(),
            &self.windows() as _,
            self.usage_cube(),
            &self.filters.models,
            &self.filters.providers,
            &self.filters.agents,
            &self.filters.users,
            self.steps(),
            &self.dimensions(),
            &currency.rates_in_order(),
            &currency.changes(),
        );
        Ok(rows.fetch_all(&self.ctx.pool).await?)
    }

    /// One row for each step of a trend, in order, empty ones included.
    pub(crate) async fn usage_by_step(&self) -> Result<Vec<Usage>> {
        let rows = self.usage().await?;
        Ok(self.frame.by_step(rows, |row| row.step))
    }
}

impl Usage {
    /// All input, cached or not.
    pub(crate) const fn input_tokens(&self) -> i64 {
        self.input
            + self.cache_read
            + self.cache_write_5m
            + self.cache_write_1h
            + self.audio_input
            + self.tool_input
    }

    /// All output, reasoning included.
    pub(crate) const fn output_tokens(&self) -> i64 {
        self.output + self.reasoning + self.audio_output
    }

    /// What the requests cost, in the currency of the profile.
    pub(crate) const fn spent(&self) -> Spent {
        // Of imported usage the tokens may be all that is known.
        Spent::of(self.priced, self.unpriced + self.unpriced_tokens)
    }

    /// The same, as it is shown.
    pub(crate) fn cost(&self) -> Option<Decimal> {
        self.spent().rounded()
    }

    /// The cost divided by all requests.
    pub(crate) fn average_cost(&self) -> Option<Decimal> {
        self.spent().mean(self.requests)
    }

    /// The part of the requests for which no price is known.
    pub(crate) fn unpriced_share(&self) -> Option<f64> {
        ratio(self.unpriced, self.requests)
    }

    /// Requests that went wrong ([`systemprompt_domain::RequestState::is_error`]).
    pub(crate) const fn errors(&self) -> i64 {
        self.failed + self.upstream_timeout + self.lost
    }

    /// Errors among the requests that were tried; a paused one was not.
    pub(crate) fn error_rate(&self) -> Option<f64> {
        ratio(self.errors(), self.requests - self.paused)
    }

    /// The part of the requests whose answer reached its end.
    pub(crate) fn completed_share(&self) -> Option<f64> {
        ratio(self.completed, self.requests)
    }

    /// The part of the requests that were streamed.
    pub(crate) fn streamed_share(&self) -> Option<f64> {
        ratio(self.streamed, self.requests)
    }

    /// The mean latency in milliseconds.
    pub(crate) fn latency_ms(&self) -> Option<f64> {
        mean_millis(self.latency_us, self.latency_n)
    }

    /// The mean time to the first byte in milliseconds.
    pub(crate) fn ttfb_ms(&self) -> Option<f64> {
        mean_millis(self.ttfb_us, self.ttfb_n)
    }
}
