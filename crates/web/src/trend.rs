//! Whether a page gains or loses readers, told apart from the chance that
//! makes every count go up and down.

use crate::names::names;

names! {
    /// Where the views of something are going.
    pub enum Direction {
        /// More than chance and more than a fifth above before.
        Up = "up",
        /// More than chance and more than a fifth below before.
        Down = "down",
        /// Neither.
        Stable = "stable",
    }
}

/// What a trend is made from. Days are full days: today is not among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Views {
    /// Views of the last seven days.
    pub last_7_days: u64,
    /// Views of the three weeks before those.
    pub previous_21_days: u64,
    /// Days since the thing was first seen, today not counted.
    pub age_days: u32,
}

/// The trend of one thing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trend {
    /// Up, down or stable.
    pub direction: Direction,
    /// The last week over the mean week before; none where nothing was before.
    pub ratio: Option<f64>,
    /// Younger than 28 days: there are no three full weeks to compare with.
    pub is_new: bool,
}

/// Further than a fifth from before is worth a word.
const CHANGE: f64 = 0.2;
/// Fewer views than these on the larger side say nothing.
const FLOOR: f64 = 20.0;
/// How many standard deviations make a change more than chance. Steps of 30 %
/// at 100 views a week are just beyond (2.5); flat traffic gets there in less
/// than two weeks of a hundred.
const SIGMAS: f64 = 2.4;

/// Compares the last seven full days with the mean week of the three before.
///
/// A new thing is compared with the days it had before the last week, scaled to
/// a week; with less than one such week nothing is said.
#[must_use]
pub fn trend(views: Views) -> Trend {
    let is_new = views.age_days < 28;
    let days_before = views.age_days.saturating_sub(7).min(21);
    let stable = |ratio| Trend {
        direction: Direction::Stable,
        ratio,
        is_new,
    };
    if days_before < 7 {
        return stable(None);
    }
    let now = views.last_7_days as f64;
    let weeks = f64::from(days_before) / 7.0;
    let before = views.previous_21_days as f64 / weeks;
    let ratio = (before > 0.0).then(|| now / before);
    if now.max(before) < FLOOR || (now - before).abs() <= CHANGE * before {
        return stable(ratio);
    }
    // Counts of independent views vary by their square root. Were nothing
    // changed, both sides would have one mean, which all the weeks together
    // estimate; the difference then varies by both sides' shares of it.
    let mean = (now + views.previous_21_days as f64) / (1.0 + weeks);
    let deviation = (mean * (1.0 + 1.0 / weeks)).sqrt();
    if (now - before).abs() <= SIGMAS * deviation {
        return stable(ratio);
    }
    Trend {
        direction: if now > before {
            Direction::Up
        } else {
            Direction::Down
        },
        ratio,
        is_new,
    }
}
