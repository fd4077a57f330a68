//! Time is passed, never fetched: tests have a fixed now.

use time::OffsetDateTime;

/// Where "now" comes from.
#[derive(Clone, Copy, Debug, Default)]
pub enum Clock {
    /// The machine's clock.
    #[default]
    System,
    /// A clock that stands still, for tests and reproducible answers.
    Fixed(OffsetDateTime),
}

impl Clock {
    /// The current time in UTC.
    #[must_use]
    pub fn now(self) -> OffsetDateTime {
        match self {
            Self::System => OffsetDateTime::now_utc(),
            Self::Fixed(at) => at,
        }
    }
}
