//! How long a limit is lifted, as people write it: `2h`, `tomorrow`, a moment.

use std::str::FromStr;

use systemprompt_domain::period::{Step, Zone};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

/// The end of something, as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    /// So long from now.
    In(Duration),
    /// The end of the current day.
    Tomorrow,
    /// A moment.
    At(OffsetDateTime),
}

const UNITS: [(char, Duration); 4] = [
    ('m', Duration::MINUTE),
    ('h', Duration::HOUR),
    ('d', Duration::DAY),
    ('w', Duration::WEEK),
];

impl Until {
    /// The moment that is meant at `now` in `zone`; `None` where the calendar
    /// ends.
    pub(crate) fn resolve(self, now: OffsetDateTime, zone: &Zone) -> Option<OffsetDateTime> {
        match self {
            Self::In(duration) => now.checked_add(duration),
            Self::Tomorrow => Step::Day.around(now, zone).map(|day| day.until),
            Self::At(at) => Some(at),
        }
    }
}

impl FromStr for Until {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let lasting = || {
            let (letter, unit) = UNITS.iter().find(|(letter, _)| text.ends_with(*letter))?;
            let digits = text.strip_suffix(*letter)?;
            let count: u32 = digits
                .bytes()
                .all(|byte| byte.is_ascii_digit())
                .then(|| digits.parse().ok())??;
            let seconds = unit.whole_seconds() * i64::from(count);
            (count > 0).then_some(Self::In(Duration::seconds(seconds)))
        };
        let moment = || OffsetDateTime::parse(text, &Rfc3339).ok().map(Self::At);
        match text {
            "tomorrow" => Some(Self::Tomorrow),
            _ => lasting().or_else(moment),
        }
        .ok_or_else(|| {
            "use 30m, 2h, 1d, 1w, tomorrow, or RFC 3339 (2026-11-01T09:30:00Z)".to_owned()
        })
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn every_form_has_its_moment() {
        let now = datetime!(2026-11-25 23:30 UTC);
        for (text, zone, expected) in [
            ("90m", "UTC", datetime!(2026-11-26 1:00 UTC)),
            ("2h", "UTC", datetime!(2026-11-26 1:30 UTC)),
            ("1w", "UTC", datetime!(2026-12-02 23:30 UTC)),
            ("tomorrow", "UTC", datetime!(2026-11-26 0:00 UTC)),
            ("tomorrow", "Europe/Berlin", datetime!(2026-11-26 23:00 UTC)),
            (
                "2026-11-27T09:30:00+01:00",
                "UTC",
                datetime!(2026-11-27 8:30 UTC),
            ),
        ] {
            let until: Until = text.parse().expect(text);
            let zone = zone.parse().expect("a zone");
            assert_eq!(until.resolve(now, &zone), Some(expected), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "h", "0h", "-2h", "2y", "2", "today", "2026-11-27"] {
            assert!(text.parse::<Until>().is_err(), "{text}");
        }
    }
}
