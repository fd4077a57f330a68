//! `tools show`: everything about one tool.

use std::cmp::Reverse;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use systemprompt_domain::period::When;

use super::definitions::{self, Definition};
use super::list::ListRow;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::figures::Time;
use crate::params::{PeriodArgs, ToolFilters};
use crate::query::{Answer, Query};
use crate::rollup::{ToolBy, ToolCalls, ToolFailures};

/// Tools that were called in this many days can be meant by a name that is not
/// found.
const KNOWN_DAYS: u32 = 90;
/// How many of them are named.
const NEAREST: usize = 3;
/// Names less alike than this (Jaro-Winkler) were not meant.
const ALIKE: f64 = 0.7;
/// How many ways to fail are told.
const TOP: usize = 10;

/// Everything about one tool: figures, errors, agents, what it is said to be
///
/// A tool that several servers have is a row for each.
#[derive(Clone, Debug, Default, clap::Args, Serialize, Deserialize, JsonSchema)]
#[group(skip)]
pub struct Show {
    /// The tool
    #[arg(value_name = "NAME")]
    pub name: String,
    /// The period
    #[command(flatten)]
    #[serde(flatten)]
    pub period: PeriodArgs,
    /// Only this MCP server (can be repeated)
    #[arg(long = "server", value_name = "SERVER")]
    #[serde(default, rename = "server")]
    pub servers: Vec<String>,
    /// Only this agent (can be repeated)
    #[arg(long = "agent", value_name = "AGENT")]
    #[serde(default, rename = "agent")]
    pub agents: Vec<String>,
}

/// Everything about one tool.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ShowRow {
    /// Its figures, as in the list of tools
    #[serde(flatten)]
    pub figures: ListRow,
    /// Whether it is not what it was when it was first listed
    pub definition_changed: bool,
    /// What went wrong most often
    pub top_errors: Vec<Failure>,
    /// The agents that called it, the most frequent first
    pub agents: Vec<AgentUse>,
    /// What it was said to be, that in force first
    pub definitions: Vec<Definition>,
}

/// One way in which calls did not succeed.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Failure {
    /// How the calls ended
    pub status: String,
    /// What went wrong: tool_error, rpc_error, or our short name
    pub error_type: Option<String>,
    /// The code of JSON-RPC or HTTP
    pub error_code: Option<String>,
    /// How many calls
    #[schemars(extend("x-unit" = "count"))]
    pub count: i64,
    /// When the first of them began
    pub first_seen: Time,
    /// When the last of them began
    pub last_seen: Time,
}

impl From<ToolFailures> for Failure {
    fn from(way: ToolFailures) -> Self {
        Self {
            status: way.status,
            error_type: way.error_type,
            error_code: way.error_code,
            count: way.count,
            first_seen: way.first_at.into(),
            last_seen: way.last_at.into(),
        }
    }
}

/// What an agent did with a tool.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AgentUse {
    /// The agent; empty for calls that named none
    pub agent: String,
    /// Calls that ended
    #[schemars(extend("x-unit" = "count"))]
    pub executions: i64,
    /// Successes as a part of successes, failures and timeouts
    #[schemars(extend("x-unit" = "ratio"))]
    pub success_rate: Option<f64>,
    /// Mean latency of successful calls
    #[schemars(extend("x-unit" = "ms"))]
    pub average_latency_ms: Option<f64>,
}

impl Show {
    fn filters(&self) -> ToolFilters {
        ToolFilters {
            servers: self.servers.clone(),
            tools: vec![self.name.clone()],
            agents: self.agents.clone(),
            users: Vec::new(),
        }
    }

    /// Why there is nothing to show: nobody called it, or there is none of that
    /// name, but others.
    async fn missing(&self, ctx: &Ctx) -> Result<Error> {
        let period = PeriodArgs {
            since: When::hours_ago(KNOWN_DAYS * 24),
            ..PeriodArgs::default()
        };
        let filters = ToolFilters::default();
        let known = ToolCalls::of(ctx, &period, &filters, &[ToolBy::Tool])?;
        let known = known.usage().await?;
        let name = &self.name;
        let last = known.iter().filter(|usage| usage.tool == *name);
        if let Some(last) = last.filter_map(|usage| usage.last_bucket).max() {
            return Ok(Error::NotFound(format!(
                "nobody called {name} in this period or in this way, the last on {}: ask about another period",
                last.date()
            )));
        }
        let mut alike: Vec<_> = known
            .iter()
            .map(|usage| (strsim::jaro_winkler(&usage.tool, name), &*usage.tool))
            .filter(|(alike, _)| *alike >= ALIKE)
            .collect();
        alike.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        alike.dedup_by_key(|(_, name)| *name);
        let nearest: Vec<_> = alike.iter().take(NEAREST).map(|(_, name)| *name).collect();
        let hint = if nearest.is_empty() {
            String::new()
        } else {
            format!("; did you mean {}?", nearest.join(", "))
        };
        Ok(Error::NotFound(format!(
            "no tool named {name} was called in the last {KNOWN_DAYS} days{hint}"
        )))
    }
}

impl Query for Show {
    type Row = ShowRow;
    const PATH: &'static [&'static str] = &["tools", "show"];

    async fn run(&self, ctx: &Ctx) -> Result<Answer<ShowRow>> {
        let filters = self.filters();
        let calls = ToolCalls::of(ctx, &self.period, &filters, &[ToolBy::Tool])?;
        let mut usage = calls.usage().await?;
        if usage.is_empty() {
            return Err(self.missing(ctx).await?);
        }
        usage.sort_by_key(|usage| Reverse(usage.executions));
        let latency = calls.latency().await?;
        let by = &[ToolBy::Tool, ToolBy::Agent];
        let by_agent = ToolCalls::of(ctx, &self.period, &filters, by)?;
        let mut by_agent = by_agent.usage().await?;
        by_agent.sort_by_key(|usage| Reverse(usage.executions));
        let errors = ToolCalls::errors(ctx, &self.period, &filters)?;
        let errors = errors.failures().await?;
        let definitions = definitions::of(ctx, &filters.tools, &self.servers).await?;
        let row = |usage: crate::rollup::ToolUsage| {
            let server = usage.server.clone();
            let definitions: Vec<_> = definitions
                .iter()
                .filter(|definition| definition.server == server)
                .cloned()
                .collect();
            let top_errors = errors.iter().filter(|way| way.server == server);
            let agents = by_agent.iter().filter(|usage| usage.server == server);
            let latency = latency.of(&usage);
            ShowRow {
                figures: ListRow::of(usage, &latency, definitions.first()),
                definition_changed: definitions
                    .first()
                    .is_some_and(|definition| definition.previous_hash.is_some()),
                top_errors: top_errors.take(TOP).cloned().map(Failure::from).collect(),
                agents: agents
                    .map(|usage| AgentUse {
                        agent: usage.agent.clone(),
                        executions: usage.executions,
                        success_rate: usage.success_rate(),
                        average_latency_ms: usage.latency_ms(),
                    })
                    .collect(),
                definitions,
            }
        };
        Ok(Answer::of(usage.into_iter().map(row).collect()).over(calls.frame.period()))
    }
}
