//! `agents list`: the agents side by side.

use std::cmp::Ordering;
use std::collections::HashMap;

use clap::ValueEnum;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ctx::Ctx;
use crate::error::Result;
use crate::figures::Time;
use crate::params::{Filters, Page, PeriodArgs};
use crate::query::{Answer, Query};
use crate::rollup::{Begun, Conversations, Dimension, Histogram, Source, Usage};

/// Agents side by side: requests, error rate, cost, conversations, latency
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
    /// Only this agent (can be repeated)
    #[arg(long = "agent", value_name = "AGENT")]
    #[serde(default, rename = "agent")]
    pub agents: Vec<String>,
    /// What rows are sorted by, the largest first; latency is that of 95 %
    #[arg(long, value_enum, default_value_t)]
    #[serde(default)]
    pub sort_by: SortBy,
}

/// What agents are sorted by.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
#[allow(missing_docs)]
pub enum SortBy {
    #[default]
    Requests,
    Cost,
    Tokens,
    ErrorRate,
    Latency,
}

/// What one agent did.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ListRow {
    /// The agent; empty for requests that named none
    pub agent: String,
    /// Requests that reached a final state
    #[schemars(extend("x-unit" = "count"))]
    pub requests: i64,
    /// Requests whose answer reached its end
    #[schemars(extend("x-unit" = "count"))]
    pub completed: i64,
    /// Failed, timed out and lost requests as a part of all but the paused ones
    #[schemars(extend("x-unit" = "ratio"))]
    pub error_rate: Option<f64>,
    /// All input, cached or not
    #[schemars(extend("x-unit" = "tokens"))]
    pub input_tokens: i64,
    /// All output, reasoning included
    #[schemars(extend("x-unit" = "tokens"))]
    pub output_tokens: i64,
    /// What the priced requests cost; none where no price is known
    #[schemars(extend("x-unit" = "money"))]
    pub cost: Option<Decimal>,
    /// Requests with usage for which no price is known; the cost lacks them
    #[schemars(extend("x-unit" = "count"))]
    pub unpriced_requests: i64,
    /// The cost divided by all requests, unpriced ones included
    #[schemars(extend("x-unit" = "money"))]
    pub cost_per_request: Option<Decimal>,
    /// Conversations that the agent began
    #[schemars(extend("x-unit" = "count"))]
    pub conversations: i64,
    /// Mean cost of those conversations, each at the exchange rate of its first day
    #[schemars(extend("x-unit" = "money"))]
    pub cost_per_conversation: Option<Decimal>,
    /// Mean latency of completed requests
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
    /// When the quarter of an hour, the hour or, long ago, the day of its last request began
    pub last_active: Option<Time>,
}

impl ListRow {
    pub(super) fn of(usage: Usage, latency: &Histogram, conversations: &Conversations) -> Self {
        Self {
            requests: usage.requests,
            completed: usage.completed,
            error_rate: usage.error_rate(),
            input_tokens: usage.input_tokens(),
            output_tokens: usage.output_tokens(),
            cost: usage.cost(),
            unpriced_requests: usage.unpriced,
            cost_per_request: usage.average_cost(),
            conversations: conversations.conversations,
            cost_per_conversation: conversations.average_cost(),
            average_latency_ms: usage.latency_ms(),
            p50_latency_ms: latency.quantile_ms(0.50),
            p95_latency_ms: latency.quantile_ms(0.95),
            p99_latency_ms: latency.quantile_ms(0.99),
            last_active: usage.last_bucket.map(Time),
            agent: usage.agent,
        }
    }
}

impl SortBy {
    /// The order of two agents, but by latency, which usage does not know.
    fn compare(self, a: &Usage, b: &Usage) -> Ordering {
        let tokens = |usage: &Usage| usage.input_tokens() + usage.output_tokens();
        match self {
            Self::Requests => b.requests.cmp(&a.requests),
            Self::Cost => b.cost().cmp(&a.cost()),
            Self::Tokens => tokens(b).cmp(&tokens(a)),
            Self::ErrorRate => larger(a.error_rate(), b.error_rate()),
            Self::Latency => Ordering::Equal,
        }
    }
}

/// The larger first. No ratio and no latency is below zero.
fn larger(a: Option<f64>, b: Option<f64>) -> Ordering {
    b.unwrap_or(-1.0).total_cmp(&a.unwrap_or(-1.0))
}

impl Query for List {
    type Row = ListRow;
    const PATH: &'static [&'static str] = &["agents", "list"];

    async fn run(&self, ctx: &Ctx) -> Result<Answer<ListRow>> {
        let filters = Filters::of_agents(&self.agents);
        let source = Source::of(ctx, &self.period, &filters, &[Dimension::Agent])?;
        // Agents are few, so all are fetched and sorted here. Their histograms are
        // long: only those of the agents that are shown are added up.
        let mut usage = source.usage().await?;
        usage.sort_by(|a, b| self.sort_by.compare(a, b));
        let by_latency = self.sort_by == SortBy::Latency;
        if !by_latency {
            usage.truncate(self.page.limit.rows() + 1);
        }
        let shown: Vec<_> = usage.iter().map(|usage| usage.agent.clone()).collect();
        let shown = Filters::of_agents(if by_latency { &self.agents } else { &shown });
        let of_shown = Source::of(ctx, &self.period, &shown, &[Dimension::Agent])?;
        let latency = of_shown.latency().await?;
        let begun = Begun::within(ctx, source.interval(), &self.agents);
        let conversations: HashMap<_, _> = begun
            .by_agent()
            .await?
            .into_iter()
            .map(|conversations| (conversations.agent.clone(), conversations))
            .collect();
        let none = Conversations::default();
        let rows = usage.into_iter().map(|usage| {
            let conversations = conversations.get(&usage.agent).unwrap_or(&none);
            let latency = latency.of(&usage);
            ListRow::of(usage, &latency, conversations)
        });
        let mut rows: Vec<_> = rows.collect();
        if by_latency {
            rows.sort_by(|a, b| larger(a.p95_latency_ms, b.p95_latency_ms));
        }
        let note = if rows.is_empty() {
            None
        } else {
            begun.note().await?
        };
        Ok(Answer::of(rows)
            .cut(self.page.limit.rows())
            .over(source.period())
            .with_note(note))
    }
}
