//! `overview`: the figures that matter first, each against the period before.

use std::borrow::Cow;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ctx::Ctx;
use crate::error::Result;
use crate::figures::change;
use crate::params::{
    ActivityFilters, AuditFilters, Class, Filters, PeriodArgs, ToolFilters, WebFilters,
};
use crate::query::{Answer, Query};
use crate::questions::content::top;
use crate::questions::costs::{BudgetState, budgets};
use crate::rollup::{
    Activities, Begun, Counted, Dimension, Histogram, Pages, Ranked, Sessions, Source, ToolCalls,
    ToolUsage, Trail, Usage, Visits,
};

/// The classes of sessions, those of people first.
const CLASSES: [(&str, &str); 6] = [
    ("clean_human", "sessions_clean_human"),
    ("unconfirmed", "sessions_unconfirmed"),
    ("ghost", "sessions_ghost"),
    ("known_bot", "sessions_known_bot"),
    ("scanner", "sessions_scanner"),
    ("behavioral_bot", "sessions_behavioral_bot"),
];
/// So much content is named.
const TOP: i64 = 3;

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
    pub metric: Cow<'static, str>,
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
    metric: impl Into<Cow<'static, str>>,
    unit: &'static str,
    [value, previous]: [Option<Figure>; 2],
) -> OverviewRow {
    let both = value.zip(previous);
    let change = both.and_then(|(value, previous)| change(value.as_f64(), previous.as_f64()));
    OverviewRow {
        section,
        metric: metric.into(),
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
    tools: ToolUsage,
    activity: Counted,
    audited: i64,
    /// By class.
    sessions: Vec<Sessions>,
}

impl Known {
    async fn of(
        source: &Source<'_>,
        by_agent: &Source<'_>,
        tools: &ToolCalls<'_>,
        activity: &Activities<'_>,
        trail: &Trail<'_>,
        visits: &Visits<'_>,
    ) -> Result<Self> {
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
            tools: tools.total().await?,
            activity: activity.total().await?,
            audited: trail.happened().await?.iter().map(|kind| kind.events).sum(),
            sessions: visits.by_class().await?,
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
        let every = ToolFilters::default();
        let tools = ToolCalls::of(ctx, &self.period, &every, &[])?;
        let all = ActivityFilters::default();
        let activity = Activities::of(ctx, &self.period, &all, Ranked::Nothing)?;
        let all = AuditFilters::default();
        let trail = Trail::of(ctx, &self.period, &all)?;
        let everything = WebFilters {
            class: Class::All,
            ..WebFilters::default()
        };
        let visits = Visits::of(ctx, &self.period, &everything)?;
        let people = WebFilters::default();
        let pages = Pages::of(ctx, &self.period, &people)?.of_content();
        let content = top(ctx, &pages, TOP).await?;
        let known = [
            Known::of(&source, &by_agent, &tools, &activity, &trail, &visits).await?,
            Known::of(
                &before,
                &by_agent.previous()?,
                &tools.previous()?,
                &activity.previous()?,
                &trail.previous()?,
                &visits.previous()?,
            )
            .await?,
        ];
        let under_way =
            sqlx::query_file_scalar!("src/questions/overview.sql", ctx.scope.only_agent())
                .fetch_one(&ctx.pool)
                .await?;
        let begun = Begun::within(ctx, source.interval(), &[]);
        let begun_before = Begun::within(ctx, before.interval(), &[]);

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
        let conversations = [
            begun.total().await?.conversations,
            begun_before.total().await?.conversations,
        ];
        let by_class = |class: &str, of: fn(&Sessions) -> i64| {
            known.each_ref().map(|known| {
                let sums = known.sessions.iter().find(|sums| sums.class == class);
                Some(Figure::Count(sums.map_or(0, of)))
            })
        };
        let of_people = |of: fn(&Sessions) -> i64| {
            known.each_ref().map(|known| {
                let people = |sums: &&Sessions| Class::Human.stored().contains(&&*sums.class);
                known.sessions.iter().filter(people).map(of).sum::<i64>()
            })
        };
        let mut rows = vec![
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
                [Some(Figure::Count(under_way)), None],
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
                each(|known| known.usage.cost().map(Figure::Money)),
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
            row(
                "tools",
                "tool_calls",
                "count",
                count(|known| known.tools.executions),
            ),
            row(
                "tools",
                "tool_errors",
                "count",
                count(|known| known.tools.errors()),
            ),
            row(
                "tools",
                "tool_success_rate",
                "ratio",
                measure(|known| known.tools.success_rate()),
            ),
            row(
                "activity",
                "activity_events",
                "count",
                count(|known| known.activity.events),
            ),
            row(
                "activity",
                "edits",
                "count",
                count(|known| known.activity.edits),
            ),
            row(
                "activity",
                "logins",
                "count",
                count(|known| known.activity.logins),
            ),
            row(
                "activity",
                "tool_uses",
                "count",
                count(|known| known.activity.tool_uses),
            ),
            row(
                "activity",
                "activity_errors",
                "count",
                count(|known| known.activity.errors),
            ),
            row(
                "audit",
                "audit_events",
                "count",
                count(|known| known.audited),
            ),
        ];
        rows.extend(CLASSES.map(|(class, metric)| {
            row(
                "web",
                metric,
                "count",
                by_class(class, |sums| sums.sessions),
            )
        }));
        let views = of_people(|sums| sums.pages).map(|n| Some(Figure::Count(n)));
        rows.push(row("web", "page_views", "count", views));
        let engaged = of_people(|sums| sums.engaged_ms);
        let engaged = engaged.map(|ms| Some(Figure::Count(ms)));
        rows.push(row("web", "engaged_time_ms", "ms", engaged));
        rows.extend(content.iter().map(|(known, viewed)| {
            let views = [Some(Figure::Count(viewed.views)), None];
            row(
                "content",
                format!("views of {}", known.name()),
                "count",
                views,
            )
        }));
        Ok(Answer::of(rows).over(source.period()))
    }
}
