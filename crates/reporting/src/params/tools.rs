//! Which tool calls a question is about.
#![allow(missing_docs)]

use clap::Args;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

// Which tool calls are counted: those that match every filter that is given.
#[derive(Clone, Debug, Default, PartialEq, Args, Serialize, Deserialize, JsonSchema)]
#[group(skip)]
pub struct ToolFilters {
    /// Only this MCP server (can be repeated)
    #[arg(long = "server", value_name = "SERVER")]
    #[serde(default, rename = "server")]
    pub servers: Vec<String>,
    /// Only this tool (can be repeated)
    #[arg(long = "tool", value_name = "TOOL")]
    #[serde(default, rename = "tool")]
    pub tools: Vec<String>,
    /// Only this agent (can be repeated)
    #[arg(long = "agent", value_name = "AGENT")]
    #[serde(default, rename = "agent")]
    pub agents: Vec<String>,
    /// Only this user (can be repeated)
    #[arg(long = "user", value_name = "USER")]
    #[serde(default, rename = "user")]
    pub users: Vec<String>,
}
