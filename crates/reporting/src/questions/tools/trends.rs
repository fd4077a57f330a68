//! `tools trends`: tool calls, step by step.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ctx::Ctx;
use crate::error::Result;
use crate::figures::Time;
use crate::params::{GroupBy, PeriodArgs, ToolFilters};
use crate::query::{Answer, Query};
use crate::rollup::ToolCalls;

/// Tool calls, success rate and latency by hour, day, week or month
#[derive(Clone, Debug, Default, clap::Args, Serialize, Deserialize, JsonSchema)]
#[group(skip)]
pub struct Trends {
    /// The period
    #[command(flatten)]
    #[serde(flatten)]
    pub period: PeriodArgs,
    /// Which tool calls count
    #[command(flatten)]
    #[serde(flatten)]
    pub filters: ToolFilters,
    /// Width of a row [default: hour for up to two days, else day]
    #[arg(long, value_enum, value_name = "WIDTH")]
    #[serde(default)]
    pub group_by: Option<GroupBy>,
}

/// What tools did in one step.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TrendsRow {
    /// When the step begins
    pub bucket: Time,
    /// Tool calls that ended
    #[schemars(extend("x-unit" = "count"))]
    pub executions: i64,
    /// Calls that failed or took too long
    #[schemars(extend("x-unit" = "count"))]
    pub errors: i64,
    /// Successes as a part of successes, failures and timeouts
    #[schemars(extend("x-unit" = "ratio"))]
    pub success_rate: Option<f64>,
    /// Mean latency of successful calls
    #[schemars(extend("x-unit" = "ms"))]
    pub average_latency_ms: Option<f64>,
    /// 95 % of the successful calls took no longer (within 2.2 %)
    #[schemars(extend("x-unit" = "ms"))]
    pub p95_latency_ms: Option<f64>,
}

impl Query for Trends {
    type Row = TrendsRow;
    const PATH: &'static [&'static str] = &["tools", "trends"];

    async fn run(&self, ctx: &Ctx) -> Result<Answer<TrendsRow>> {
        let calls = ToolCalls::of(ctx, &self.period, &self.filters, &[])?;
        let calls = calls.trend(self.group_by)?;
        let steps = calls.by_step().await?;
        let latency = calls.latency().await?;
        let rows = calls.frame.steps().iter().zip(steps);
        let rows = rows.map(|(bucket, usage)| TrendsRow {
            bucket: (*bucket).into(),
            executions: usage.executions,
            errors: usage.errors(),
            success_rate: usage.success_rate(),
            average_latency_ms: usage.latency_ms(),
            p95_latency_ms: latency.of(&usage).quantile_ms(0.95),
        });
        Ok(Answer::of(rows.collect())
            .over(calls.frame.period())
            .with_note(calls.latency_note()))
    }
}
