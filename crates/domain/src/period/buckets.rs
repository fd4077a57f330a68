//! The rows of a trend: every hour, day, week or month of a period, the empty
//! ones and the current one included.

use jiff::ToSpan;
use jiff::civil::Date;
use time::{Duration, OffsetDateTime};

use super::{Interval, Zone};

/// The width of a trend's rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// An hour of the zone's clock.
    Hour,
    /// A calendar day: 23, 24 or 25 hours.
    Day,
    /// A week that begins on Monday.
    Week,
    /// A calendar month.
    Month,
}

impl Step {
    /// Every step, from narrow to wide.
    pub const ALL: [Self; 4] = [Self::Hour, Self::Day, Self::Week, Self::Month];

    /// About how long it is, for judging how many rows a trend has.
    #[must_use]
    pub const fn typical(self) -> Duration {
        match self {
            Self::Hour => Duration::HOUR,
            Self::Day => Duration::DAY,
            Self::Week => Duration::WEEK,
            Self::Month => Duration::days(30),
        }
    }

    /// The beginning of the calendar unit that a date falls into.
    fn first_date(self, date: Date) -> Option<Date> {
        match self {
            Self::Hour | Self::Day => Some(date),
            Self::Week => {
                let past = i64::from(date.weekday().to_monday_zero_offset());
                date.checked_sub(past.days()).ok()
            }
            Self::Month => Some(date.first_of_month()),
        }
    }

    fn next_date(self, date: Date) -> Option<Date> {
        match self {
            Self::Hour | Self::Day => date.tomorrow(),
            Self::Week => date.checked_add(1.week()),
            Self::Month => date.checked_add(1.month()),
        }
        .ok()
    }
}

impl Step {
    /// The hour, day, week or month of the zone's calendar that holds a moment;
    /// `None` where the calendar ends.
    #[must_use]
    pub fn around(self, at: OffsetDateTime, zone: &Zone) -> Option<Interval> {
        if self == Self::Hour {
            let past = (at.unix_timestamp() + zone.offset_seconds(at)).rem_euclid(3_600);
            let since = at.replace_nanosecond(0).ok()? - Duration::seconds(past);
            let until = since.checked_add(Duration::HOUR)?;
            return Some(Interval { since, until });
        }
        let first = self.first_date(zone.date(at)?)?;
        Some(Interval {
            since: zone.start_of(first)?,
            until: zone.start_of(self.next_date(first)?)?,
        })
    }
}

/// Where the rows of a trend over `interval` begin, in ascending order. The
/// first is the one the interval begins in.
#[must_use]
pub fn buckets(interval: Interval, step: Step, zone: &Zone) -> Vec<OffsetDateTime> {
    if step == Step::Hour {
        // An hour is an hour whatever the clocks do; only where the first one
        // begins depends on the zone (30 and 45 minute offsets).
        let past = (interval.since.unix_timestamp() + zone.offset_seconds(interval.since))
            .rem_euclid(3_600);
        let first = interval.since - Duration::seconds(past);
        return std::iter::successors(Some(first), |at| at.checked_add(Duration::HOUR))
            .take_while(|at| *at < interval.until)
            .collect();
    }
    let first = zone
        .date(interval.since)
        .and_then(|date| step.first_date(date));
    std::iter::successors(first, |date| step.next_date(*date))
        .map_while(|date| zone.start_of(date))
        .take_while(|at| *at < interval.until)
        .collect()
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn starts(
        since: OffsetDateTime,
        until: OffsetDateTime,
        step: Step,
        zone: &str,
    ) -> Vec<OffsetDateTime> {
        buckets(
            Interval { since, until },
            step,
            &zone.parse().expect("a zone"),
        )
    }

    #[test]
    fn a_day_has_the_hours_it_has() {
        let hours = |since, until| starts(since, until, Step::Hour, "America/New_York").len();
        assert_eq!(
            hours(
                datetime!(2026-03-08 05:00 UTC),
                datetime!(2026-03-09 04:00 UTC)
            ),
            23
        );
        assert_eq!(
            hours(
                datetime!(2026-11-01 04:00 UTC),
                datetime!(2026-11-02 05:00 UTC)
            ),
            25
        );
        assert_eq!(
            starts(
                datetime!(2026-10-31 12:00 UTC),
                datetime!(2026-11-03 0:00 UTC),
                Step::Day,
                "America/New_York"
            ),
            [
                datetime!(2026-10-31 04:00 UTC),
                datetime!(2026-11-01 04:00 UTC),
                datetime!(2026-11-02 05:00 UTC),
            ]
        );
    }

    #[test]
    fn a_moment_lies_in_its_unit() {
        let at = datetime!(2026-11-01 12:34:56.789 UTC);
        let around = |step: Step, zone: &str| {
            let zone: Zone = zone.parse().expect("a zone");
            step.around(at, &zone)
                .map(|unit| (unit.since, unit.duration()))
        };
        let hours = |n| Duration::hours(n);
        assert_eq!(
            around(Step::Hour, "Asia/Kolkata"),
            Some((datetime!(2026-11-01 12:30 UTC), hours(1)))
        );
        assert_eq!(
            around(Step::Day, "America/New_York"),
            Some((datetime!(2026-11-01 04:00 UTC), hours(25)))
        );
        assert_eq!(
            around(Step::Week, "UTC"),
            Some((datetime!(2026-10-26 0:00 UTC), hours(7 * 24)))
        );
        assert_eq!(
            around(Step::Month, "UTC"),
            Some((datetime!(2026-11-01 0:00 UTC), hours(30 * 24)))
        );
    }

    #[test]
    fn weeks_begin_on_monday_and_months_on_the_first() {
        let (since, until) = (
            datetime!(2026-11-18 10:00 UTC),
            datetime!(2026-12-02 0:00 UTC),
        );
        assert_eq!(
            starts(since, until, Step::Week, "UTC"),
            [
                datetime!(2026-11-16 0:00 UTC),
                datetime!(2026-11-23 0:00 UTC),
                datetime!(2026-11-30 0:00 UTC)
            ]
        );
        assert_eq!(
            starts(since, until, Step::Month, "Asia/Kolkata"),
            [
                datetime!(2026-10-31 18:30 UTC),
                datetime!(2026-11-30 18:30 UTC)
            ]
        );
    }

    #[test]
    fn hours_follow_the_clock_on_the_wall() {
        assert_eq!(
            starts(
                datetime!(2026-11-18 10:00 UTC),
                datetime!(2026-11-18 10:30 UTC),
                Step::Hour,
                "Asia/Kathmandu"
            ),
            [
                datetime!(2026-11-18 09:15 UTC),
                datetime!(2026-11-18 10:15 UTC)
            ]
        );
    }
}
