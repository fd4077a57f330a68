//! At which hours of the day requests come.

use systemprompt_domain::period::Grains;

use super::source::Source;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::params::{Filters, PeriodArgs};

impl<'a> Source<'a> {
    /// Usage over a period, hour by hour. Users are not told apart by hour.
    pub(crate) fn hourly(
        ctx: &'a Ctx,
        period: &'a PeriodArgs,
        filters: &'a Filters,
    ) -> Result<Self> {
        let mut source = Self::with(ctx, period, filters, &[], Grains::WithoutDays)?;
        source.frame = source.frame.hourly()?;
        Ok(source)
    }

    /// Requests by the hour of the day, 0 to 23, on the clocks of the period's
    /// zone. Rollups have hours of UTC: where clocks are off by part of an hour,
    /// an hour counts as the one in which it begins. The source must be made by
    /// [`Source::hourly`].
    pub(crate) async fn by_hour_of_day(&self) -> Result<Vec<i64>> {
        let mut hours = vec![0; 24];
        for (begin, usage) in self.steps().iter().zip(self.usage_by_step().await?) {
            let local = begin.unix_timestamp() + self.frame.zone.offset_seconds(*begin);
            let hour = usize::try_from(local.div_euclid(3_600).rem_euclid(24));
            hours[hour.expect("0 to 23")] += usage.requests;
        }
        Ok(hours)
    }
}
