//! What people and agents did, added up.

use systemprompt_domain::period::Grains;
use time::OffsetDateTime;

use super::frame::Frame;
use super::tools::ToolCalls;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::params::{ActivityFilters, GroupBy, PeriodArgs, ToolFilters, names};

/// Activity added up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counted {
    /// Which step of a trend, from 1; 0 without steps.
    pub step: i32,
    pub events: i64,
    pub edits: i64,
    pub logins: i64,
    pub prompts: i64,
    pub tool_uses: i64,
    pub skill_runs: i64,
    pub sessions: i64,
    /// Errors, and whatever failed.
    pub errors: i64,
    /// Different users; 0 where they were not asked for.
    pub users: i64,
}

/// What one user did.
#[derive(Debug)]
pub(crate) struct Doer {
    pub name: String,
    pub events: i64,
    pub edits: i64,
    pub tool_uses: i64,
    pub prompts: i64,
    pub logins: i64,
    pub errors: i64,
    /// When the last quarter, hour or day with anything began.
    pub last_bucket: OffsetDateTime,
}

/// How often one skill ran.
#[derive(Debug)]
pub(crate) struct Skill {
    pub name: String,
    pub runs: i64,
    pub failed: i64,
    pub last_bucket: OffsetDateTime,
}

/// What activity is told apart by besides its category.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ranked {
    Nothing,
    Users,
    Entities,
}

/// The rollup rows that count activity.
#[derive(Clone, Debug)]
pub(crate) struct Activities<'a> {
    ctx: &'a Ctx,
    filters: &'a ActivityFilters,
    cube: &'static str,
    pub(crate) frame: Frame<'a>,
}

impl<'a> Activities<'a> {
    /// Activity over a period.
    pub(crate) fn of(
        ctx: &'a Ctx,
        period: &'a PeriodArgs,
        filters: &'a ActivityFilters,
        by: Ranked,
    ) -> Result<Self> {
        let entity = by == Ranked::Entities || !filters.entity_types.is_empty();
        let user = by == Ranked::Users || !filters.users.is_empty();
        let agent = ctx.scope.only_agent().is_some();
        // The smallest cube with all dimensions in use. Hours have no users.
        let (cube, grains) = match (entity, user, agent) {
            (false, false, false) => ("category", Grains::All),
            (false, false, true) => ("agent", Grains::All),
            (true, false, false) => ("entity", Grains::All),
            (false, true, false) => ("user", Grains::WithoutHours),
            _ => ("full", Grains::WithoutHours),
        };
        Ok(Self {
            ctx,
            filters,
            cube,
            frame: Frame::of(ctx, period, grains)?,
        })
    }

    /// The same activity, step by step.
    pub(crate) fn trend(self, group_by: Option<GroupBy>) -> Result<Self> {
        let mut frame = self.frame.trend(group_by)?;
        if matches!(self.cube, "user" | "full") {
            frame = frame.whole_days()?;
        }
        Ok(Self { frame, ..self })
    }

    /// Tool calls over MCP in the same period, step by step where this is: those of
    /// the same users. `None` if the filters leave tools out.
    pub(crate) fn tools(&self, filters: &'a ToolFilters) -> Option<ToolCalls<'a>> {
        let of_tools =
            |named: &str, list: &[String]| list.is_empty() || list.iter().any(|name| name == named);
        let counted = of_tools("tool_usage", &names(&self.filters.categories))
            && of_tools("tool", &self.filters.entity_types);
        counted.then(|| ToolCalls::within(self.ctx, self.frame.clone(), filters, &[]))
    }

    /// The same activity over the period of equal length before.
    pub(crate) fn previous(&self) -> Result<Self> {
        Ok(Self {
            frame: self.frame.previous()?,
            ..self.clone()
        })
    }

    /// Everything together.
    pub(crate) async fn total(&self) -> Result<Counted> {
        Ok(self.counted().await?.pop().unwrap_or_default())
    }

    /// One row for each step of a trend, in order, empty ones included.
    pub(crate) async fn by_step(&self) -> Result<Vec<Counted>> {
        let rows = self.counted().await?;
        Ok(self.frame.by_step(rows, |row| row.step))
    }

    async fn counted(&self) -> Result<Vec<Counted>> {
        let rows = sqlx::query_file_as!(
            Counted,
            "src/rollup/activity.sql",
            self.ctx.scope.only_agent(),
            &self.frame.windows_so_far() as _,
            self.cube,
            &names(&self.filters.categories),
            &self.filters.entity_types,
            &self.filters.users,
            self.frame.steps(),
        );
        Ok(rows.fetch_all(&self.ctx.pool).await?)
    }

    /// The users with the most edits and tool calls. They must be told apart.
    pub(crate) async fn users(&self, limit: i64) -> Result<Vec<Doer>> {
        let rows = sqlx::query_file_as!(
            Doer,
            "src/rollup/activity_users.sql",
            self.ctx.scope.only_agent(),
            &self.frame.windows() as _,
            self.cube,
            &names(&self.filters.categories),
            &self.filters.entity_types,
            &self.filters.users,
            limit,
        );
        Ok(rows.fetch_all(&self.ctx.pool).await?)
    }

    /// The skills that ran most. Entities must be told apart.
    pub(crate) async fn skills(&self, limit: i64) -> Result<Vec<Skill>> {
        let rows = sqlx::query_file_as!(
            Skill,
            "src/rollup/activity_skills.sql",
            self.ctx.scope.only_agent(),
            &self.frame.windows() as _,
            self.cube,
            &self.filters.users,
            limit,
        );
        Ok(rows.fetch_all(&self.ctx.pool).await?)
    }
}
