//! Which rollup rows a question reads: the windows of its period and the cube
//! that holds its dimensions and no more.

use systemprompt_domain::period::{Grains, Interval};
use time::OffsetDateTime;

use super::frame::Frame;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::params::{Filters, GroupBy, PeriodArgs};
use crate::query::PeriodUsed;

/// What usage can be told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dimension {
    Provider,
    Model,
    Agent,
    User,
}

impl Dimension {
    /// The name that the statements know it by (`usage.sql` leaves users to
    /// `spend.sql`).
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Model => "model",
            Self::Agent => "agent",
            Self::User => "user",
        }
    }
}

/// The rollup rows that answer a question.
#[derive(Clone, Debug)]
pub(crate) struct Source<'a> {
    pub(super) ctx: &'a Ctx,
    pub(super) filters: &'a Filters,
    by: &'static [Dimension],
    pub(super) frame: Frame<'a>,
}

impl<'a> Source<'a> {
    /// Usage over a period, told apart by dimensions.
    pub(crate) fn of(
        ctx: &'a Ctx,
        period: &'a PeriodArgs,
        filters: &'a Filters,
        by: &'static [Dimension],
    ) -> Result<Self> {
        let users = by.contains(&Dimension::User) || !filters.users.is_empty();
        let grains = if users {
            Grains::WithoutHours
        } else {
            Grains::All
        };
        Self::with(ctx, period, filters, by, grains)
    }

    /// Errors over a period. They have every dimension by quarter and hour; days know
    /// neither agents nor users.
    pub(crate) fn errors(
        ctx: &'a Ctx,
        period: &'a PeriodArgs,
        filters: &'a Filters,
    ) -> Result<Self> {
        let whose = !filters.agents.is_empty()
            || !filters.users.is_empty()
            || ctx.scope.only_agent().is_some();
        let grains = if whose {
            Grains::WithoutDays
        } else {
            Grains::All
        };
        Self::with(ctx, period, filters, &[], grains)
    }

    pub(super) fn with(
        ctx: &'a Ctx,
        period: &'a PeriodArgs,
        filters: &'a Filters,
        by: &'static [Dimension],
        grains: Grains,
    ) -> Result<Self> {
        Ok(Self {
            ctx,
            filters,
            by,
            frame: Frame::of(ctx, period, grains)?,
        })
    }

    /// Usage over a period, step by step.
    pub(crate) fn trend(
        ctx: &'a Ctx,
        period: &'a PeriodArgs,
        filters: &'a Filters,
        group_by: Option<GroupBy>,
    ) -> Result<Self> {
        let mut source = Self::of(ctx, period, filters, &[])?;
        source.frame = source.frame.trend(group_by)?;
        if source.uses(Dimension::User) {
            source.frame = source.frame.whole_days()?;
        }
        Ok(source)
    }

    /// The same usage over the period of equal length before.
    pub(crate) fn previous(&self) -> Result<Self> {
        Ok(Self {
            frame: self.frame.previous()?,
            ..self.clone()
        })
    }

    /// The period that is answered.
    pub(crate) fn period(&self) -> PeriodUsed {
        self.frame.period()
    }

    /// The interval that is answered.
    pub(crate) const fn interval(&self) -> Interval {
        self.frame.interval()
    }

    /// Where the steps of a trend begin.
    pub(crate) fn steps(&self) -> &[OffsetDateTime] {
        self.frame.steps()
    }

    /// Whether latencies are known. They are not kept by user.
    pub(crate) fn has_latency(&self) -> bool {
        !self.uses(Dimension::User)
    }

    /// What should be known about an answer with latencies from this source.
    pub(crate) fn latency_note(&self) -> Option<String> {
        let missing = "percentiles are not kept by user".to_owned();
        self.note()
            .or_else(|| (!self.has_latency()).then_some(missing))
    }

    /// What should be known about an answer from this source.
    pub(crate) fn note(&self) -> Option<String> {
        self.frame.note()
    }

    pub(super) fn windows(&self) -> [Option<OffsetDateTime>; 10] {
        self.frame.windows()
    }

    pub(super) fn windows_so_far(&self) -> [Option<OffsetDateTime>; 10] {
        self.frame.windows_so_far()
    }

    pub(super) fn dimensions(&self) -> Vec<String> {
        self.by
            .iter()
            .map(|dimension| dimension.as_str().to_owned())
            .collect()
    }

    /// The smallest cube with all dimensions in use. The hours and days it is
    /// kept for are in `migrations`.
    pub(super) fn usage_cube(&self) -> &'static str {
        let model = self.uses(Dimension::Model) || self.uses(Dimension::Provider);
        let agent = self.uses(Dimension::Agent);
        match (model, agent, self.uses(Dimension::User)) {
            (false, false, false) => "total",
            (true, false, false) => "model",
            (false, true, false) => "agent",
            (true, true, false) => "agent_model",
            (false, false, true) => "user",
            (_, _, true) => "full",
        }
    }

    fn uses(&self, dimension: Dimension) -> bool {
        let filtered = match dimension {
            Dimension::Provider => !self.filters.providers.is_empty(),
            Dimension::Model => !self.filters.models.is_empty(),
            Dimension::Agent => {
                !self.filters.agents.is_empty() || self.ctx.scope.only_agent().is_some()
            }
            Dimension::User => !self.filters.users.is_empty(),
        };
        filtered || self.by.contains(&dimension)
    }
}
