//! The axis of values: where its lines are, and what stands beside them.

/// What an axis counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measure {
    /// Things: never parts of one.
    Count,
    /// An amount of money.
    Money,
    /// A part of a whole.
    Ratio,
    /// Milliseconds.
    Ms,
}

/// The lines of an axis from zero up: equally far apart, at round numbers, the
/// last at or above the highest value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Axis {
    pub(super) top: f64,
    pub(super) lines: Vec<f64>,
}

/// The most spaces between lines.
const SPACES: f64 = 4.0;

impl Axis {
    pub(super) fn upto(highest: f64, measure: Measure) -> Self {
        let least = match measure {
            Measure::Count => 1.0,
            Measure::Money => 1e-9,
            Measure::Ratio => 1e-4,
            Measure::Ms => 1e-3,
        };
        let highest = if highest.is_finite() && highest > 0.0 {
            highest
        } else {
            // Nothing to show: one space, whatever it counts.
            1.0
        };
        let rough = (highest / SPACES).max(least);
        let unit = 10_f64.powf(rough.log10().floor());
        let steps = [1.0, 2.0, 2.5, 5.0, 10.0];
        let whole = |step: &f64| measure != Measure::Count || (step * unit).fract() == 0.0;
        let step = steps
            .iter()
            .copied()
            .filter(whole)
            .find(|step| step * unit >= rough * (1.0 - 1e-9))
            .unwrap_or(10.0)
            * unit;
        let spaces = (highest / step - 1e-9).ceil().max(1.0);
        // A handful: at most SPACES.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let lines = (0..=spaces as u32).map(|n| f64::from(n) * step).collect();
        Self {
            top: spaces * step,
            lines,
        }
    }
}

/// A figure in the room beside an axis: `1.5k`, `$0.25`, `40 %`, `1.2 s`.
pub(super) fn compact(value: f64, measure: Measure, currency: &str) -> String {
    match measure {
        Measure::Count => short(value),
        Measure::Money => format!("{currency}{}", short(value)),
        Measure::Ratio => format!("{} %", plain(value * 100.0)),
        Measure::Ms if value >= 60_000.0 => format!("{} min", plain(value / 60_000.0)),
        Measure::Ms if value >= 1_000.0 => format!("{} s", plain(value / 1_000.0)),
        Measure::Ms => format!("{} ms", plain(value)),
    }
}

fn short(value: f64) -> String {
    const UNITS: [(f64, &str); 4] = [(1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")];
    UNITS.iter().find(|(unit, _)| value >= *unit).map_or_else(
        || plain(value),
        |(unit, name)| format!("{}{name}", plain(value / unit)),
    )
}

/// Up to three digits that matter, and no zeros after them.
fn plain(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // -9 to 3
    let decimals = (2.0 - value.abs().log10().floor()).clamp(0.0, 9.0) as usize;
    let text = format!("{value:.decimals$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_are_at_round_numbers() {
        for (highest, measure, lines) in [
            (0.0, Measure::Count, vec![0.0, 1.0]),
            (1.0, Measure::Count, vec![0.0, 1.0]),
            (3.0, Measure::Count, vec![0.0, 1.0, 2.0, 3.0]),
            (7.0, Measure::Count, vec![0.0, 2.0, 4.0, 6.0, 8.0]),
            (10.0, Measure::Count, vec![0.0, 5.0, 10.0]),
            (97.0, Measure::Count, vec![0.0, 25.0, 50.0, 75.0, 100.0]),
            (0.9, Measure::Money, vec![0.0, 0.25, 0.5, 0.75, 1.0]),
            (f64::NAN, Measure::Ms, vec![0.0, 0.25, 0.5, 0.75, 1.0]),
        ] {
            assert_eq!(Axis::upto(highest, measure).lines, lines, "{highest}");
        }
    }

    #[test]
    fn figures_are_short() {
        for (value, measure, text) in [
            (0.0, Measure::Count, "0"),
            (950.0, Measure::Count, "950"),
            (1_500.0, Measure::Count, "1.5k"),
            (2_500_000.0, Measure::Count, "2.5M"),
            (0.025, Measure::Money, "$0.025"),
            (12.5, Measure::Money, "$12.5"),
            (0.4, Measure::Ratio, "40 %"),
            (0.005, Measure::Ratio, "0.5 %"),
            (250.0, Measure::Ms, "250 ms"),
            (2_500.0, Measure::Ms, "2.5 s"),
            (120_000.0, Measure::Ms, "2 min"),
        ] {
            assert_eq!(compact(value, measure, "$"), text);
        }
    }

    proptest! {
        #[test]
        fn an_axis_reaches_its_highest_value(highest in 1e-8..1e15_f64, n in 0..4_usize) {
            let measure = [Measure::Count, Measure::Money, Measure::Ratio, Measure::Ms][n];
            let axis = Axis::upto(highest, measure);
            prop_assert!(axis.top >= highest * (1.0 - 1e-8), "{axis:?}");
            prop_assert!((2..=5).contains(&axis.lines.len()), "{axis:?}");
        }
    }
}
