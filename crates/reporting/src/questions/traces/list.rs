//! `traces list`: the traces of a period, the newest first.

use std::collections::{BTreeSet, HashMap};

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use systemprompt_domain::TraceId;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::ctx::Ctx;
use crate::error::Result;
use crate::figures::{Spent, Time, millis};
use crate::params::{Page, PeriodArgs};
use crate::query::{Answer, PeriodUsed, Query};

/// Traces with their requests, tool calls, errors, cost and duration, the newest first
///
/// A trace is what one interaction caused: requests and tool calls that carry the
/// same W3C trace id. Figures are those of its requests and calls that began in
/// the period and have ended.
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
}

/// One trace.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ListRow {
    /// The trace
    #[schemars(extend("x-unit" = "id"))]
    pub trace_id: String,
    /// When its first request or tool call began
    pub first_at: Time,
    /// When the last of them ended
    pub last_at: Time,
    /// From the one to the other
    #[schemars(extend("x-unit" = "duration"))]
    pub duration_ms: f64,
    /// Requests that reached a final state
    #[schemars(extend("x-unit" = "count"))]
    pub requests: i64,
    /// Failed, timed out and lost requests
    #[schemars(extend("x-unit" = "count"))]
    pub errors: i64,
    /// Tool calls over MCP that ended
    #[schemars(extend("x-unit" = "count"))]
    pub tool_calls: i64,
    /// Those that failed or took too long
    #[schemars(extend("x-unit" = "count"))]
    pub tool_errors: i64,
    /// What the priced requests cost; none where no price is known
    #[schemars(extend("x-unit" = "money"))]
    pub cost: Option<Decimal>,
    /// The agents that asked
    pub agents: Vec<String>,
}

/// A trace, added up day by day.
struct Sum {
    first_at: OffsetDateTime,
    last_at: OffsetDateTime,
    requests: i64,
    errors: i64,
    tool_calls: i64,
    tool_errors: i64,
    spent: Spent,
    agents: BTreeSet<String>,
}

impl Sum {
    fn at(first_at: OffsetDateTime, last_at: OffsetDateTime) -> Self {
        Self {
            first_at,
            last_at,
            requests: 0,
            errors: 0,
            tool_calls: 0,
            tool_errors: 0,
            spent: Spent::default(),
            agents: BTreeSet::new(),
        }
    }

    fn row(self, trace: Uuid) -> ListRow {
        let micros = (self.last_at - self.first_at).whole_microseconds();
        ListRow {
            trace_id: TraceId(trace).to_string(),
            first_at: self.first_at.into(),
            last_at: self.last_at.into(),
            duration_ms: millis(micros as f64),
            requests: self.requests,
            errors: self.errors,
            tool_calls: self.tool_calls,
            tool_errors: self.tool_errors,
            cost: self.spent.rounded(),
            agents: self.agents.into_iter().collect(),
        }
    }
}

impl Query for List {
    type Row = ListRow;
    const PATH: &'static [&'static str] = &["traces", "list"];

    async fn run(&self, ctx: &Ctx) -> Result<Answer<ListRow>> {
        let interval = self.period.interval(ctx.clock.now())?;
        let traces = sqlx::query_file_scalar!(
            "src/questions/traces/newest.sql",
            ctx.scope.only_agent(),
            interval.since,
            interval.until,
            self.page.limit.fetch(),
        )
        .fetch_all(&ctx.pool)
        .await?;
        let days = sqlx::query_file!(
            "src/questions/traces/figures.sql",
            ctx.scope.only_agent(),
            interval.since,
            interval.until,
            &traces,
        )
        .fetch_all(&ctx.pool)
        .await?;
        let mut sums: HashMap<Uuid, Sum> = HashMap::with_capacity(traces.len());
        for day in days {
            let sum = sums.entry(day.trace_id);
            let sum = sum.or_insert_with(|| Sum::at(day.first_at, day.last_at));
            sum.first_at = sum.first_at.min(day.first_at);
            sum.last_at = sum.last_at.max(day.last_at);
            sum.requests += day.requests;
            sum.errors += day.errors;
            let priced = ctx.settings.currency.amount(day.cost_nanos, day.first_at);
            sum.spent += Spent::of(priced, day.unpriced);
            sum.agents.extend(day.agents);
        }
        let calls = sqlx::query_file!(
            "src/questions/traces/tool_figures.sql",
            ctx.scope.only_agent(),
            interval.since,
            interval.until,
            &traces,
        )
        .fetch_all(&ctx.pool)
        .await?;
        for calls in calls {
            let sum = sums.entry(calls.trace_id);
            let sum = sum.or_insert_with(|| Sum::at(calls.first_at, calls.last_at));
            sum.first_at = sum.first_at.min(calls.first_at);
            sum.last_at = sum.last_at.max(calls.last_at);
            sum.tool_calls += calls.calls;
            sum.tool_errors += calls.errors;
            sum.agents.extend(calls.agents);
        }
        // Between the two statements retention may have dropped a day.
        let row = |trace| Some(sums.remove(&trace)?.row(trace));
        let rows = traces.into_iter().filter_map(row).collect();
        Ok(Answer::of(rows)
            .cut(self.page.limit.rows())
            .over(PeriodUsed::of(interval, &self.period.timezone))
            .sampled(ctx.settings.sampling))
    }
}
