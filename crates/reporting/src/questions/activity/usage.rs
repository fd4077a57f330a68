//! `activity usage`: who was active with what, step by step.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ctx::Ctx;
use crate::error::Result;
use crate::figures::Time;
use crate::params::{ActivityFilters, GroupBy, PeriodArgs, ToolFilters};
use crate::query::{Answer, Query};
use crate::rollup::{Activities, Ranked};

/// Tool calls, prompts, active users, sessions and errors, step by step
#[derive(Clone, Debug, Default, clap::Args, Serialize, Deserialize, JsonSchema)]
#[group(skip)]
pub struct Usage {
    /// The period
    #[command(flatten)]
    #[serde(flatten)]
    pub period: PeriodArgs,
    /// Which activity counts
    #[command(flatten)]
    #[serde(flatten)]
    pub filters: ActivityFilters,
    /// Width of a row [default: hour for up to two days, else day]
    #[arg(long, value_enum, value_name = "WIDTH")]
    #[serde(default)]
    pub group_by: Option<GroupBy>,
}

/// One step.
#[derive(Debug, Serialize, JsonSchema)]
pub struct UsageRow {
    /// When the step begins
    pub bucket: Time,
    /// Tool calls
    #[schemars(extend("x-unit" = "count"))]
    pub tool_uses: i64,
    /// Prompts that were reported
    #[schemars(extend("x-unit" = "count"))]
    pub prompts: i64,
    /// Different users who did anything
    #[schemars(extend("x-unit" = "count"))]
    pub active_users: i64,
    /// Sessions that were reported to begin or end
    #[schemars(extend("x-unit" = "count"))]
    pub sessions: i64,
    /// Errors, and whatever failed
    #[schemars(extend("x-unit" = "count"))]
    pub errors: i64,
    /// Tool calls over MCP that were seen, and so counted by themselves; none if the filters leave them out
    #[schemars(extend("x-unit" = "count"))]
    pub mcp_calls: Option<i64>,
    /// Those that failed or took too long
    #[schemars(extend("x-unit" = "count"))]
    pub mcp_errors: Option<i64>,
}

impl Query for Usage {
    type Row = UsageRow;
    const PATH: &'static [&'static str] = &["activity", "usage"];

    async fn run(&self, ctx: &Ctx) -> Result<Answer<UsageRow>> {
        let source = Activities::of(ctx, &self.period, &self.filters, Ranked::Users)?;
        let source = source.trend(self.group_by)?;
        let steps = source.by_step().await?;
        let filters = ToolFilters {
            users: self.filters.users.clone(),
            ..ToolFilters::default()
        };
        let tools = match source.tools(&filters) {
            Some(tools) => tools.by_step().await?.into_iter().map(Some).collect(),
            None => vec![None; steps.len()],
        };
        let rows = source.frame.steps().iter().zip(steps).zip(tools);
        let rows = rows.map(|((bucket, step), tools)| UsageRow {
            bucket: (*bucket).into(),
            tool_uses: step.tool_uses,
            prompts: step.prompts,
            active_users: step.users,
            sessions: step.sessions,
            errors: step.errors,
            mcp_calls: tools.as_ref().map(|tools| tools.executions),
            mcp_errors: tools.as_ref().map(|tools| tools.errors()),
        });
        Ok(Answer::of(rows.collect())
            .over(source.frame.period())
            .with_note(source.frame.note()))
    }
}
