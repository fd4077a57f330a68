//! A day of a time zone's calendar: 23, 24 or 25 hours.

use std::fmt;
use std::str::FromStr;

use systemprompt_domain::period::{Interval, Step, When, Zone};
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{Date, OffsetDateTime};

use crate::error::{Error, Result};
use crate::present::figure::local;

const FORMAT: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");

/// A day of a time zone's calendar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Day {
    /// The date.
    pub date: Date,
    /// Whose date.
    pub zone: Zone,
}

/// Text that is no date.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a day: write it as 2026-11-28, or yesterday or today")]
pub struct InvalidDay(String);

impl Day {
    /// The day that a moment lies in.
    #[must_use]
    pub fn of(at: OffsetDateTime, zone: &Zone) -> Self {
        Self {
            date: local(at, zone).date(),
            zone: zone.clone(),
        }
    }

    /// The day before the one that a moment lies in.
    #[must_use]
    pub fn before(at: OffsetDateTime, zone: &Zone) -> Self {
        let today = Self::of(at, zone);
        Self {
            date: today.date.previous_day().unwrap_or(today.date),
            ..today
        }
    }

    /// A day as people write it: a date, `today` or `yesterday`.
    ///
    /// # Errors
    /// If it is none of these.
    pub fn parse(
        text: &str,
        now: OffsetDateTime,
        zone: &Zone,
    ) -> std::result::Result<Self, InvalidDay> {
        match text {
            "today" => Ok(Self::of(now, zone)),
            "yesterday" => Ok(Self::before(now, zone)),
            _ => Date::parse(text, FORMAT)
                .map(|date| Self {
                    date,
                    zone: zone.clone(),
                })
                .map_err(|_| InvalidDay(text.to_owned())),
        }
    }

    /// Its moments.
    ///
    /// # Errors
    /// Where the calendar ends.
    pub fn interval(&self) -> Result<Interval> {
        let out_of_range = || Error::Usage(format!("{self} is out of range"));
        // Wherever on earth, noon of a date lies within it.
        let noon = self.date.with_hms(12, 0, 0).ok().ok_or_else(out_of_range)?;
        let noon = noon.assume_utc();
        let ahead = time::Duration::seconds(self.zone.offset_seconds(noon));
        let noon = noon.checked_sub(ahead).ok_or_else(out_of_range)?;
        Step::Day.around(noon, &self.zone).ok_or_else(out_of_range)
    }

    /// When it begins, as questions take it.
    pub(super) fn since(&self) -> When {
        when(self.date)
    }

    /// When the next one begins.
    pub(super) fn until(&self) -> When {
        when(self.date.next_day().unwrap_or(self.date))
    }

    /// The day with its weekday: `Saturday, 2026-11-28`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}, {self}", self.date.weekday())
    }
}

fn when(date: Date) -> When {
    let text = date.format(FORMAT).unwrap_or_default();
    When::from_str(&text).unwrap_or(When::Now)
}

/// The date alone.
impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.date.format(FORMAT).map_err(|_| fmt::Error)?)
    }
}
