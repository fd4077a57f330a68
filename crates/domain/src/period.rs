//! Periods: what a question asks about, and which rollup rows answer it. How
//! rows are stored and added up is left to storage and reporting.

mod buckets;
mod when;
mod windows;
mod zone;

use time::{Duration, OffsetDateTime};

pub use self::buckets::{Step, buckets};
pub use self::when::{InvalidWhen, When};
pub use self::windows::{Grain, Grains, QUARTERS_KEPT, Windows};
pub use self::zone::{UnknownZone, Zone};

/// A period as a user writes it: two moments, of which only the first belongs
/// to it.
///
/// A name stands for the moment at which what it names begins. So `yesterday`
/// until `today` is one day, and `yesterday` until `now` is up to two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Period {
    /// Where the period begins.
    pub since: When,
    /// Where it ends.
    pub until: When,
}

impl Default for Period {
    /// The last 24 hours.
    fn default() -> Self {
        Self {
            since: When::hours_ago(24),
            until: When::Now,
        }
    }
}

/// A period that cannot be asked about.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPeriod {
    /// The end is not after the beginning.
    #[error("the period ends ({until}) before it begins ({since})")]
    Reversed {
        /// The beginning as it was written.
        since: When,
        /// The end as it was written.
        until: When,
    },
    /// The beginning is not in the past.
    #[error("the period begins ({0}) in the future")]
    Future(When),
    /// A moment that the calendar does not reach.
    #[error("{0} is out of range")]
    OutOfRange(When),
}

impl Period {
    /// The moments that the period means at `now`, with days, weeks and months
    /// as they begin in `zone`.
    ///
    /// # Errors
    /// When the period is empty, lies in the future, or leaves the calendar.
    pub fn resolve(&self, now: OffsetDateTime, zone: &Zone) -> Result<Interval, InvalidPeriod> {
        let moment = |when: &When| {
            when.resolve(now, zone)
                .ok_or_else(|| InvalidPeriod::OutOfRange(when.clone()))
        };
        let (since, until) = (moment(&self.since)?, moment(&self.until)?);
        if since >= until {
            return Err(InvalidPeriod::Reversed {
                since: self.since.clone(),
                until: self.until.clone(),
            });
        }
        if since > now {
            return Err(InvalidPeriod::Future(self.since.clone()));
        }
        Ok(Interval { since, until })
    }
}

/// A half-open interval of time in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    /// The first moment that belongs to it.
    pub since: OffsetDateTime,
    /// The first moment that does not.
    pub until: OffsetDateTime,
}

impl Interval {
    /// How long it is.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.until - self.since
    }

    /// The interval of the same length that ends where this one begins; `None`
    /// where the calendar ends.
    #[must_use]
    pub fn previous(&self) -> Option<Self> {
        Some(Self {
            since: self.since.checked_sub(self.duration())?,
            until: self.since,
        })
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn period(since: &str, until: &str) -> Period {
        Period {
            since: since.parse().expect("since"),
            until: until.parse().expect("until"),
        }
    }

    #[test]
    fn a_name_is_where_it_begins() {
        let now = datetime!(2026-11-25 10:07 UTC);
        let day = period("yesterday", "today")
            .resolve(now, &Zone::default())
            .expect("valid");
        assert_eq!(day.since, datetime!(2026-11-24 0:00 UTC));
        assert_eq!(day.until, datetime!(2026-11-25 0:00 UTC));
        let open = period("yesterday", "now")
            .resolve(now, &Zone::default())
            .expect("valid");
        assert_eq!(open.until, now);
        assert_eq!(
            Period::default()
                .resolve(now, &Zone::default())
                .expect("valid")
                .previous(),
            Some(Interval {
                since: datetime!(2026-11-23 10:07 UTC),
                until: datetime!(2026-11-24 10:07 UTC)
            })
        );
    }

    #[test]
    fn impossible_periods_say_why() {
        let now = datetime!(2026-11-25 10:07 UTC);
        let why = |since, until| {
            period(since, until)
                .resolve(now, &Zone::default())
                .expect_err("invalid")
                .to_string()
        };
        assert_eq!(
            why("today", "yesterday"),
            "the period ends (yesterday) before it begins (today)"
        );
        assert_eq!(
            why("2027-01-01", "2027-01-02"),
            "the period begins (2027-01-01) in the future"
        );
        assert_eq!(why("0000-01-01", "now"), "0000-01-01 is out of range");
    }
}
