//! When: the period a question is answered over, in the windows of the rollups
//! that have it, whole or step by step.

use systemprompt_domain::period::{Grain, Grains, Interval, Step, Windows, Zone, buckets};
use time::OffsetDateTime;

use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::params::{GroupBy, Limit, PeriodArgs};
use crate::query::PeriodUsed;

/// The most hours that are looked at one by one, some ten years.
const MOST_HOURS: i64 = 100_000;

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

/// A period as rollups answer it.
#[derive(Clone, Debug)]
pub(crate) struct Frame<'a> {
    pub(super) zone: &'a Zone,
    now: OffsetDateTime,
    interval: Interval,
    grains: Grains,
    steps: Vec<OffsetDateTime>,
    /// Whether a step begins within a row of the lasting grain.
    fine: bool,
}

impl<'a> Frame<'a> {
    /// The whole period.
    pub(crate) fn of(ctx: &Ctx, period: &'a PeriodArgs, grains: Grains) -> Result<Self> {
        let now = ctx.clock.now();
        Ok(Self {
            zone: &period.timezone,
            now,
            interval: period.interval(now)?.snap(now, grains),
            grains,
            steps: Vec::new(),
            fine: false,
        })
    }

    /// The same period, step by step.
    pub(crate) fn trend(mut self, group_by: Option<GroupBy>) -> Result<Self> {
        self.steps = steps(self.interval, self.zone, group_by)?;
        let inner = self.steps.get(1..).unwrap_or_default();
        let all_begin_with = |grain: Grain| inner.iter().all(|at| grain.is_edge(*at));
        if !all_begin_with(Grain::Day) {
            if self.grains == Grains::All {
                self.grains = Grains::WithoutDays;
            }
            self.fine = !all_begin_with(self.grains.lasting());
        }
        Ok(self)
    }

    /// The same period, hour by hour of UTC.
    pub(crate) fn hourly(self) -> Result<Self> {
        if self.interval.duration().whole_hours() > MOST_HOURS {
            return Err(Error::Usage(format!(
                "the period has more than {MOST_HOURS} hours: use a shorter one"
            )));
        }
        Ok(Self {
            steps: buckets(self.interval, Step::Hour, &Zone::default()),
            ..self
        })
    }

    /// The first step that begins within a row, where there are no quarters any
    /// more to tell what belongs to it.
    pub(super) fn blurred_step(&self) -> Option<OffsetDateTime> {
        let quarters_from = self.grains.quarters_from(self.now);
        let blurred =
            |at: &OffsetDateTime| *at < quarters_from && !self.grains.lasting().is_edge(*at);
        self.steps.iter().copied().skip(1).find(blurred)
    }

    /// Refuses steps within days of which only the users are known.
    pub(super) fn whole_days(self) -> Result<Self> {
        if self.blurred_step().is_some() {
            return Err(Error::Usage(
                "more than eight days back, users are known by UTC day only: use a shorter period, \
                 --group-by day or wider, or --timezone UTC"
                    .to_owned(),
            ));
        }
        Ok(self)
    }

    /// The period of equal length before.
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

    /// What should be known about an answer over this period.
    pub(crate) fn note(&self) -> Option<String> {
        self.blurred_step().map(|_| {
            format!(
                "more than eight days back, what happened in the hour in which a row begins in {} \
                 is counted in the row before",
                self.zone
            )
        })
    }

    /// The times of the SQL function `in_windows`.
    pub(super) fn windows(&self) -> [Option<OffsetDateTime>; 10] {
        self.windows_of(self.interval)
    }

    /// The same for who does not tell when something was last: where the period ends
    /// now, the row of today has what there is of it so far, and the hours and quarters
    /// of today need not be added up.
    pub(super) fn windows_so_far(&self) -> [Option<OffsetDateTime>; 10] {
        let whole = match self.grains {
            Grains::WithoutDays => Grain::Hour,
            Grains::All | Grains::WithoutHours => Grain::Day,
        };
        let Interval { since, until } = self.interval;
        // A step that begins today would be lost in the row of today.
        let last = self.steps.get(1..).and_then(<[_]>::last);
        let until = match until > self.now && last.is_none_or(|step| whole.is_edge(*step)) {
            true => whole.ceil(until),
            false => until,
        };
        self.windows_of(Interval { since, until })
    }

    /// The same with weeks between the days, for what is kept by the week and is not
    /// asked for step by step: fourteen times.
    pub(super) fn windows_with_weeks(&self) -> Vec<Option<OffsetDateTime>> {
        const WEEK: i64 = 7 * 86_400;
        let mut times = self.windows_so_far().to_vec();
        let (Some(from), Some(to), [] | [_]) = (times[4], times[5], self.steps.as_slice()) else {
            return times;
        };
        let (first, last) = (from.unix_timestamp(), to.unix_timestamp());
        let begin = first + (-first).rem_euclid(WEEK);
        // As with today: there is no more of this week than so far.
        let end = match self.interval.until > self.now {
            true => last + (-last).rem_euclid(WEEK),
            false => last - last.rem_euclid(WEEK),
        };
        let at = |unix: i64| OffsetDateTime::from_unix_timestamp(unix).ok();
        if let (true, Some(begin), Some(end)) = (begin < end, at(begin), at(end)) {
            times[5] = Some(begin);
            times.extend([Some(begin), Some(end), Some(end), Some(to.max(end))]);
        }
        times
    }

    fn windows_of(&self, interval: Interval) -> [Option<OffsetDateTime>; 10] {
        let windows = if self.fine {
            Windows::fine(interval, self.now, self.grains)
        } else {
            Windows::of(interval, self.grains)
        };
        windows.times()
    }

    /// One row for each step, in order, of rows that name theirs from 1.
    pub(super) fn by_step<T: Clone + Default>(&self, rows: Vec<T>, step: fn(&T) -> i32) -> Vec<T> {
        let mut steps = vec![T::default(); self.steps.len()];
        for row in rows {
            let place = usize::try_from(step(&row) - 1)
                .ok()
                .and_then(|step| steps.get_mut(step));
            *place.expect("the first step begins no later than the period") = row;
        }
        steps
    }
}
