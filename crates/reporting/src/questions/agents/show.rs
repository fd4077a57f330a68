//! `agents show`: everything about one agent.

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use systemprompt_domain::period::When;

use super::errors::{self, Failure};
use super::list::ListRow;
use super::tools::{self, ToolUse};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::figures::Amount;
use crate::params::{Filters, PeriodArgs, ToolFilters};
use crate::query::{Answer, Query};
use crate::questions::tools::ToolRun;
use crate::rollup::{Begun, Dimension, Source, ToolBy, ToolCalls};

/// Agents that were active in this many days can be meant by a name that is
/// not found.
const KNOWN_DAYS: u32 = 90;

/// How many of them are named.
const NEAREST: usize = 3;

/// Names less alike than this (Jaro-Winkler) were not meant.
const ALIKE: f64 = 0.7;

/// Everything about one agent: figures, models, errors, hours, tools
#[derive(Clone, Debug, Default, clap::Args, Serialize, Deserialize, JsonSchema)]
#[group(skip)]
pub struct Show {
    /// The agent
    #[arg(value_name = "NAME")]
    pub name: String,
    /// The period
    #[command(flatten)]
    #[serde(flatten)]
    pub period: PeriodArgs,
}

/// Everything about one agent.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ShowRow {
    /// Its figures, as in the list of agents
    #[serde(flatten)]
    pub figures: ListRow,
    /// The provider answered with an error, or its answer broke off
    #[schemars(extend("x-unit" = "count"))]
    pub failed: i64,
    /// The client went away before the end of the answer
    #[schemars(extend("x-unit" = "count"))]
    pub client_disconnect: i64,
    /// The provider did not answer in time
    #[schemars(extend("x-unit" = "count"))]
    pub upstream_timeout: i64,
    /// A budget refused the request
    #[schemars(extend("x-unit" = "count"))]
    pub paused: i64,
    /// The server was stopped while the answer was under way
    #[schemars(extend("x-unit" = "count"))]
    pub shutdown: i64,
    /// The server died while the answer was under way
    #[schemars(extend("x-unit" = "count"))]
    pub lost: i64,
    /// Requests by hour of the day, from 0 to 23 in the period's time zone
    #[schemars(extend("x-unit" = "count"))]
    pub requests_by_hour: Vec<i64>,
    /// The models it used, the dearest first
    pub models: Vec<ModelUse>,
    /// What went wrong most often
    pub top_errors: Vec<Failure>,
    /// The tools models asked it to run, counted over the newest 1,000 requests of the period that asked for any and keep their detail
    pub tools: Vec<ToolUse>,
    /// The tools that it called over MCP, the most frequent first
    pub tools_executed: Vec<ToolRun>,
}

/// What an agent used of one model.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ModelUse {
    /// The provider's name in the configuration
    pub provider: String,
    /// The model that served, else the one that was asked for; empty where neither is known
    pub model: String,
    /// Requests that reached a final state
    #[schemars(extend("x-unit" = "count"))]
    pub requests: i64,
    /// What the priced requests cost; none where no price is known
    #[schemars(extend("x-unit" = "money"))]
    pub cost: Option<Decimal>,
    /// Requests with usage for which no price is known; the cost lacks them
    #[schemars(extend("x-unit" = "count"))]
    pub unpriced_requests: i64,
    /// The part of the agent's cost
    #[schemars(extend("x-unit" = "ratio"))]
    pub share: Option<f64>,
    /// 95 % of the completed requests took no longer (within 2.2 %)
    #[schemars(extend("x-unit" = "ms"))]
    pub p95_latency_ms: Option<f64>,
}

impl Show {
    /// The tools that the agent called, the most frequent first.
    async fn executed(&self, ctx: &Ctx) -> Result<Vec<ToolRun>> {
        let filters = ToolFilters {
            agents: vec![self.name.clone()],
            ..ToolFilters::default()
        };
        let calls = ToolCalls::of(ctx, &self.period, &filters, &[ToolBy::Tool])?;
        let mut usage = calls.usage().await?;
        usage.sort_by_key(|usage| std::cmp::Reverse(usage.executions));
        Ok(usage.into_iter().map(ToolRun::of).collect())
    }

    /// The models of these requests, the dearest first.
    async fn models(&self, ctx: &Ctx, filters: &Filters) -> Result<Vec<ModelUse>> {
        let by = &[Dimension::Provider, Dimension::Model];
        let source = Source::of(ctx, &self.period, filters, by)?;
        let latency = source.latency().await?;
        let mut usage = source.usage().await?;
        usage.sort_by_key(|usage| std::cmp::Reverse((usage.spent().known(), usage.requests)));
        let all: Amount = usage.iter().map(|usage| usage.priced).sum();
        let rows = usage.into_iter().map(|usage| ModelUse {
            p95_latency_ms: latency.of(&usage).quantile_ms(0.95),
            requests: usage.requests,
            cost: usage.cost(),
            unpriced_requests: usage.unpriced,
            share: usage.spent().share_of(all),
            provider: usage.provider,
            model: usage.model,
        });
        Ok(rows.collect())
    }

    /// Why there is nothing to show: the agent was idle, or there is none of
    /// that name, but others.
    async fn missing(&self, ctx: &Ctx) -> Result<Error> {
        let period = PeriodArgs {
            since: When::hours_ago(KNOWN_DAYS * 24),
            ..PeriodArgs::default()
        };
        let filters = Filters::default();
        let source = Source::of(ctx, &period, &filters, &[Dimension::Agent])?;
        let known = source.usage().await?;
        let name = &self.name;
        let last = known.iter().find(|usage| usage.agent == *name);
        if let Some(last) = last.and_then(|usage| usage.last_bucket) {
            return Ok(Error::NotFound(format!(
                "{name} made no request in this period, its last on {}: ask about another period",
                last.date()
            )));
        }
        let mut alike: Vec<_> = known
            .iter()
            .map(|usage| (strsim::jaro_winkler(&usage.agent, name), &*usage.agent))
            .filter(|(alike, _)| *alike >= ALIKE)
            .collect();
        alike.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        let nearest: Vec<_> = alike.iter().take(NEAREST).map(|(_, name)| *name).collect();
        let hint = if nearest.is_empty() {
            String::new()
        } else {
            format!("; did you mean {}?", nearest.join(", "))
        };
        Ok(Error::NotFound(format!(
            "no agent named {name} made a request in the last {KNOWN_DAYS} days{hint}"
        )))
    }
}

impl Query for Show {
    type Row = ShowRow;
    const PATH: &'static [&'static str] = &["agents", "show"];

    async fn run(&self, ctx: &Ctx) -> Result<Answer<ShowRow>> {
        let agents = std::slice::from_ref(&self.name);
        let filters = Filters::of_agents(agents);
        let source = Source::of(ctx, &self.period, &filters, &[Dimension::Agent])?;
        let Some(usage) = source.usage().await?.pop() else {
            return Err(self.missing(ctx).await?);
        };
        let latency = source.latency().await?.of(&usage);
        let begun = Begun::within(ctx, source.interval(), agents);
        let hourly = Source::hourly(ctx, &self.period, &filters)?;
        let errors = Source::errors(ctx, &self.period, &filters)?;
        let row = ShowRow {
            failed: usage.failed,
            client_disconnect: usage.client_disconnect,
            upstream_timeout: usage.upstream_timeout,
            paused: usage.paused,
            shutdown: usage.shutdown,
            lost: usage.lost,
            requests_by_hour: hourly.by_hour_of_day().await?,
            models: self.models(ctx, &filters).await?,
            top_errors: errors::top(&errors).await?,
            tools: tools::of_agent(ctx, &self.name, source.interval()).await?,
            tools_executed: self.executed(ctx).await?,
            figures: ListRow::of(usage, &latency, &begun.total().await?),
        };
        Ok(Answer::of(vec![row])
            .over(source.period())
            .with_note(begun.note().await?)
            .sampled(ctx.settings.sampling))
    }
}
