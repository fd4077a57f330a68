//! Which rollup rows a question reads: the windows of its period and the cube
//! that holds its dimensions and no more.

use systemprompt_domain::period::{Grain, Grains, Interval, Step, Windows, Zone, buckets};
use time::OffsetDateTime;

use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::params::{Filters, GroupBy, Limit, PeriodArgs};
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

/// Where the rows of a trend begin. Without a width, hours for up to two days
/// and days beyond.
pub(super) fn steps(
    interval: Interval,
    zone: &Zone,
    group_by: Option<GroupBy>,
) -> Result<Vec<OffsetDateTime>> {
    let step = group_by.map_or_else(|| fitting_step(interval), Step::from);
    let rows = interval.duration().whole_seconds() / step.typical().whole_seconds();
    if rows >= i64::from(Limit::MAX) {
        return Err(Error::Usage(format!(
            "the period has more than {} rows of that width: use wider rows or a shorter period",
            Limit::MAX
        )));
    }
    Ok(buckets(interval, step, zone))
}

fn fitting_step(interval: Interval) -> Step {
    if interval.duration() <= time::Duration::hours(49) {
        Step::Hour
    } else {
        Step::Day
    }
}

/// The rollup rows that answer a question.
#[derive(Clone, Debug)]
pub(crate) struct Source<'a> {
    pub(super) ctx: &'a Ctx,
    pub(super) filters: &'a Filters,
    by: &'static [Dimension],
    pub(super) zone: &'a Zone,
    now: OffsetDateTime,
    pub(super) interval: Interval,
    grains: Grains,
    pub(super) steps: Vec<OffsetDateTime>,
    /// Whether a step begins within a row of the lasting grain.
    fine: bool,
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

    /// Errors over a period. They have every dimension, by quarter and hour.
    pub(crate) fn errors(
        ctx: &'a Ctx,
        period: &'a PeriodArgs,
        filters: &'a Filters,
    ) -> Result<Self> {
        Self::with(ctx, period, filters, &[], Grains::WithoutDays)
    }

    pub(super) fn with(
        ctx: &'a Ctx,
        period: &'a PeriodArgs,
        filters: &'a Filters,
        by: &'static [Dimension],
        grains: Grains,
    ) -> Result<Self> {
        let now = ctx.clock.now();
        let zone = &period.timezone;
        let interval = period.interval(now)?.snap(now, grains);
        Ok(Self {
            ctx,
            filters,
            by,
            zone,
            now,
            interval,
            grains,
            steps: Vec::new(),
            fine: false,
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
        source.steps = steps(source.interval, source.zone, group_by)?;
        let inner = source.steps.get(1..).unwrap_or_default();
        let all_begin_with = |grain: Grain| inner.iter().all(|at| grain.is_edge(*at));
        if !all_begin_with(Grain::Day) {
            if source.grains == Grains::All {
                source.grains = Grains::WithoutDays;
            }
            source.fine = !all_begin_with(source.grains.lasting());
        }
        if source.uses(Dimension::User) && source.blurred_step().is_some() {
            return Err(Error::Usage(
                "more than eight days back, users are known by UTC day only: use a shorter period, \
                 --group-by day or wider, or --timezone UTC"
                    .to_owned(),
            ));
        }
        Ok(source)
    }

    /// The first step that begins within a row, where there are no quarters any
    /// more to tell what belongs to it.
    fn blurred_step(&self) -> Option<OffsetDateTime> {
        let quarters_from = self.grains.quarters_from(self.now);
        let blurred =
            |at: &OffsetDateTime| *at < quarters_from && !self.grains.lasting().is_edge(*at);
        self.steps.iter().copied().skip(1).find(blurred)
    }

    /// The same usage over the period of equal length before.
    pub(crate) fn previous(&self) -> Result<Self> {
        let interval = self.interval.previous().ok_or_else(Error::nothing_before)?;
        Ok(Self {
            interval: interval.snap(self.now, self.grains),
            ..self.clone()
        })
    }

    /// The period that is answered.
    pub(crate) fn period(&self) -> PeriodUsed {
        PeriodUsed::of(self.interval, self.zone)
    }

    /// The interval that is answered.
    pub(crate) const fn interval(&self) -> Interval {
        self.interval
    }

    /// Where the steps of a trend begin.
    pub(crate) fn steps(&self) -> &[OffsetDateTime] {
        &self.steps
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
        self.blurred_step().map(|_| {
            format!(
                "more than eight days back, what happened in the hour in which a row begins in {} \
                 is counted in the row before",
                self.zone
            )
        })
    }

    pub(super) fn windows(&self) -> [Option<OffsetDateTime>; 10] {
        let windows = if self.fine {
            Windows::fine(self.interval, self.now, self.grains)
        } else {
            Windows::of(self.interval, self.grains)
        };
        windows.times()
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

    /// The same for latencies, by hour and by day.
    pub(super) fn latency_cubes(&self) -> (&'static str, &'static str) {
        match self.usage_cube() {
            "total" => ("total", "total"),
            day => ("agent_model", day),
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
