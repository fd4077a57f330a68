//! `requests errors`: what went wrong, how often, since when.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ctx::Ctx;
use crate::error::Result;
use crate::figures::{Time, ratio};
use crate::params::{Filters, Page, PeriodArgs};
use crate::query::{Answer, Query};
use crate::rollup::Source;

/// Requests that did not complete, by what went wrong
#[derive(Clone, Debug, Default, clap::Args, Serialize, Deserialize, JsonSchema)]
#[group(skip)]
pub struct Errors {
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

/// One way in which requests did not complete.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ErrorsRow {
    /// The provider's name in the configuration
    pub provider: String,
    /// The model that served, else the one that was asked for; empty where neither is known
    pub model: String,
    /// How the requests ended
    pub state: String,
    /// The provider's HTTP status; none if it never answered
    pub http_status: Option<i16>,
    /// The provider's error type, or our short name for what went wrong
    pub error_type: Option<String>,
    /// The provider's error code
    pub error_code: Option<String>,
    /// How many requests
    #[schemars(extend("x-unit" = "count"))]
    pub count: i64,
    /// Their part of all requests that did not complete
    #[schemars(extend("x-unit" = "ratio"))]
    pub share: Option<f64>,
    /// When the first of them arrived
    pub first_seen: Time,
    /// When the last of them arrived
    pub last_seen: Time,
}

impl Query for Errors {
    type Row = ErrorsRow;
    const PATH: &'static [&'static str] = &["requests", "errors"];

    async fn run(&self, ctx: &Ctx) -> Result<Answer<ErrorsRow>> {
        let source = Source::errors(ctx, &self.period, &self.filters)?;
        let failures = source.failures(self.page.limit.fetch()).await?;
        let rows = failures.into_iter().map(|failures| ErrorsRow {
            provider: failures.provider,
            model: failures.model,
            state: failures.state,
            http_status: failures.http_status,
            error_type: failures.error_type,
            error_code: failures.error_code,
            count: failures.count,
            share: ratio(failures.count, failures.all),
            first_seen: failures.first_at.into(),
            last_seen: failures.last_at.into(),
        });
        Ok(Answer::of(rows.collect())
            .cut(self.page.limit.rows())
            .over(source.period()))
    }
}
