//! Amounts as people read them: `$1,234.50`, `5 %`, `8,000 ms`, `50 requests`.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// What an alert's numbers count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// US dollars.
    Usd,
    /// A part of a whole, from 0 to 1.
    Share,
    /// Milliseconds.
    Milliseconds,
    /// Requests.
    Requests,
}

impl Unit {
    /// An amount to its last digit, as a threshold is written.
    pub(crate) fn exact(self, amount: Decimal) -> String {
        match self {
            Self::Usd => format!("${}", dollars(amount)),
            Self::Share => percent(amount),
            Self::Milliseconds => format!("{} ms", grouped(amount)),
            Self::Requests if amount == Decimal::ONE => "1 request".to_owned(),
            Self::Requests => format!("{} requests", grouped(amount)),
        }
    }

    /// A measured amount without digits nobody reads. Cut off, not rounded: it
    /// never looks as if a threshold had been reached that was not.
    pub(crate) fn measured(self, amount: Decimal) -> String {
        let digits = match self {
            Self::Usd if amount.abs() < Decimal::ONE => 6,
            Self::Usd => 2,
            Self::Share => 4,
            Self::Milliseconds | Self::Requests => 0,
        };
        self.exact(amount.trunc_with_scale(digits))
    }
}

/// A part of a whole: `80 %`.
pub(crate) fn percent(share: Decimal) -> String {
    format!("{} %", grouped(share.saturating_mul(Decimal::ONE_HUNDRED)))
}

/// Whole dollars, or cents and what is below them.
fn dollars(amount: Decimal) -> String {
    let plain = grouped(amount);
    match plain.split_once('.') {
        Some((_, cents)) if cents.len() == 1 => plain + "0",
        _ => plain,
    }
}

/// Without trailing zeros, with a comma before every three digits.
fn grouped(amount: Decimal) -> String {
    let plain = amount.normalize().to_string();
    let (sign, plain) = plain
        .strip_prefix('-')
        .map_or(("", &*plain), |plain| ("-", plain));
    let (whole, fraction) = plain.split_at(plain.find('.').unwrap_or(plain.len()));
    let mut text = sign.to_owned();
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text + fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Decimal {
        text.parse().expect("a number")
    }

    #[test]
    fn thresholds_are_exact() {
        for (unit, amount, text) in [
            (Unit::Usd, "100.00", "$100"),
            (Unit::Usd, "2.5", "$2.50"),
            (Unit::Usd, "0.025", "$0.025"),
            (Unit::Usd, "1234567.89", "$1,234,567.89"),
            (Unit::Share, "0.05", "5 %"),
            (Unit::Share, "0.0125", "1.25 %"),
            (Unit::Milliseconds, "8000", "8,000 ms"),
            (Unit::Requests, "1", "1 request"),
            (Unit::Requests, "999", "999 requests"),
            (Unit::Requests, "-100000", "-100,000 requests"),
        ] {
            assert_eq!(unit.exact(number(amount)), text);
        }
    }

    #[test]
    fn measured_values_are_cut_off() {
        for (unit, amount, text) in [
            (Unit::Usd, "79.9999", "$79.99"),
            (Unit::Usd, "80.001", "$80"),
            (Unit::Usd, "0.0123456789", "$0.012345"),
            (Unit::Share, "0.0499999", "4.99 %"),
            (Unit::Milliseconds, "8123.9", "8,123 ms"),
        ] {
            assert_eq!(unit.measured(number(amount)), text);
        }
        assert_eq!(
            percent(Decimal::MAX),
            format!("{} %", grouped(Decimal::MAX))
        );
    }
}
