//! Tool calls, added up: how many, how they ended, how long they took.

use std::collections::BTreeMap;

use systemprompt_domain::period::Grains;
use time::OffsetDateTime;

use super::Histogram;
use super::frame::Frame;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::figures::{mean_millis, ratio};
use crate::params::{GroupBy, Limit, PeriodArgs, ToolFilters};

/// What tool calls can be told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ToolBy {
    /// The tool, with its server.
    Tool,
    Agent,
}

impl ToolBy {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Tool => "tool",
            Self::Agent => "agent",
        }
    }
}

/// Tool calls added up. Fields are columns of the `tools` relation.
#[derive(Clone, Debug, Default)]
pub(crate) struct ToolUsage {
    /// Which step of a trend, from 1; 0 without steps.
    pub step: i32,
    pub server: String,
    pub tool: String,
    pub agent: String,
    pub executions: i64,
    pub success: i64,
    pub failed: i64,
    pub timeout: i64,
    pub cancelled: i64,
    pub needs_input: i64,
    pub latency_us: i64,
    pub latency_n: i64,
    pub request_bytes: i64,
    pub response_bytes: i64,
    /// When the last quarter, hour or day with a call began.
    pub last_bucket: Option<OffsetDateTime>,
}

impl ToolUsage {
    /// Calls that went wrong. What the client takes back is no fault of the tool.
    pub(crate) const fn errors(&self) -> i64 {
        self.failed + self.timeout
    }

    /// Successes among the calls that were answered, or should have been.
    pub(crate) fn success_rate(&self) -> Option<f64> {
        ratio(self.success, self.success + self.errors())
    }

    /// The mean latency in milliseconds.
    pub(crate) fn latency_ms(&self) -> Option<f64> {
        mean_millis(self.latency_us, self.latency_n)
    }
}

/// One way in which tool calls did not succeed.
#[derive(Clone, Debug)]
pub(crate) struct ToolFailures {
    pub server: String,
    pub tool: String,
    pub status: String,
    pub error_type: Option<String>,
    pub error_code: Option<String>,
    pub count: i64,
    pub first_at: OffsetDateTime,
    pub last_at: OffsetDateTime,
}

/// Histograms by step, server, tool and agent, as far as they were asked for.
#[derive(Debug, Default)]
pub(crate) struct ToolHistograms(BTreeMap<(i32, String, String, String), Histogram>);

impl ToolHistograms {
    /// The histogram that belongs to a row.
    pub(crate) fn of(&self, usage: &ToolUsage) -> Histogram {
        let key = (
            usage.step,
            usage.server.clone(),
            usage.tool.clone(),
            usage.agent.clone(),
        );
        self.0.get(&key).cloned().unwrap_or_default()
    }
}

/// The rollup rows that count tool calls.
#[derive(Clone, Debug)]
pub(crate) struct ToolCalls<'a> {
    ctx: &'a Ctx,
    filters: &'a ToolFilters,
    by: &'static [ToolBy],
    pub(crate) frame: Frame<'a>,
}

impl<'a> ToolCalls<'a> {
    /// Calls over a period, told apart by dimensions.
    pub(crate) fn of(
        ctx: &'a Ctx,
        period: &'a PeriodArgs,
        filters: &'a ToolFilters,
        by: &'static [ToolBy],
    ) -> Result<Self> {
        let grains = match filters.users.is_empty() {
            true => Grains::All,
            // Hours have no users.
            false => Grains::WithoutHours,
        };
        let frame = Frame::of(ctx, period, grains)?;
        Ok(Self::within(ctx, frame, filters, by))
    }

    /// Calls over a period that something else is answered over. With users it
    /// must be one without hours.
    pub(crate) const fn within(
        ctx: &'a Ctx,
        frame: Frame<'a>,
        filters: &'a ToolFilters,
        by: &'static [ToolBy],
    ) -> Self {
        Self {
            ctx,
            filters,
            by,
            frame,
        }
    }

    /// What went wrong over a period. Errors have every dimension, by quarter and
    /// hour.
    pub(crate) fn errors(
        ctx: &'a Ctx,
        period: &'a PeriodArgs,
        filters: &'a ToolFilters,
    ) -> Result<Self> {
        let frame = Frame::of(ctx, period, Grains::WithoutDays)?;
        Ok(Self::within(ctx, frame, filters, &[]))
    }

    /// The same calls, step by step.
    pub(crate) fn trend(self, group_by: Option<GroupBy>) -> Result<Self> {
        let users = !self.filters.users.is_empty();
        let mut frame = self.frame.trend(group_by)?;
        if users {
            frame = frame.whole_days()?;
        }
        Ok(Self { frame, ..self })
    }

    /// The same calls over the period of equal length before.
    pub(crate) fn previous(&self) -> Result<Self> {
        Ok(Self {
            frame: self.frame.previous()?,
            ..self.clone()
        })
    }

    /// Everything together.
    pub(crate) async fn total(&self) -> Result<ToolUsage> {
        Ok(self.usage().await?.pop().unwrap_or_default())
    }

    /// One row for each step of a trend, in order, empty ones included.
    pub(crate) async fn by_step(&self) -> Result<Vec<ToolUsage>> {
        let rows = self.usage().await?;
        Ok(self.frame.by_step(rows, |row| row.step))
    }

    /// One row for each step and combination of dimensions that has calls.
    pub(crate) async fn usage(&self) -> Result<Vec<ToolUsage>> {
        let rows = sqlx::query_file_as!(
            ToolUsage,
            "src/rollup/tools.sql",
            self.ctx.scope.only_agent(),
            &self.frame.windows() as _,
            self.cube(),
            &self.filters.servers,
            &self.filters.tools,
            &self.filters.agents,
            &self.filters.users,
            self.frame.steps(),
            &self.dimensions(),
        );
        Ok(rows.fetch_all(&self.ctx.pool).await?)
    }

    /// Whether latencies are known. They are not kept by user.
    pub(crate) fn has_latency(&self) -> bool {
        self.filters.users.is_empty()
    }

    /// What should be known about an answer with latencies.
    pub(crate) fn latency_note(&self) -> Option<String> {
        let missing = "percentiles are not kept by user".to_owned();
        self.frame
            .note()
            .or_else(|| (!self.has_latency()).then_some(missing))
    }

    /// The histograms of successful calls; none where users are told apart.
    pub(crate) async fn latency(&self) -> Result<ToolHistograms> {
        let mut histograms = ToolHistograms::default();
        if !self.has_latency() {
            return Ok(histograms);
        }
        let rows = sqlx::query_file!(
            "src/rollup/tools_latency.sql",
            self.ctx.scope.only_agent(),
            &self.frame.windows_so_far() as _,
            self.cube(),
            &self.filters.servers,
            &self.filters.tools,
            &self.filters.agents,
            self.frame.steps(),
            &self.dimensions(),
        );
        for row in rows.fetch_all(&self.ctx.pool).await? {
            let key = (row.step, row.server, row.tool, row.agent);
            histograms.0.entry(key).or_default().push(row.slot, row.n);
        }
        Ok(histograms)
    }

    /// What went wrong, the most frequent first. They must be made by
    /// [`ToolCalls::errors`].
    pub(crate) async fn failures(&self) -> Result<Vec<ToolFailures>> {
        let rows = sqlx::query_file_as!(
            ToolFailures,
            "src/rollup/tools_errors.sql",
            self.ctx.scope.only_agent(),
            &self.frame.windows_so_far() as _,
            &self.filters.servers,
            &self.filters.tools,
            &self.filters.agents,
            &self.filters.users,
            i64::from(Limit::MAX),
        );
        Ok(rows.fetch_all(&self.ctx.pool).await?)
    }

    /// The smallest cube with all dimensions in use.
    fn cube(&self) -> &'static str {
        let filters = self.filters;
        let tool = self.by.contains(&ToolBy::Tool)
            || !filters.servers.is_empty()
            || !filters.tools.is_empty();
        let agent = self.by.contains(&ToolBy::Agent)
            || !filters.agents.is_empty()
            || self.ctx.scope.only_agent().is_some();
        match (tool, agent, !filters.users.is_empty()) {
            (_, _, true) => "full",
            (_, true, false) => "agent_tool",
            (true, false, false) => "tool",
            (false, false, false) => "total",
        }
    }

    fn dimensions(&self) -> Vec<String> {
        self.by.iter().map(|by| by.as_str().to_owned()).collect()
    }
}
