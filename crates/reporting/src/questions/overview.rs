//! `overview`: the figures that matter first, each against the period before.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ctx::Ctx;
use crate::error::Result;
use crate::figures::change;
use crate::params::{Filters, PeriodArgs};
use crate::query::{Answer, Query};
use crate::questions::costs::{BudgetState, budgets};
use crate::rollup::{Dimension, Histogram, Source, Usage};

/// The figures that matter first, each against the period before
#[derive(Clone, Debug, Default, clap::Args, Serialize, Deserialize, JsonSchema)]
#[group(skip)]
pub struct Overview {
    /// The period
    #[command(flatten)]
    #[serde(flatten)]
    pub period: PeriodArgs,
}

/// One figure.
#[derive(Debug, Serialize, JsonSchema)]
pub struct OverviewRow {
    /// What the figure is about
    pub section: &'static str,
    /// Its name
    pub metric: &'static str,
    /// Its value in the period; none if there was nothing to measure
    pub value: Option<Figure>,
    /// Its value in the period of equal length before
    pub previous: Option<Figure>,
    /// The change against the period before
    #[schemars(extend("x-unit" = "ratio"))]
    pub change: Option<f64>,
    /// What value and previous count: count, tokens, usd (money in another currency), ms or ratio
    pub unit: &'static str,
}

/// A figure of any unit; money is text, so that it stays exact.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub enum Figure {
    /// A number of things
    Count(i64),
    /// A ratio or milliseconds
    Measure(f64),
    /// An amount
    Money(Decimal),
}

impl Figure {
    fn as_f64(self) -> f64 {
        match self {
            Self::Count(count) => count as f64,
            Self::Measure(measure) => measure,
            Self::Money(amount) => amount.to_f64().unwrap_or_default(),
        }
    }
}

/// A row of a figure that is known for both periods.
fn row(
    section: &'static str,
    metric: &'static str,
    unit: &'static str,
    [value, previous]: [Option<Figure>; 2],
) -> OverviewRow {
    let both = value.zip(previous);
    let change = both.and_then(|(value, previous)| change(value.as_f64(), previous.as_f64()));
    OverviewRow {
        section,
        metric,
        value,
        previous,
        change,
        unit,
    }
}

/// What the rollups know about a period.
struct Known {
    usage: Usage,
    latency: Histogram,
    agents: i64,
}

impl Known {
    async fn of(source: &Source<'_>, by_agent: &Source<'_>) -> Result<Self> {
        let usage = source.total().await?;
        let latency = source.latency().await?.of(&usage);
        let agents = by_agent.usage().await?;
        let agents = agents
            .iter()
            .filter(|usage| !usage.agent.is_empty())
            .count();
        Ok(Self {
            usage,
            latency,
            agents: agents as i64,
        })
    }
}

impl Query for Overview {
    type Row = OverviewRow;
    const PATH: &'static [&'static str] = &["overview"];

    async fn run(&self, ctx: &Ctx) -> Result<Answer<OverviewRow>> {
        let filters = Filters::default();
        let source = Source::of(ctx, &self.period, &filters, &[])?;
        let by_agent = Source::of(ctx, &self.period, &filters, &[Dimension::Agent])?;
        let before = source.previous()?;
        let known = [
            Known::of(&source, &by_agent).await?,
            Known::of(&before, &by_agent.previous()?).await?,
        ];
        let other = sqlx::query_file!(
            "src/questions/overview.sql",
            ctx.scope.only_agent(),
            source.interval().since,
            source.interval().until,
            before.interval().since,
        )
        .fetch_one(&ctx.pool)
        .await?;

        let budgets = budgets(ctx).await?;
        let in_state = |state| {
            let budgets = budgets.iter().filter(|budget| budget.state == state);
            [Some(Figure::Count(budgets.count() as i64)), None]
        };

        let each = |of: fn(&Known) -> Option<Figure>| [of(&known[0]), of(&known[1])];
        let count =
            |of: fn(&Known) -> i64| [of(&known[0]), of(&known[1])].map(|n| Some(Figure::Count(n)));
        let measure = |of: fn(&Known) -> Option<f64>| {
            [of(&known[0]), of(&known[1])].map(|n| n.map(Figure::Measure))
        };
        let conversations = [other.conversations, other.previous_conversations];
        let rows = vec![
            row(
                "requests",
                "requests",
                "count",
                count(|known| known.usage.requests),
            ),
            row(
                "requests",
                "completed_share",
                "ratio",
                measure(|known| known.usage.completed_share()),
            ),
            row(
                "requests",
                "error_rate",
                "ratio",
                measure(|known| known.usage.error_rate()),
            ),
            row(
                "requests",
                "under_way",
                "count",
                [Some(Figure::Count(other.under_way)), None],
            ),
            row(
                "tokens",
                "input_tokens",
                "tokens",
                count(|known| known.usage.input_tokens()),
            ),
            row(
                "tokens",
                "output_tokens",
                "tokens",
                count(|known| known.usage.output_tokens()),
            ),
            row(
                "costs",
                "cost",
                ctx.settings.currency.unit(),
                each(|known| Some(Figure::Money(known.usage.cost()))),
            ),
            row(
                "costs",
                "unpriced_requests",
                "count",
                count(|known| known.usage.unpriced),
            ),
            row(
                "budgets",
                "budgets_warning",
                "count",
                in_state(BudgetState::Warning),
            ),
            row(
                "budgets",
                "budgets_over",
                "count",
                in_state(BudgetState::Over),
            ),
            row(
                "budgets",
                "budgets_paused",
                "count",
                in_state(BudgetState::Paused),
            ),
            row(
                "latency",
                "average_latency_ms",
                "ms",
                measure(|known| known.usage.latency_ms()),
            ),
            row(
                "latency",
                "p95_latency_ms",
                "ms",
                measure(|known| known.latency.quantile_ms(0.95)),
            ),
            row(
                "agents",
                "active_agents",
                "count",
                count(|known| known.agents),
            ),
            row(
                "agents",
                "conversations",
                "count",
                conversations.map(|n| Some(Figure::Count(n))),
            ),
        ];
        Ok(Answer::of(rows).over(source.period()))
    }
}
