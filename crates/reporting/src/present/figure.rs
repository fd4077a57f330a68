//! Figures as people read them: grouped digits, money, shares, durations,
//! moments. Every front end writes them alike.

use rust_decimal::{Decimal, RoundingStrategy};
use systemprompt_domain::period::Zone;
use time::format_description::BorrowedFormatItem;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};

/// The finest that money is kept.
const NANO: u32 = 9;

/// A whole number with its thousands apart: `1,234,567`.
#[must_use]
pub fn grouped(number: &str) -> String {
    let (sign, digits) = match number.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", number),
    };
    let mut out = String::from(sign);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// The decimals that suit amounts which stand together: two from a hundred
/// dollars up, four below, and more where the smallest would read as nothing.
/// Never more than there are.
#[must_use]
pub fn decimals(amounts: impl IntoIterator<Item = Decimal>) -> u32 {
    let (mut smallest, mut given) = (None::<Decimal>, 0);
    for amount in amounts
        .into_iter()
        .map(|amount| amount.abs().normalize())
        .filter(|a| !a.is_zero())
    {
        given = given.max(amount.scale());
        smallest = Some(smallest.map_or(amount, |smallest| smallest.min(amount)));
    }
    let Some(smallest) = smallest else { return 2 };
    let wanted = if smallest >= Decimal::ONE_HUNDRED {
        2
    } else {
        // Two digits of the smallest amount.
        (4..NANO)
            .find(|places| smallest >= Decimal::new(10, *places))
            .unwrap_or(NANO)
    };
    wanted.min(given).max(2)
}

/// An amount of money with that many decimals: `$1,234.50`.
#[must_use]
pub fn money(amount: Decimal, decimals: u32) -> String {
    let rounded = amount.round_dp_with_strategy(decimals, RoundingStrategy::MidpointNearestEven);
    let text = format!("{:.*}", decimals as usize, rounded.abs());
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    let sign = if rounded.is_sign_negative() && !rounded.is_zero() {
        "-"
    } else {
        ""
    };
    let point = if part.is_empty() { "" } else { "." };
    format!("{sign}${}{point}{part}", grouped(whole))
}

/// An amount to its last digit, at least with cents: a bill is to be checked.
#[must_use]
pub fn exact_money(amount: Decimal) -> String {
    let amount = amount.normalize();
    money(amount, amount.scale().max(2))
}

/// A part of a whole in percent: `12.3 %`. What is not nothing does not read as
/// nothing.
#[must_use]
pub fn share(ratio: f64) -> String {
    let percent = ratio * 100.0;
    if percent != 0.0 && percent.abs() < 0.05 {
        return if percent > 0.0 {
            "< 0.1 %".to_owned()
        } else {
            "> -0.1 %".to_owned()
        };
    }
    format!("{} %", float(percent, 1))
}

/// A change as a part of what was before: `▲ 12.4 %`.
#[must_use]
pub fn change(ratio: f64) -> String {
    let percent = float(ratio.abs() * 100.0, 1);
    if percent == "0.0" {
        "unchanged".to_owned()
    } else {
        format!("{} {percent} %", arrow(ratio))
    }
}

/// A change of a share in points: from 2 % to 3 % is `▲ 1.0 points`.
#[must_use]
pub fn points(difference: f64) -> String {
    let points = float(difference.abs() * 100.0, 1);
    if points == "0.0" {
        "unchanged".to_owned()
    } else {
        format!("{} {points} points", arrow(difference))
    }
}

const fn arrow(change: f64) -> char {
    if change < 0.0 { '▼' } else { '▲' }
}

/// A duration: `1,234 ms`, below ten with a decimal.
#[must_use]
pub fn millis(ms: f64) -> String {
    format!("{} ms", float(ms, usize::from(ms.abs() < 9.95)))
}

/// A duration of any length in its two largest units: `12 min 5 s`.
#[must_use]
pub fn duration(ms: f64) -> String {
    const SECOND: f64 = 1_000.0;
    const MINUTE: f64 = 60.0 * SECOND;
    const HOUR: f64 = 60.0 * MINUTE;
    const DAY: f64 = 24.0 * HOUR;
    let two = |large: f64, name, small: f64, part| {
        // Rounded first, so that no part is a whole of the next.
        let all = (ms / small).round() * small;
        let (whole, rest) = ((all / large).floor(), all % large / small);
        format!("{} {name} {} {part}", float(whole, 0), float(rest, 0))
    };
    if ms < 999.5 {
        format!("{} ms", float(ms, 0))
    } else if ms < MINUTE - 50.0 {
        format!("{} s", float(ms / SECOND, 1))
    } else if ms < HOUR - SECOND / 2.0 {
        two(MINUTE, "min", SECOND, "s")
    } else if ms < DAY - MINUTE / 2.0 {
        two(HOUR, "h", MINUTE, "min")
    } else {
        two(DAY, "d", HOUR, "h")
    }
}

/// A number of seconds of any size: `34.2 s`, `12 min 5 s`.
#[must_use]
pub fn seconds(seconds: f64) -> String {
    match seconds {
        0.0 => "0 s".to_owned(),
        few if few < 59.95 => format!("{} s", float(few, 1)),
        many => duration(many * 1_000.0),
    }
}

/// A number with its thousands apart and that many decimals.
#[must_use]
pub fn float(number: f64, decimals: usize) -> String {
    let text = format!("{number:.decimals$}");
    let (whole, part) = text
        .split_once('.')
        .map_or((&*text, String::new()), |(w, p)| (w, format!(".{p}")));
    grouped(whole) + &part
}

/// A size on disk: `8.4 MB`.
#[must_use]
pub fn bytes(bytes: i64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut size = bytes as f64;
    let mut unit = 0;
    // What would round to a thousand is one of the next.
    while size >= 999.5 && unit + 1 < UNITS.len() {
        size /= 1_000.0;
        unit += 1;
    }
    let decimals = usize::from(unit > 0 && size < 99.95);
    format!("{size:.decimals$} {}", UNITS[unit])
}

/// How much of a moment is worth writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Precision {
    /// The day.
    Day,
    /// To the minute.
    Minute,
    /// To the second.
    Second,
    /// To a thousandth of it.
    Milli,
}

impl Precision {
    /// The least that tells the moment apart from others like it.
    #[must_use]
    pub fn of(at: OffsetDateTime) -> Self {
        if at.second() != 0 || at.nanosecond() != 0 {
            Self::Second
        } else if at.hour() != 0 || at.minute() != 0 {
            Self::Minute
        } else {
            Self::Day
        }
    }

    const fn format(self) -> &'static [BorrowedFormatItem<'static>] {
        match self {
            Self::Day => format_description!("[year]-[month]-[day]"),
            Self::Minute => format_description!("[year]-[month]-[day] [hour]:[minute]"),
            Self::Second => format_description!("[year]-[month]-[day] [hour]:[minute]:[second]"),
            Self::Milli => {
                format_description!(
                    "[year]-[month]-[day] [hour]:[minute]:[second].[subsecond digits:3]"
                )
            }
        }
    }
}

/// A moment as the clocks of a zone show it.
#[must_use]
pub fn local(at: OffsetDateTime, zone: &Zone) -> OffsetDateTime {
    let offset = i32::try_from(zone.offset_seconds(at)).ok();
    let offset = offset.and_then(|seconds| UtcOffset::from_whole_seconds(seconds).ok());
    at.checked_to_offset(offset.unwrap_or(UtcOffset::UTC))
        .unwrap_or(at)
}

/// The moment that RFC 3339 text names, on the clocks of a zone.
#[must_use]
pub fn parse_moment(text: &str, zone: &Zone) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc3339)
        .ok()
        .map(|at| local(at, zone))
}

/// A moment in text.
#[must_use]
pub fn moment(at: OffsetDateTime, precision: Precision) -> String {
    at.format(precision.format())
        .unwrap_or_else(|_| at.to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn sizes_have_three_digits_or_fewer() {
        for (size, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (99_949, "99.9 kB"),
            (99_950, "100 kB"),
            (999_499, "999 kB"),
            (999_500, "1.0 MB"),
            (8_372_224, "8.4 MB"),
            (12_000_000_000_000_000, "12000 TB"),
        ] {
            assert_eq!(bytes(size), text);
        }
    }

    fn usd(amounts: &[&str]) -> Vec<String> {
        let amounts: Vec<Decimal> = amounts
            .iter()
            .map(|a| a.parse().expect("a decimal"))
            .collect();
        let places = decimals(amounts.iter().copied());
        amounts
            .into_iter()
            .map(|amount| money(amount, places))
            .collect()
    }

    #[test]
    fn money_is_as_precise_as_it_needs() {
        assert_eq!(usd(&["1.2345"]), ["$1.2345"]);
        assert_eq!(usd(&["0"]), ["$0.00"]);
        assert_eq!(usd(&["3"]), ["$3.00"]);
        assert_eq!(usd(&["1234567.891"]), ["$1,234,567.89"]);
        assert_eq!(usd(&["-1.5"]), ["-$1.50"]);
        assert_eq!(usd(&["12.5", "0.000003"]), ["$12.500000", "$0.000003"]);
        assert_eq!(usd(&["0.000012345"]), ["$0.000012"]);
        assert_eq!(usd(&["0.000000001"]), ["$0.000000001"]);
        assert_eq!(exact_money("0.12".parse().expect("a decimal")), "$0.12");
        assert_eq!(
            exact_money("1000.1234567890".parse().expect("a decimal")),
            "$1,000.123456789"
        );
    }

    #[test]
    fn shares_and_changes() {
        assert_eq!(share(0.1234), "12.3 %");
        assert_eq!(share(0.0), "0.0 %");
        assert_eq!(share(0.0001), "< 0.1 %");
        assert_eq!(share(12.0), "1,200.0 %");
        assert_eq!(change(0.1244), "▲ 12.4 %");
        assert_eq!(change(-0.5), "▼ 50.0 %");
        assert_eq!(change(0.0001), "unchanged");
        assert_eq!(points(0.01), "▲ 1.0 points");
    }

    #[test]
    fn durations() {
        assert_eq!(millis(3.44), "3.4 ms");
        assert_eq!(millis(9.96), "10 ms");
        assert_eq!(millis(12_345.6), "12,346 ms");
        for (ms, text) in [
            (0.0, "0 ms"),
            (432.1, "432 ms"),
            (999.9, "1.0 s"),
            (12_345.0, "12.3 s"),
            (59_960.0, "1 min 0 s"),
            (725_499.0, "12 min 5 s"),
            (3_599_600.0, "1 h 0 min"),
            (9_000_000.0, "2 h 30 min"),
            (86_399_999.0, "1 d 0 h"),
            (1_000.0 * 86_400_000.0, "1,000 d 0 h"),
        ] {
            assert_eq!(duration(ms), text, "{ms}");
        }
    }

    #[test]
    fn moments_follow_the_zone() {
        let zone: Zone = "Europe/Berlin".parse().expect("a zone");
        let at = parse_moment("2026-06-30T22:00:00Z", &zone).expect("a moment");
        assert_eq!(moment(at, Precision::of(at)), "2026-07-01");
        let at = local(datetime!(2026-11-23 21:04:05.678 UTC), &Zone::default());
        assert_eq!(moment(at, Precision::Milli), "2026-11-23 21:04:05.678");
        assert_eq!(Precision::of(at), Precision::Second);
    }

    proptest! {
        #[test]
        fn a_cost_never_reads_as_nothing(nanos in 1_i64.., other in any::<i64>()) {
            let [amount, other] = [nanos, other].map(|n| Decimal::new(n, NANO));
            let text = money(amount, decimals([amount, other]));
            prop_assert!(text.contains(|c: char| ('1'..='9').contains(&c)), "{text}");
        }

        #[test]
        fn grouping_changes_no_digit(number in any::<i64>()) {
            let text = grouped(&number.to_string());
            prop_assert_eq!(text.replace(',', "").parse::<i64>(), Ok(number));
            prop_assert!(text.trim_start_matches('-').split(',').skip(1).all(|group| group.len() == 3));
        }
    }
}
