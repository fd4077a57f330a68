//! `tools list`: the tools side by side.

use std::cmp::Ordering;
use std::collections::HashMap;

use clap::ValueEnum;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::definitions::{self, Definition};
use crate::ctx::Ctx;
use crate::error::Result;
use crate::figures::Time;
use crate::params::{Page, PeriodArgs, ToolFilters};
use crate::query::{Answer, Query};
use crate::rollup::{Histogram, ToolBy, ToolCalls, ToolUsage};

/// Tools side by side: calls, success rate, latency, changed definitions
#[derive(Clone, Debug, Default, clap::Args, Serialize, Deserialize, JsonSchema)]
#[group(skip)]
pub struct List {
    /// The period
    #[command(flatten)]
    #[serde(flatten)]
    pub period: PeriodArgs,
    /// How many rows
    #[command(flatten)]
    #[serde(flatten)]
    pub page: Page,
    /// Which tool calls count
    #[command(flatten)]
    #[serde(flatten)]
    pub filters: ToolFilters,
    /// What rows are sorted by, the largest first
    #[arg(long, value_enum, default_value_t)]
    #[serde(default)]
    pub sort_by: SortBy,
}

/// What tools are sorted by.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
#[allow(missing_docs)]
pub enum SortBy {
    #[default]
    ExecutionCount,
    SuccessRate,
    AvgTime,
}

/// What one tool did.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ListRow {
    /// The MCP server, by its name in the configuration
    pub server: String,
    /// The tool
    pub tool: String,
    /// Calls that ended
    #[schemars(extend("x-unit" = "count"))]
    pub executions: i64,
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
    /// When the last quarter of an hour, hour or day with a call began
    pub last_used: Option<Time>,
    /// Since when the tool is not what it was when it was first listed
    pub definition_changed_at: Option<Time>,
}

impl ListRow {
    pub(super) fn of(
        usage: ToolUsage,
        latency: &Histogram,
        definition: Option<&Definition>,
    ) -> Self {
        let changed = definition.filter(|definition| definition.previous_hash.is_some());
        Self {
            executions: usage.executions,
            success: usage.success,
            failed: usage.failed,
            timeout: usage.timeout,
            cancelled: usage.cancelled,
            needs_input: usage.needs_input,
            success_rate: usage.success_rate(),
            average_latency_ms: usage.latency_ms(),
            p50_latency_ms: latency.quantile_ms(0.50),
            p95_latency_ms: latency.quantile_ms(0.95),
            p99_latency_ms: latency.quantile_ms(0.99),
            last_used: usage.last_bucket.map(Time),
            definition_changed_at: changed.map(|definition| definition.first_seen),
            server: usage.server,
            tool: usage.tool,
        }
    }
}

impl SortBy {
    /// The larger first; what is not known comes last. Ties stay by name.
    fn compare(self, a: &ListRow, b: &ListRow) -> Ordering {
        // No ratio and no latency is below zero.
        let larger =
            |a: Option<f64>, b: Option<f64>| b.unwrap_or(-1.0).total_cmp(&a.unwrap_or(-1.0));
        match self {
            Self::ExecutionCount => b.executions.cmp(&a.executions),
            Self::SuccessRate => larger(a.success_rate, b.success_rate),
            Self::AvgTime => larger(a.average_latency_ms, b.average_latency_ms),
        }
    }
}

impl Query for List {
    type Row = ListRow;
    const PATH: &'static [&'static str] = &["tools", "list"];

    async fn run(&self, ctx: &Ctx) -> Result<Answer<ListRow>> {
        let calls = ToolCalls::of(ctx, &self.period, &self.filters, &[ToolBy::Tool])?;
        let latency = calls.latency().await?;
        let usage = calls.usage().await?;
        let names: Vec<_> = usage.iter().map(|usage| usage.tool.clone()).collect();
        // Of each tool the newest comes first.
        let mut current: HashMap<(String, String), Definition> = HashMap::new();
        for definition in definitions::of(ctx, &names, &self.filters.servers).await? {
            let key = (definition.server.clone(), definition.tool.clone());
            current.entry(key).or_insert(definition);
        }
        // Tools are few, so all are fetched and sorted here, where percentiles
        // are known.
        let mut rows: Vec<_> = usage
            .into_iter()
            .map(|usage| {
                let latency = latency.of(&usage);
                let definition = current.get(&(usage.server.clone(), usage.tool.clone()));
                ListRow::of(usage, &latency, definition)
            })
            .collect();
        rows.sort_by(|a, b| self.sort_by.compare(a, b));
        Ok(Answer::of(rows)
            .cut(self.page.limit.rows())
            .over(calls.frame.period())
            .with_note(calls.latency_note()))
    }
}
