//! Which rollup rows cover a period. Quarters of an hour are kept for a few
//! days, hours and days for ever, so how finely a period can begin or end
//! depends on how long ago that was.

use time::{Duration, OffsetDateTime};

use super::Interval;

/// How long quarters can be asked about. Storage keeps them at least so long.
pub const QUARTERS_KEPT: Duration = Duration::days(8);

/// The width of a rollup row's time; rows begin at whole UTC multiples of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grain {
    /// 15 minutes.
    Quarter,
    /// 60 minutes.
    Hour,
    /// A UTC day.
    Day,
}

impl Grain {
    /// How long it is.
    #[must_use]
    pub const fn duration(self) -> Duration {
        match self {
            Self::Quarter => Duration::minutes(15),
            Self::Hour => Duration::HOUR,
            Self::Day => Duration::DAY,
        }
    }

    /// The beginning of the row that a moment falls into.
    #[must_use]
    pub fn floor(self, at: OffsetDateTime) -> OffsetDateTime {
        let nanos = self.duration().whole_nanoseconds();
        let past =
            i64::try_from(at.unix_timestamp_nanos().rem_euclid(nanos)).expect("less than a day");
        at - Duration::nanoseconds(past)
    }

    /// The first beginning of a row that is not before a moment.
    #[must_use]
    pub fn ceil(self, at: OffsetDateTime) -> OffsetDateTime {
        let floor = self.floor(at);
        if floor == at {
            at
        } else {
            floor + self.duration()
        }
    }

    /// Whether a row begins at a moment.
    #[must_use]
    pub fn is_edge(self, at: OffsetDateTime) -> bool {
        self.floor(at) == at
    }
}

/// The grains that can answer a question besides quarters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grains {
    /// Hours and days.
    All,
    /// Days only: hours do not know users.
    WithoutHours,
    /// Hours only: for what days do not keep, and for rows that are narrower
    /// than a UTC day or begin within one.
    WithoutDays,
}

impl Grains {
    /// The finest grain that is kept for ever.
    #[must_use]
    pub const fn lasting(self) -> Grain {
        match self {
            Self::All | Self::WithoutDays => Grain::Hour,
            Self::WithoutHours => Grain::Day,
        }
    }

    /// From when on quarters answer. It is an edge of the lasting grain, so
    /// that everything before it is covered without quarters.
    #[must_use]
    pub fn quarters_from(self, now: OffsetDateTime) -> OffsetDateTime {
        self.lasting().ceil(now - QUARTERS_KEPT)
    }
}

impl Interval {
    /// The interval that rollups answer at `now` in place of this one.
    ///
    /// Both edges go down to the finest grain there is for them, save that an
    /// end at `now` or later goes up to the end of the current quarter, so that
    /// what just happened is part of the answer, and that nothing becomes empty.
    #[must_use]
    pub fn snap(self, now: OffsetDateTime, grains: Grains) -> Self {
        let quarters_from = grains.quarters_from(now);
        let grain = |edge| {
            if edge >= quarters_from {
                Grain::Quarter
            } else {
                grains.lasting()
            }
        };
        let down = |edge| grain(edge).floor(edge);
        let since = down(self.since);
        let until = if self.until >= now {
            Grain::Quarter.floor(now) + Grain::Quarter.duration()
        } else {
            down(self.until)
        };
        Self {
            since,
            until: until.max(since + grain(since).duration()),
        }
    }
}

/// The rollup rows that cover a snapped interval, each moment once: quarters,
/// hours, days, hours, quarters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows([Interval; 5]);

impl Windows {
    /// The windows of an interval that was snapped with the same `grains`.
    #[must_use]
    pub fn of(interval: Interval, grains: Grains) -> Self {
        let nothing = |at| Interval {
            since: at,
            until: at,
        };
        let [before, inner, after] = split(interval, grains.lasting());
        let [early, days, late] = match grains {
            Grains::All => split(inner, Grain::Day),
            Grains::WithoutHours => [nothing(inner.since), inner, nothing(inner.until)],
            Grains::WithoutDays => [inner, nothing(inner.until), nothing(inner.until)],
        };
        Self([before, early, days, late, after])
    }

    /// The windows of a snapped interval that is told apart at edges the lasting
    /// grain does not have: quarters as far back as they are kept, and the
    /// lasting grain before.
    #[must_use]
    pub fn fine(interval: Interval, now: OffsetDateTime, grains: Grains) -> Self {
        let Interval { since, until } = interval;
        let turn = grains.quarters_from(now).clamp(since, until);
        let window = |since, until| Interval { since, until };
        let (hours, days) = match grains.lasting() {
            Grain::Day => (since, turn),
            Grain::Hour | Grain::Quarter => (turn, turn),
        };
        Self([
            window(since, since),
            window(since, hours),
            window(hours, days),
            window(turn, turn),
            window(turn, until),
        ])
    }

    /// The ten times of the SQL function `in_windows`. A window without rows is
    /// null, so that the planner leaves its table out.
    #[must_use]
    pub fn times(&self) -> [Option<OffsetDateTime>; 10] {
        let mut times = [None; 10];
        for (pair, window) in times.chunks_exact_mut(2).zip(self.0) {
            if window.since < window.until {
                pair.copy_from_slice(&[Some(window.since), Some(window.until)]);
            }
        }
        times
    }
}

/// The whole rows of a grain within an interval, and what is left before and
/// after them.
fn split(interval: Interval, grain: Grain) -> [Interval; 3] {
    let Interval { since, until } = interval;
    let first = grain.ceil(since).min(until);
    let last = grain.floor(until).max(first);
    [(since, first), (first, last), (last, until)].map(|(since, until)| Interval { since, until })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;
    use crate::period::{Period, Step, Zone, buckets};

    const NOW: OffsetDateTime = datetime!(2026-11-25 10:07:30 UTC);
    const GRAINS: [Grains; 3] = [Grains::All, Grains::WithoutHours, Grains::WithoutDays];
    const ZONES: [&str; 5] = [
        "UTC",
        "America/New_York",
        "Asia/Kolkata",
        "Asia/Kathmandu",
        "Australia/Lord_Howe",
    ];

    fn snapped(since: &str, until: &str, grains: Grains) -> Interval {
        let period = Period {
            since: since.parse().expect("since"),
            until: until.parse().expect("until"),
        };
        period
            .resolve(NOW, &Zone::default())
            .expect("a period")
            .snap(NOW, grains)
    }

    #[test]
    fn edges_go_down_to_what_is_kept() {
        let recent = snapped("30m", "now", Grains::All);
        assert_eq!(recent.since, datetime!(2026-11-25 09:30 UTC));
        assert_eq!(
            recent.until,
            datetime!(2026-11-25 10:15 UTC),
            "the current quarter belongs to it"
        );
        assert_eq!(
            snapped("24h", "15m", Grains::All).until,
            datetime!(2026-11-25 09:45 UTC)
        );

        assert_eq!(
            snapped("30d", "now", Grains::All).since,
            datetime!(2026-10-26 10:00 UTC)
        );
        assert_eq!(
            snapped("30d", "now", Grains::WithoutHours).since,
            datetime!(2026-10-26 0:00 UTC)
        );
        assert_eq!(
            snapped("7d", "now", Grains::WithoutHours).since,
            datetime!(2026-11-18 10:00 UTC)
        );
    }

    #[test]
    fn nothing_becomes_empty() {
        let narrow = snapped("2026-11-25T08:05:00Z", "2026-11-25T08:10:00Z", Grains::All);
        assert_eq!(narrow.since, datetime!(2026-11-25 8:00 UTC));
        assert_eq!(narrow.until, datetime!(2026-11-25 8:15 UTC));
        let old = snapped(
            "2026-10-01T08:05:00Z",
            "2026-10-01T08:10:00Z",
            Grains::WithoutHours,
        );
        assert_eq!(old.duration(), Duration::DAY);
    }

    #[test]
    fn a_long_period_is_mostly_days() {
        let interval = snapped("30d", "now", Grains::All);
        assert_eq!(
            Windows::of(interval, Grains::All).times(),
            [
                None,
                None,
                Some(datetime!(2026-10-26 10:00 UTC)),
                Some(datetime!(2026-10-27 0:00 UTC)),
                Some(datetime!(2026-10-27 0:00 UTC)),
                Some(datetime!(2026-11-25 0:00 UTC)),
                Some(datetime!(2026-11-25 0:00 UTC)),
                Some(datetime!(2026-11-25 10:00 UTC)),
                Some(datetime!(2026-11-25 10:00 UTC)),
                Some(datetime!(2026-11-25 10:15 UTC)),
            ]
        );
    }

    fn moment() -> impl Strategy<Value = OffsetDateTime> {
        // Both changes of the clocks of 2026, in every zone.
        (0..500 * 86_400_i64).prop_map(|ago| NOW - Duration::seconds(ago))
    }

    proptest! {
        #[test]
        fn windows_tile_the_snapped_period(
            a in moment(), b in moment(), now in moment(), which in 0..3_usize, fine in any::<bool>(),
        ) {
            let grains = GRAINS[which];
            prop_assume!(a < b && a < now);
            let interval = Interval { since: a, until: b }.snap(now, grains);
            let windows = if fine {
                Windows::fine(interval, now, grains)
            } else {
                Windows::of(interval, grains)
            };
            let mut at = interval.since;
            for (window, grain) in windows.0.iter().zip([
                Grain::Quarter, Grain::Hour, Grain::Day, Grain::Hour, Grain::Quarter,
            ]) {
                prop_assert_eq!(window.since, at, "no gap, no overlap");
                prop_assert!(window.until >= window.since);
                at = window.until;
                if window.since == window.until {
                    continue;
                }
                prop_assert!(grain.is_edge(window.since) && grain.is_edge(window.until));
                prop_assert!(grain != Grain::Quarter || window.since >= now - QUARTERS_KEPT);
                prop_assert!(grain != Grain::Hour || grains != Grains::WithoutHours);
                prop_assert!(grain != Grain::Day || grains != Grains::WithoutDays);
                prop_assert!(!fine || grain == Grain::Quarter || window.until <= grains.quarters_from(now));
            }
            prop_assert_eq!(at, interval.until);
        }

        #[test]
        fn snapping_keeps_the_order_and_loses_little(a in moment(), b in moment(), c in moment(), now in moment(), which in 0..3_usize) {
            let grains = GRAINS[which];
            let mut edges = [a, b, c];
            edges.sort_unstable();
            let [a, b, c] = edges;
            prop_assume!(a < b && b < c && b < now);
            let one = Interval { since: a, until: c }.snap(now, grains);
            let two = Interval { since: b, until: c }.snap(now, grains);
            prop_assert!(one.since <= two.since, "a later beginning is never answered by an earlier one");
            prop_assert!(one.since <= a && a - one.since < grains.lasting().duration());
            prop_assert!(one.until >= c.min(now) - grains.lasting().duration());
            let before = Interval { since: a, until: b }.snap(now, grains);
            prop_assert!(before.until <= one.until);
            prop_assert_eq!(one.snap(now, grains), one, "once is enough");
        }

        #[test]
        fn buckets_cover_the_period(a in moment(), b in moment(), zone in 0..5_usize, step in 0..4_usize) {
            prop_assume!(a < b);
            let zone: Zone = ZONES[zone].parse().expect("a zone");
            let interval = Interval { since: Grain::Quarter.floor(a), until: Grain::Quarter.ceil(b) };
            let starts = buckets(interval, Step::ALL[step], &zone);
            prop_assert!(starts[0] <= interval.since);
            prop_assert!(starts[starts.len() - 1] < interval.until);
            for pair in starts.windows(2) {
                prop_assert!(pair[0] < pair[1]);
                prop_assert!(pair[1] > interval.since, "the first bucket is the one it begins in");
                prop_assert!(Grain::Quarter.is_edge(pair[1]));
            }
        }
    }
}
