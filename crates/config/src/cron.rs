//! Cron text: when a job is due, on the clocks of a time zone.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use croner::errors::CronError;
use croner::{CivilDate, CivilDateTime, CivilTime, CronDateTime, Resolution, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use systemprompt_domain::period::Zone;
use time::OffsetDateTime;

/// When a job is due: `[second] minute hour day-of-month month day-of-week`.
///
/// Times that clocks skip come when they go on. Of times that come twice, those
/// of one moment a day count once, those of a rhythm (`*`, `*/15`) twice.
#[derive(Clone, Debug, PartialEq)]
pub struct Cron {
    text: String,
    pattern: croner::Cron,
}

/// Text that says no time, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is no schedule: {reason}; it has the fields [second] minute hour day-of-month month \
     day-of-week, as in `0 6 * * *`"
)]
pub struct InvalidCron {
    text: String,
    reason: String,
}

impl FromStr for Cron {
    type Err = InvalidCron;

    fn from_str(text: &str) -> Result<Self, InvalidCron> {
        let refuse = |reason: &str| InvalidCron {
            text: text.to_owned(),
            reason: reason.to_owned(),
        };
        // The parser takes more than fits on a line.
        if text.len() > 200 {
            return Err(refuse("it is too long"));
        }
        let pattern = croner::Cron::from_str(text).map_err(|error| match error {
            CronError::EmptyPattern => refuse("it is empty"),
            CronError::InvalidPattern(reason)
            | CronError::IllegalCharacters(reason)
            | CronError::ComponentError(reason) => refuse(reason.trim_end_matches('.')),
            other => refuse(&other.to_string()),
        })?;
        let cron = Self {
            text: text.trim().to_owned(),
            pattern,
        };
        // Nothing is said of years but that some day it comes, as a 29 February does.
        let begin = Wall {
            at: Timestamp::UNIX_EPOCH,
            zone: &TimeZone::UTC,
        };
        match cron.pattern.find_next_occurrence(&begin, true) {
            Ok(_) => Ok(cron),
            Err(_) => Err(refuse("such a time never comes")),
        }
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Cron {
    /// The first time after a moment; `None` where the calendar ends.
    #[must_use]
    pub fn next_after(&self, at: OffsetDateTime, zone: &Zone) -> Option<OffsetDateTime> {
        let next = self.pattern.find_next_occurrence(&wall(at, zone)?, false);
        moment(&next.ok()?)
    }

    /// The last time up to and including a moment.
    #[must_use]
    pub fn last_until(&self, at: OffsetDateTime, zone: &Zone) -> Option<OffsetDateTime> {
        // The search goes by whole seconds: this one may not be over.
        let at = at.replace_nanosecond(0).ok()?;
        let last = self
            .pattern
            .find_previous_occurrence(&wall(at, zone)?, true);
        moment(&last.ok()?)
    }
}

fn wall(at: OffsetDateTime, zone: &Zone) -> Option<Wall<'_>> {
    let at = Timestamp::from_nanosecond(at.unix_timestamp_nanos()).ok()?;
    let zone = zone.rules();
    Some(Wall { at, zone })
}

fn moment(wall: &Wall<'_>) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp_nanos(wall.at.as_nanosecond()).ok()
}

impl<'de> Deserialize<'de> for Cron {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

impl Serialize for Cron {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl JsonSchema for Cron {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Cron".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "examples": ["0 6 * * *", "*/15 * * * * *"] })
    }
}

/// A moment on a zone's clocks, as the search sees it.
#[derive(Clone)]
struct Wall<'a> {
    at: Timestamp,
    zone: &'a TimeZone,
}

impl CronDateTime for Wall<'_> {
    fn to_civil(&self) -> CivilDateTime {
        let at = self.zone.to_datetime(self.at);
        let part = |part: i8| u32::from(part.unsigned_abs());
        CivilDateTime::new(
            CivilDate::from_parts_unchecked(at.year().into(), part(at.month()), part(at.day())),
            CivilTime::from_parts_unchecked(part(at.hour()), part(at.minute()), part(at.second())),
        )
    }

    fn civil_weekday(&self) -> Weekday {
        let weekday = self.zone.to_datetime(self.at).weekday();
        let days = weekday.to_sunday_zero_offset();
        Weekday::from_days_from_sunday(u32::from(days.unsigned_abs()))
    }

    fn resolve_civil(&self, civil: CivilDateTime) -> Result<Resolution<Self>, CronError> {
        let part = |part: u32| i8::try_from(part).map_err(|_| CronError::InvalidDate);
        let civil = jiff::civil::DateTime::new(
            i16::try_from(civil.year()).map_err(|_| CronError::InvalidDate)?,
            part(civil.month())?,
            part(civil.day())?,
            part(civil.hour())?,
            part(civil.minute())?,
            part(civil.second())?,
            0,
        );
        let civil = civil.map_err(|_| CronError::InvalidDate)?;
        let found = self.zone.to_ambiguous_timestamp(civil);
        let moment = |at: Result<Timestamp, jiff::Error>| {
            let zone = self.zone;
            at.map(|at| Wall { at, zone })
                .map_err(|_| CronError::InvalidTime)
        };
        Ok(match found.offset() {
            AmbiguousOffset::Unambiguous { .. } => Resolution::Single(moment(found.unambiguous())?),
            AmbiguousOffset::Gap { .. } => Resolution::Gap,
            AmbiguousOffset::Fold { .. } => {
                Resolution::Ambiguous(moment(found.earlier())?, moment(found.later())?)
            }
        })
    }

    fn checked_add_seconds(&self, seconds: i64) -> Option<Self> {
        let at = self
            .at
            .checked_add(SignedDuration::from_secs(seconds))
            .ok()?;
        Some(Self { at, ..*self })
    }

    fn cmp_instant(&self, other: &Self) -> Ordering {
        self.at.cmp(&other.at)
    }
}

#[cfg(test)]
mod tests {
    use time::Duration;
    use time::macros::datetime;

    use super::*;

    fn cron(text: &str) -> Cron {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    fn zone(name: &str) -> Zone {
        name.parse().expect("a zone")
    }

    /// The times after a moment and up to another.
    fn between(
        text: &str,
        name: &str,
        since: OffsetDateTime,
        until: OffsetDateTime,
    ) -> Vec<OffsetDateTime> {
        let (cron, zone) = (cron(text), zone(name));
        std::iter::successors(cron.next_after(since, &zone), |at| {
            cron.next_after(*at, &zone)
        })
        .take_while(|at| *at <= until)
        .collect()
    }

    #[test]
    fn text_is_refused_with_a_reason() {
        for (text, reason) in [
            ("", "it is empty"),
            ("0 61 * * * *", "61"),
            ("every day", "is no schedule"),
            ("* * *", "is no schedule"),
            ("0 0 30 2 *", "such a time never comes"),
            ("0 6 * * *; rm", "is no schedule"),
        ] {
            let error = text.parse::<Cron>().expect_err(text).to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
        assert!("* ".repeat(500).parse::<Cron>().is_err());
        assert_eq!(cron("0 0 29 2 *").to_string(), "0 0 29 2 *");
    }

    #[test]
    fn six_in_the_morning_comes_once_a_day_whatever_the_clocks_do() {
        for (name, since, until, hours) in [
            (
                "Europe/Berlin",
                datetime!(2026-03-28 05:00 UTC),
                datetime!(2026-03-30 04:00 UTC),
                [23, 24],
            ),
            (
                "America/New_York",
                datetime!(2026-10-31 10:00 UTC),
                datetime!(2026-11-02 11:00 UTC),
                [25, 24],
            ),
        ] {
            let days = between("0 0 6 * * *", name, since, until);
            assert_eq!(days.len(), 2, "{days:?}");
            assert_eq!(days[0] - since, Duration::hours(hours[0]), "{name}");
            assert_eq!(days[1] - days[0], Duration::hours(hours[1]), "{name}");
        }
    }

    #[test]
    fn a_time_that_is_skipped_or_repeated_comes_once() {
        let berlin = |since, until| between("0 30 2 * * *", "Europe/Berlin", since, until).len();
        assert_eq!(
            berlin(
                datetime!(2026-03-28 12:00 UTC),
                datetime!(2026-03-29 12:00 UTC)
            ),
            1
        );
        assert_eq!(
            berlin(
                datetime!(2026-10-24 12:00 UTC),
                datetime!(2026-10-25 12:00 UTC)
            ),
            1
        );
    }

    #[test]
    fn a_rhythm_does_not_stop_while_an_hour_comes_twice() {
        for day in [
            datetime!(2026-10-25 0:00 UTC),
            datetime!(2026-03-29 0:00 UTC),
        ] {
            let quarters = between(
                "0 */15 * * * *",
                "Europe/Berlin",
                day,
                day + Duration::hours(4),
            );
            assert_eq!(quarters.len(), 16, "{quarters:?}");
        }
    }

    #[test]
    fn the_last_time_is_the_one_before_the_next() {
        let (every, zone) = (cron("*/7 * * * * *"), zone("America/New_York"));
        let mut at = datetime!(2026-11-01 05:30:00.5 UTC);
        for _ in 0..500 {
            at += Duration::milliseconds(7_700);
            let last = every.last_until(at, &zone).expect("there is one");
            let next = every.next_after(last, &zone).expect("there is one");
            assert!(last <= at && at < next, "{last} {at} {next}");
        }
    }
}
