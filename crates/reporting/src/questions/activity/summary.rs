//! `activity summary`: a period in one row, against the period before; and how
//! today and this week go.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ctx::Ctx;
use crate::error::Result;
use crate::params::{ActivityFilters, PeriodArgs, ToolFilters};
use crate::query::{Answer, Query};
use crate::rollup::{Activities, Ranked, ToolUsage};

/// What people and agents did in a period, against the period before
#[derive(Clone, Debug, Default, clap::Args, Serialize, Deserialize, JsonSchema)]
#[group(skip)]
pub struct Summary {
    /// The period
    #[command(flatten)]
    #[serde(flatten)]
    pub period: PeriodArgs,
    /// Which activity counts
    #[command(flatten)]
    #[serde(flatten)]
    pub filters: ActivityFilters,
}

/// A period.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SummaryRow {
    /// Everything that was done
    #[schemars(extend("x-unit" = "count"))]
    pub events: i64,
    /// The same in the period before
    #[schemars(extend("x-unit" = "count"))]
    pub previous_events: i64,
    /// Plugins, skills and agents of the marketplace that were made, changed or deleted
    #[schemars(extend("x-unit" = "count"))]
    pub edits: i64,
    /// The same in the period before
    #[schemars(extend("x-unit" = "count"))]
    pub previous_edits: i64,
    /// Sign-ins that did not fail
    #[schemars(extend("x-unit" = "count"))]
    pub logins: i64,
    /// The same in the period before
    #[schemars(extend("x-unit" = "count"))]
    pub previous_logins: i64,
    /// Tool calls, those over MCP among them
    #[schemars(extend("x-unit" = "count"))]
    pub tool_uses: i64,
    /// The same in the period before
    #[schemars(extend("x-unit" = "count"))]
    pub previous_tool_uses: i64,
    /// Prompts that were reported; requests through the gateway are not among them
    #[schemars(extend("x-unit" = "count"))]
    pub prompts: i64,
    /// The same in the period before
    #[schemars(extend("x-unit" = "count"))]
    pub previous_prompts: i64,
    /// Runs of skills
    #[schemars(extend("x-unit" = "count"))]
    pub skill_runs: i64,
    /// The same in the period before
    #[schemars(extend("x-unit" = "count"))]
    pub previous_skill_runs: i64,
    /// Errors, and whatever failed
    #[schemars(extend("x-unit" = "count"))]
    pub errors: i64,
    /// The same in the period before
    #[schemars(extend("x-unit" = "count"))]
    pub previous_errors: i64,
    /// Tool calls over MCP that were seen, and so counted by themselves; none if the filters leave them out
    #[schemars(extend("x-unit" = "count"))]
    pub mcp_calls: Option<i64>,
    /// The same in the period before
    #[schemars(extend("x-unit" = "count"))]
    pub previous_mcp_calls: Option<i64>,
    /// Those that failed or took too long
    #[schemars(extend("x-unit" = "count"))]
    pub mcp_errors: Option<i64>,
    /// The same in the period before
    #[schemars(extend("x-unit" = "count"))]
    pub previous_mcp_errors: Option<i64>,
    /// Everything that was done since today began
    #[schemars(extend("x-unit" = "count"))]
    pub events_today: i64,
    /// Everything that was done since this week began
    #[schemars(extend("x-unit" = "count"))]
    pub events_this_week: i64,
}

impl Query for Summary {
    type Row = SummaryRow;
    const PATH: &'static [&'static str] = &["activity", "summary"];

    async fn run(&self, ctx: &Ctx) -> Result<Answer<SummaryRow>> {
        let of = |period| Activities::of(ctx, period, &self.filters, Ranked::Nothing);
        let since = |since: &str| PeriodArgs {
            since: since.parse().expect("a name of a time"),
            timezone: self.period.timezone.clone(),
            ..PeriodArgs::default()
        };
        let source = of(&self.period)?;
        let (now, before) = (source.total().await?, source.previous()?.total().await?);
        let (today, this_week) = (since("today"), since("this-week"));
        let today = of(&today)?.total().await?;
        let this_week = of(&this_week)?.total().await?;
        let filters = ToolFilters {
            users: self.filters.users.clone(),
            ..ToolFilters::default()
        };
        let tools = match source.tools(&filters) {
            Some(tools) => {
                let previous = tools.previous()?.total().await?;
                Some((tools.total().await?, previous))
            }
            None => None,
        };
        let of_tools = |of: fn(&ToolUsage) -> i64| {
            let figures = tools.as_ref();
            figures.map(|(now, before)| (of(now), of(before))).unzip()
        };
        let (mcp_calls, previous_mcp_calls) = of_tools(|tools| tools.executions);
        let (mcp_errors, previous_mcp_errors) = of_tools(ToolUsage::errors);
        let row = SummaryRow {
            events: now.events,
            previous_events: before.events,
            edits: now.edits,
            previous_edits: before.edits,
            logins: now.logins,
            previous_logins: before.logins,
            tool_uses: now.tool_uses,
            previous_tool_uses: before.tool_uses,
            prompts: now.prompts,
            previous_prompts: before.prompts,
            skill_runs: now.skill_runs,
            previous_skill_runs: before.skill_runs,
            errors: now.errors,
            previous_errors: before.errors,
            mcp_calls,
            previous_mcp_calls,
            mcp_errors,
            previous_mcp_errors,
            events_today: today.events,
            events_this_week: this_week.events,
        };
        Ok(Answer::of(vec![row]).over(source.frame.period()))
    }
}
