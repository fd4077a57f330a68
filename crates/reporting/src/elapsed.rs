//! How much of a period is over, and where it leads if it goes on alike.

use systemprompt_domain::period::Interval;
use time::OffsetDateTime;

use crate::figures::round;

/// Before this part of a period (one twentieth) is over, it tells nothing.
const TELLING: i128 = 20;

/// How much of a period is over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Elapsed {
    over: i128,
    whole: i128,
}

impl Elapsed {
    pub(crate) fn of(period: Interval, now: OffsetDateTime) -> Self {
        let whole = period.duration().whole_nanoseconds();
        let over = (now - period.since).whole_nanoseconds();
        Self {
            over: over.clamp(0, whole),
            whole,
        }
    }

    /// The part of the period that is over.
    pub(crate) fn share(self) -> f64 {
        round(self.over as f64 / self.whole as f64, 6)
    }

    /// What nano-dollars spent so far come to at the end, to a nano-dollar;
    /// `None` while too little of the period is over to tell.
    pub(crate) fn forecast(self, spent: i64) -> Option<i64> {
        if self.over == 0 || self.over * TELLING < self.whole {
            return None;
        }
        let end = (i128::from(spent) * self.whole + self.over / 2).div_euclid(self.over);
        i64::try_from(end).ok()
    }

    /// The part of the limit that is spent over the part of the period that is
    /// over: 1 just suffices. `None` at the beginning, and of no limit.
    pub(crate) fn pace(self, spent: i64, limit: i64) -> Option<f64> {
        let (spent, limit) = (spent as f64, limit as f64);
        let pace = spent / limit * (self.whole as f64 / self.over as f64);
        (limit > 0.0 && self.over > 0).then(|| round(pace, 6))
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn elapsed(now: OffsetDateTime) -> Elapsed {
        let day = Interval {
            since: datetime!(2026-11-25 0:00 UTC),
            until: datetime!(2026-11-26 0:00 UTC),
        };
        Elapsed::of(day, now)
    }

    #[test]
    fn a_forecast_goes_on_alike() {
        let morning = elapsed(datetime!(2026-11-25 6:00 UTC));
        assert_eq!((morning.share(), morning.forecast(7)), (0.25, Some(28)));
        assert_eq!(morning.pace(50, 100), Some(2.0));
        let odd = elapsed(datetime!(2026-11-25 9:00 UTC));
        assert_eq!(odd.forecast(1), Some(3), "8/3, rounded");
        assert_eq!(elapsed(datetime!(2026-11-27 0:00 UTC)).forecast(7), Some(7));
    }

    #[test]
    fn too_early_is_no_forecast() {
        let early = elapsed(datetime!(2026-11-25 1:11:59 UTC));
        assert_eq!(early.forecast(1), None);
        assert_eq!(
            elapsed(datetime!(2026-11-25 1:12 UTC)).forecast(1),
            Some(20)
        );
        let begin = elapsed(datetime!(2026-11-25 0:00 UTC));
        assert_eq!((begin.forecast(0), begin.pace(0, 100)), (None, None));
        assert_eq!(early.pace(1, 0), None);
        assert_eq!(early.forecast(i64::MAX), None);
    }

    #[test]
    fn what_cannot_be_counted_is_no_forecast() {
        let noon = elapsed(datetime!(2026-11-25 12:00 UTC));
        assert_eq!(noon.forecast(i64::MAX), None);
    }
}
