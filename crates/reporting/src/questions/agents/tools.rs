//! Which tools models ask agents to run.

use schemars::JsonSchema;
use serde::Serialize;
use systemprompt_domain::period::Interval;

use crate::ctx::Ctx;
use crate::error::Result;

/// No more requests are read to count tools.
const NEWEST: i64 = 1_000;

/// One tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ToolUse {
    /// The tool's name
    pub tool: String,
    /// How often the model asked for it
    #[schemars(extend("x-unit" = "count"))]
    pub calls: i64,
}

/// The tools that an agent was asked to run in the newest requests of an
/// interval, the most frequent first.
pub(super) async fn of_agent(ctx: &Ctx, agent: &str, interval: Interval) -> Result<Vec<ToolUse>> {
    let rows = sqlx::query_file_as!(
        ToolUse,
        "src/questions/agents/tools.sql",
        ctx.scope.only_agent(),
        agent,
        interval.since,
        interval.until,
        NEWEST,
    );
    Ok(rows.fetch_all(&ctx.pool).await?)
}
