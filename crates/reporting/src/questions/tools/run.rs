//! Tools that were called, beside those that models asked for.

use schemars::JsonSchema;
use serde::Serialize;

use crate::figures::mean_millis;
use crate::rollup::ToolUsage;

/// Calls of one tool.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ToolRun {
    /// The MCP server
    pub server: String,
    /// The tool
    pub tool: String,
    /// Calls that ended
    #[schemars(extend("x-unit" = "count"))]
    pub executions: i64,
    /// Calls that failed or took too long
    #[schemars(extend("x-unit" = "count"))]
    pub errors: i64,
    /// Mean latency of successful calls
    #[schemars(extend("x-unit" = "ms"))]
    pub average_latency_ms: Option<f64>,
}

impl ToolRun {
    pub(crate) fn of(usage: ToolUsage) -> Self {
        Self {
            executions: usage.executions,
            errors: usage.errors(),
            average_latency_ms: usage.latency_ms(),
            server: usage.server,
            tool: usage.tool,
        }
    }

    /// Calls that were counted one by one.
    pub(crate) fn counted(
        (server, tool): (String, String),
        (executions, errors): (i64, i64),
        (latency_us, latency_n): (i64, i64),
    ) -> Self {
        Self {
            server,
            tool,
            executions,
            errors,
            average_latency_ms: mean_millis(latency_us, latency_n),
        }
    }
}
