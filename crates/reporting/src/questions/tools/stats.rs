//! `tools stats`: all tool calls together, against the period before.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ctx::Ctx;
use crate::error::Result;
use crate::params::{PeriodArgs, ToolFilters};
use crate::query::{Answer, Query};
use crate::rollup::{Histogram, ToolBy, ToolCalls, ToolUsage};

/// All tool calls together: how many, how they ended, how long they took
#[derive(Clone, Debug, Default, clap::Args, Serialize, Deserialize, JsonSchema)]
#[group(skip)]
pub struct Stats {
    /// The period
    #[command(flatten)]
    #[serde(flatten)]
    pub period: PeriodArgs,
    /// Which tool calls count
    #[command(flatten)]
    #[serde(flatten)]
    pub filters: ToolFilters,
}

/// What tools did in a period.
#[derive(Debug, Serialize, JsonSchema)]
pub struct StatsRow {
    /// Tool calls that ended
    #[schemars(extend("x-unit" = "count"))]
    pub executions: i64,
    /// Tool calls in the period of equal length before
    #[schemars(extend("x-unit" = "count"))]
    pub previous_executions: i64,
    /// Calls that the tool answered
    #[schemars(extend("x-unit" = "count"))]
    pub success: i64,
    /// Calls that the tool or the server said failed, or that broke off
    #[schemars(extend("x-unit" = "count"))]
    pub failed: i64,
    /// Calls that took too long
    #[schemars(extend("x-unit" = "count"))]
    pub timeout: i64,
    /// Calls that the client took back
    #[schemars(extend("x-unit" = "count"))]
    pub cancelled: i64,
    /// Calls that were answered with a question
    #[schemars(extend("x-unit" = "count"))]
    pub needs_input: i64,
    /// Successes as a part of successes, failures and timeouts
    #[schemars(extend("x-unit" = "ratio"))]
    pub success_rate: Option<f64>,
    /// The success rate of the period before
    #[schemars(extend("x-unit" = "ratio"))]
    pub previous_success_rate: Option<f64>,
    /// Mean latency of successful calls
    #[schemars(extend("x-unit" = "ms"))]
    pub average_latency_ms: Option<f64>,
    /// Half of the successful calls took no longer (within 2.2 %)
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
    /// MCP servers that were used
    #[schemars(extend("x-unit" = "count"))]
    pub servers: i64,
    /// Tools that were called
    #[schemars(extend("x-unit" = "count"))]
    pub tools: i64,
    /// Agents that called one
    #[schemars(extend("x-unit" = "count"))]
    pub agents: i64,
    /// Size of all requests, in bytes
    #[schemars(extend("x-unit" = "count"))]
    pub request_bytes: i64,
    /// Size of all answers, in bytes
    #[schemars(extend("x-unit" = "count"))]
    pub response_bytes: i64,
}

async fn known(calls: &ToolCalls<'_>) -> Result<(ToolUsage, Histogram)> {
    let usage = calls.total().await?;
    let latency = calls.latency().await?.of(&usage);
    Ok((usage, latency))
}

impl Query for Stats {
    type Row = StatsRow;
    const PATH: &'static [&'static str] = &["tools", "stats"];

    async fn run(&self, ctx: &Ctx) -> Result<Answer<StatsRow>> {
        let calls = ToolCalls::of(ctx, &self.period, &self.filters, &[])?;
        let (now, latency) = known(&calls).await?;
        let (before, previous_latency) = known(&calls.previous()?).await?;
        let by = &[ToolBy::Tool, ToolBy::Agent];
        let parts = ToolCalls::of(ctx, &self.period, &self.filters, by)?;
        let parts = parts.usage().await?;
        let servers: BTreeSet<_> = parts.iter().map(|part| &part.server).collect();
        let tools: BTreeSet<_> = parts
            .iter()
            .map(|part| (&part.server, &part.tool))
            .collect();
        let agents: BTreeSet<_> = parts.iter().map(|part| &part.agent).collect();
        let row = StatsRow {
            executions: now.executions,
            previous_executions: before.executions,
            success: now.success,
            failed: now.failed,
            timeout: now.timeout,
            cancelled: now.cancelled,
            needs_input: now.needs_input,
            success_rate: now.success_rate(),
            previous_success_rate: before.success_rate(),
            average_latency_ms: now.latency_ms(),
            p50_latency_ms: latency.quantile_ms(0.50),
            p95_latency_ms: latency.quantile_ms(0.95),
            p99_latency_ms: latency.quantile_ms(0.99),
            previous_p95_latency_ms: previous_latency.quantile_ms(0.95),
            servers: servers.len() as i64,
            tools: tools.len() as i64,
            agents: agents.iter().filter(|agent| !agent.is_empty()).count() as i64,
            request_bytes: now.request_bytes,
            response_bytes: now.response_bytes,
        };
        Ok(Answer::of(vec![row])
            .over(calls.frame.period())
            .with_note(calls.latency_note()))
    }
}
