//! `agents stats`: all agents together, against the period before.

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ctx::Ctx;
use crate::error::Result;
use crate::figures::Spent;
use crate::params::{Filters, PeriodArgs};
use crate::query::{Answer, Query};
use crate::rollup::{Begun, Conversations, Dimension, Histogram, Source, Usage};

/// All agents together: requests, cost, latency, conversations
#[derive(Clone, Debug, Default, clap::Args, Serialize, Deserialize, JsonSchema)]
#[group(skip)]
pub struct Stats {
    /// The period
    #[command(flatten)]
    #[serde(flatten)]
    pub period: PeriodArgs,
    /// Only this agent (can be repeated)
    #[arg(long = "agent", value_name = "AGENT")]
    #[serde(default, rename = "agent")]
    pub agents: Vec<String>,
}

/// What agents did in a period.
#[derive(Debug, Serialize, JsonSchema)]
pub struct StatsRow {
    /// Agents that made a request
    #[schemars(extend("x-unit" = "count"))]
    pub agents: i64,
    /// Agents that made one in the period of equal length before
    #[schemars(extend("x-unit" = "count"))]
    pub previous_agents: i64,
    /// Requests that reached a final state
    #[schemars(extend("x-unit" = "count"))]
    pub requests: i64,
    /// Requests in the period before
    #[schemars(extend("x-unit" = "count"))]
    pub previous_requests: i64,
    /// Requests among them that named no agent
    #[schemars(extend("x-unit" = "count"))]
    pub without_agent: i64,
    /// Failed, timed out and lost requests as a part of all but the paused ones
    #[schemars(extend("x-unit" = "ratio"))]
    pub error_rate: Option<f64>,
    /// The error rate of the period before
    #[schemars(extend("x-unit" = "ratio"))]
    pub previous_error_rate: Option<f64>,
    /// All input, cached or not
    #[schemars(extend("x-unit" = "tokens"))]
    pub input_tokens: i64,
    /// All output, reasoning included
    #[schemars(extend("x-unit" = "tokens"))]
    pub output_tokens: i64,
    /// What the priced requests cost; none where no price is known
    #[schemars(extend("x-unit" = "money"))]
    pub cost: Option<Decimal>,
    /// What the period before cost
    #[schemars(extend("x-unit" = "money"))]
    pub previous_cost: Option<Decimal>,
    /// Mean cost of an agent; requests that named none are left out
    #[schemars(extend("x-unit" = "money"))]
    pub cost_per_agent: Option<Decimal>,
    /// Requests with usage for which no price is known; the cost lacks them
    #[schemars(extend("x-unit" = "count"))]
    pub unpriced_requests: i64,
    /// Mean latency of completed requests, from arrival to the end of the answer
    #[schemars(extend("x-unit" = "ms"))]
    pub average_latency_ms: Option<f64>,
    /// Half of the completed requests took no longer (within 2.2 %)
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
    /// Conversations that began
    #[schemars(extend("x-unit" = "count"))]
    pub conversations: i64,
    /// Conversations that began in the period before
    #[schemars(extend("x-unit" = "count"))]
    pub previous_conversations: i64,
    /// Mean cost of the conversations that began, each at the exchange rate of its first day
    #[schemars(extend("x-unit" = "money"))]
    pub cost_per_conversation: Option<Decimal>,
}

/// What is known about a period.
struct Known {
    usage: Usage,
    latency: Histogram,
    named: Named,
    conversations: Conversations,
}

/// Requests that named an agent.
#[derive(Default)]
struct Named {
    agents: i64,
    requests: i64,
    spent: Spent,
}

impl Known {
    async fn of(source: &Source<'_>, by_agent: &Source<'_>, begun: &Begun<'_>) -> Result<Self> {
        let usage = source.total().await?;
        let mut named = Named::default();
        for agent in by_agent.usage().await? {
            if !agent.agent.is_empty() {
                named.agents += 1;
                named.requests += agent.requests;
                named.spent += agent.spent();
            }
        }
        Ok(Self {
            latency: source.latency().await?.of(&usage),
            conversations: begun.total().await?,
            usage,
            named,
        })
    }
}

impl Query for Stats {
    type Row = StatsRow;
    const PATH: &'static [&'static str] = &["agents", "stats"];

    async fn run(&self, ctx: &Ctx) -> Result<Answer<StatsRow>> {
        let filters = Filters::of_agents(&self.agents);
        let source = Source::of(ctx, &self.period, &filters, &[])?;
        let by_agent = Source::of(ctx, &self.period, &filters, &[Dimension::Agent])?;
        let begun = Begun::within(ctx, source.interval(), &self.agents);
        let now = Known::of(&source, &by_agent, &begun).await?;
        let before = Known::of(
            &source.previous()?,
            &by_agent.previous()?,
            &begun.previous()?,
        )
        .await?;
        let row = StatsRow {
            agents: now.named.agents,
            previous_agents: before.named.agents,
            requests: now.usage.requests,
            previous_requests: before.usage.requests,
            without_agent: now.usage.requests - now.named.requests,
            error_rate: now.usage.error_rate(),
            previous_error_rate: before.usage.error_rate(),
            input_tokens: now.usage.input_tokens(),
            output_tokens: now.usage.output_tokens(),
            cost: now.usage.cost(),
            previous_cost: before.usage.cost(),
            cost_per_agent: now.named.spent.mean(now.named.agents),
            unpriced_requests: now.usage.unpriced,
            average_latency_ms: now.usage.latency_ms(),
            p50_latency_ms: now.latency.quantile_ms(0.50),
            p95_latency_ms: now.latency.quantile_ms(0.95),
            p99_latency_ms: now.latency.quantile_ms(0.99),
            previous_p95_latency_ms: before.latency.quantile_ms(0.95),
            conversations: now.conversations.conversations,
            previous_conversations: before.conversations.conversations,
            cost_per_conversation: now.conversations.average_cost(),
        };
        Ok(Answer::of(vec![row])
            .over(source.period())
            .with_note(begun.note().await?))
    }
}
