//! Time zones by their IANA names: they decide where a day begins.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// A time zone, by default UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Zone(TimeZone);

impl Default for Zone {
    fn default() -> Self {
        Self(TimeZone::UTC)
    }
}

/// A name that the time zone database does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown time zone \"{0}\": use an IANA name such as Europe/Berlin, UTC, or local")]
pub struct UnknownZone(String);

impl FromStr for Zone {
    type Err = UnknownZone;

    /// An IANA name in any case, or `local` for the zone of this machine.
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let zone = if s.eq_ignore_ascii_case("local") {
            // A zone without a name could not be stated in an answer.
            TimeZone::try_system()
                .ok()
                .filter(|zone| zone.iana_name().is_some())
        } else {
            TimeZone::get(s).ok()
        };
        zone.map(Self).ok_or_else(|| UnknownZone(s.to_owned()))
    }
}

impl TryFrom<String> for Zone {
    type Error = UnknownZone;

    fn try_from(s: String) -> Result<Self, Self::Error> {
        s.parse()
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> Self {
        zone.to_string()
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.iana_name().unwrap_or("UTC"))
    }
}

impl Zone {
    /// How its clocks go.
    #[must_use]
    pub const fn rules(&self) -> &TimeZone {
        &self.0
    }

    /// The calendar date at a moment.
    pub(super) fn date(&self, at: OffsetDateTime) -> Option<Date> {
        let at = jiff::Timestamp::from_nanosecond(at.unix_timestamp_nanos()).ok()?;
        Some(self.0.to_datetime(at).date())
    }

    /// The first moment of a date. Where clocks skip midnight, that is the
    /// moment they go on; where midnight comes twice, the first one.
    pub(super) fn start_of(&self, date: Date) -> Option<OffsetDateTime> {
        let start = self.0.to_timestamp(date.at(0, 0, 0, 0)).ok()?;
        OffsetDateTime::from_unix_timestamp_nanos(start.as_nanosecond()).ok()
    }

    /// How far the zone's clocks are ahead of UTC at a moment, in seconds.
    #[must_use]
    pub fn offset_seconds(&self, at: OffsetDateTime) -> i64 {
        jiff::Timestamp::from_nanosecond(at.unix_timestamp_nanos())
            .map_or(0, |at| i64::from(self.0.to_offset(at).seconds()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_go_by_their_names() {
        assert_eq!(
            "europe/berlin".parse::<Zone>().expect("known").to_string(),
            "Europe/Berlin"
        );
        assert_eq!(Zone::default().to_string(), "UTC");
        assert_eq!("UTC".parse::<Zone>().expect("known"), Zone::default());
        assert_eq!(
            "Berlin".parse::<Zone>().expect_err("unknown").to_string(),
            "unknown time zone \"Berlin\": use an IANA name such as Europe/Berlin, UTC, or local"
        );
    }
}
