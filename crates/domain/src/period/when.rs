//! A moment as people write it: `7d`, `yesterday`, `2026-11-01`.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use jiff::ToSpan;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::zone::Zone;

/// A moment as a user writes it, resolved against a clock and a time zone.
///
/// Names and dates stand for the moment at which the day, week or month
/// begins; weeks begin on Monday.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum When {
    /// So long ago: `30m`, `24h`, `7d`, `2w`, in at most six digits of minutes or
    /// hours, five of days or weeks. A day here is 24 hours.
    Ago(u32, Unit),
    /// The current time.
    Now,
    /// The beginning of the current day.
    Today,
    /// The beginning of the day before.
    Yesterday,
    /// Monday of the current week.
    ThisWeek,
    /// Monday of the week before.
    LastWeek,
    /// The first of the current month.
    ThisMonth,
    /// The first of the month before.
    LastMonth,
    /// The beginning of a date.
    Date(Date),
    /// A moment, in RFC 3339.
    At(OffsetDateTime),
}

/// What a [`When::Ago`] counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// 60 seconds.
    Minute,
    /// 60 minutes.
    Hour,
    /// 24 hours.
    Day,
    /// 7 × 24 hours.
    Week,
}

impl Unit {
    const ALL: [Self; 4] = [Self::Minute, Self::Hour, Self::Day, Self::Week];

    const fn letter(self) -> char {
        match self {
            Self::Minute => 'm',
            Self::Hour => 'h',
            Self::Day => 'd',
            Self::Week => 'w',
        }
    }

    /// The most digits a number of them may have; what that comes to at most is within
    /// the calendar.
    const fn digits(self) -> usize {
        match self {
            Self::Minute | Self::Hour => 6,
            Self::Day | Self::Week => 5,
        }
    }

    const fn duration(self) -> Duration {
        match self {
            Self::Minute => Duration::MINUTE,
            Self::Hour => Duration::HOUR,
            Self::Day => Duration::DAY,
            Self::Week => Duration::WEEK,
        }
    }
}

/// The moments that have a name.
const NAMES: [(&str, When); 7] = [
    ("now", When::Now),
    ("today", When::Today),
    ("yesterday", When::Yesterday),
    ("this-week", When::ThisWeek),
    ("last-week", When::LastWeek),
    ("this-month", When::ThisMonth),
    ("last-month", When::LastMonth),
];

/// The years that moments may lie in: those that RFC 3339 can write, whatever the
/// time zone makes of them.
const YEARS: RangeInclusive<i32> = 1..=9999;

/// A text that is no moment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{0}\" is not a time: use 30m, 24h, 7d, 2w, now, today, yesterday, this-week, last-week, \
     this-month, last-month, a date (2026-11-01) or RFC 3339 (2026-11-01T09:30:00Z)"
)]
pub struct InvalidWhen(String);

impl When {
    /// So long ago, as a regular expression.
    pub const AGO: &'static str = "^([0-9]{1,6}[mh]|[0-9]{1,5}[dw])$";

    /// The names of moments that have one.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().map(|(name, _)| *name)
    }

    /// So many hours ago.
    #[must_use]
    pub const fn hours_ago(hours: u32) -> Self {
        Self::Ago(hours, Unit::Hour)
    }

    /// The moment that is meant at `now` in `zone`; `None` if the calendar does
    /// not reach it.
    pub(super) fn resolve(&self, now: OffsetDateTime, zone: &Zone) -> Option<OffsetDateTime> {
        let at = self.moment(now, zone)?;
        YEARS.contains(&at.year()).then_some(at)
    }

    fn moment(&self, now: OffsetDateTime, zone: &Zone) -> Option<OffsetDateTime> {
        let today = || zone.date(now);
        let monday = || {
            let today = today()?;
            today
                .checked_sub(i64::from(today.weekday().to_monday_zero_offset()).days())
                .ok()
        };
        let first = || today().map(Date::first_of_month);
        let date = match self {
            Self::Ago(count, unit) => {
                let seconds = unit.duration().whole_seconds() * i64::from(*count);
                return now.checked_sub(Duration::seconds(seconds));
            }
            Self::Now => return Some(now),
            Self::At(at) => return Some(*at),
            Self::Today => today()?,
            Self::Yesterday => today()?.yesterday().ok()?,
            Self::ThisWeek => monday()?,
            Self::LastWeek => monday()?.checked_sub(1.week()).ok()?,
            Self::ThisMonth => first()?,
            Self::LastMonth => first()?.checked_sub(1.month()).ok()?,
            Self::Date(date) => *date,
        };
        zone.start_of(date)
    }
}

impl FromStr for When {
    type Err = InvalidWhen;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let named = || {
            NAMES
                .into_iter()
                .find(|(name, _)| *name == s)
                .map(|(_, when)| when)
        };
        let ago = || {
            let unit = Unit::ALL
                .into_iter()
                .find(|unit| s.ends_with(unit.letter()))?;
            let digits = s.strip_suffix(unit.letter())?;
            // `parse` alone would take a sign.
            let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
            let plain = plain && digits.len() <= unit.digits();
            Some(Self::Ago(digits.parse().ok().filter(|_| plain)?, unit))
        };
        // Our own shape first: jiff's dates also read as date-times.
        let date = || {
            if s.len() == 10 {
                s.parse().ok().map(Self::Date)
            } else {
                None
            }
        };
        let at = || {
            let at = OffsetDateTime::parse(s, &Rfc3339).ok()?;
            // The calendar may end between there and UTC.
            let at = at.checked_to_offset(time::UtcOffset::UTC)?;
            Some(Self::At(at)).filter(|_| YEARS.contains(&at.year()))
        };
        named()
            .or_else(ago)
            .or_else(date)
            .or_else(at)
            .ok_or_else(|| InvalidWhen(s.to_owned()))
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ago(count, unit) => write!(f, "{count}{}", unit.letter()),
            Self::Date(date) => write!(f, "{date}"),
            Self::At(at) => f.write_str(&at.format(&Rfc3339).map_err(|_| fmt::Error)?),
            named => {
                let name = NAMES
                    .iter()
                    .find(|(_, when)| when == named)
                    .map(|(name, _)| *name);
                f.write_str(name.expect("every other variant has a name"))
            }
        }
    }
}

impl TryFrom<String> for When {
    type Error = InvalidWhen;

    fn try_from(s: String) -> Result<Self, Self::Error> {
        s.parse()
    }
}

impl From<When> for String {
    fn from(when: When) -> Self {
        when.to_string()
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn at(when: &str, zone: &str) -> OffsetDateTime {
        // A Wednesday; in New York, two weeks after clocks went back.
        let now = datetime!(2026-11-18 03:07:30 UTC);
        let zone = zone.parse().expect("a zone");
        when.parse::<When>()
            .expect("a time")
            .resolve(now, &zone)
            .expect("in range")
    }

    #[test]
    fn every_form_has_its_moment() {
        for (when, zone, expected) in [
            ("30m", "UTC", datetime!(2026-11-18 02:37:30 UTC)),
            ("24h", "UTC", datetime!(2026-11-17 03:07:30 UTC)),
            ("7d", "UTC", datetime!(2026-11-11 03:07:30 UTC)),
            ("2w", "UTC", datetime!(2026-11-04 03:07:30 UTC)),
            ("now", "Asia/Kolkata", datetime!(2026-11-18 03:07:30 UTC)),
            ("today", "UTC", datetime!(2026-11-18 00:00 UTC)),
            // Still Tuesday the 17th there.
            ("today", "America/New_York", datetime!(2026-11-17 05:00 UTC)),
            ("today", "Asia/Kolkata", datetime!(2026-11-17 18:30 UTC)),
            ("yesterday", "UTC", datetime!(2026-11-17 00:00 UTC)),
            ("this-week", "UTC", datetime!(2026-11-16 00:00 UTC)),
            ("last-week", "UTC", datetime!(2026-11-09 00:00 UTC)),
            ("this-month", "UTC", datetime!(2026-11-01 00:00 UTC)),
            // Clocks went back on the 1st, after its midnight.
            (
                "this-month",
                "America/New_York",
                datetime!(2026-11-01 04:00 UTC),
            ),
            ("last-month", "UTC", datetime!(2026-10-01 00:00 UTC)),
            (
                "2026-11-01",
                "Asia/Kathmandu",
                datetime!(2026-10-31 18:15 UTC),
            ),
            // Clocks skipped this midnight.
            (
                "2018-11-04",
                "America/Sao_Paulo",
                datetime!(2018-11-04 03:00 UTC),
            ),
            (
                "2026-11-01T09:30:00Z",
                "Asia/Kolkata",
                datetime!(2026-11-01 09:30 UTC),
            ),
            (
                "2026-11-01T09:30:00.5+01:00",
                "UTC",
                datetime!(2026-11-01 08:30:00.5 UTC),
            ),
        ] {
            assert_eq!(at(when, zone), expected, "{when} in {zone}");
        }
    }

    #[test]
    fn what_is_written_is_what_is_shown() {
        for text in [
            "30m",
            "24h",
            "7d",
            "2w",
            "now",
            "last-month",
            "2026-11-01",
            "2026-11-01T09:30:00Z",
        ] {
            assert_eq!(text.parse::<When>().expect("valid").to_string(), text);
        }
    }

    #[test]
    fn anything_else_is_refused_with_the_forms() {
        for bad in [
            "",
            "d",
            "-7d",
            "+7d",
            "7",
            "7y",
            "Today",
            "2026-13-01",
            "2026-11-01T09:30:00",
            "99999999999d",
            "1000000m",
            "100000w",
            // Years that RFC 3339 cannot write in UTC.
            "9999-12-31T23:59:59-01:00",
            "0001-01-01T00:00:00+01:00",
            "0000-06-01T00:00:00Z",
        ] {
            let error = bad.parse::<When>().expect_err(bad).to_string();
            assert!(
                error.starts_with(&format!("\"{bad}\" is not a time: use 30m")),
                "{error}"
            );
        }
    }

    #[test]
    fn what_the_calendar_does_not_reach_is_no_moment() {
        let now = datetime!(2026-11-18 03:07:30 UTC);
        let resolve = |when: &str, zone: &str| {
            let zone = zone.parse().expect("a zone");
            when.parse::<When>().expect("a time").resolve(now, &zone)
        };
        for (when, zone) in [
            ("0000-12-31", "UTC"),
            ("0001-01-01", "Asia/Tokyo"),
            ("9999-12-31", "UTC"),
        ] {
            assert_eq!(resolve(when, zone), None, "{when} in {zone}");
        }
        for when in ["999999m", "999999h", "99999d", "99999w", "0001-01-02"] {
            assert!(resolve(when, "Asia/Tokyo").is_some(), "{when}");
        }
    }
}
