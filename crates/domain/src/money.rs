//! Money is exact: an amount is a whole number of nano-dollars (10⁻⁹ USD), so
//! that sums of any length are equal to the last digit.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub};

use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

/// An amount of US dollars in nano-units (10⁻⁹ USD).
///
/// Costs are computed in decimal and rounded once per request, half to even,
/// to this unit; after that only whole numbers are added.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Nanos(pub i64);

impl Nanos {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Rounds an amount of US dollars half to even; `None` if it does not fit
    /// (beyond ±9.2 billion dollars).
    #[must_use]
    pub fn from_usd(usd: Decimal) -> Option<Self> {
        usd.checked_mul(Decimal::from(1_000_000_000))?
            .round_dp_with_strategy(0, RoundingStrategy::MidpointNearestEven)
            .to_i64()
            .map(Self)
    }

    /// The amount in US dollars, without trailing zeros.
    #[must_use]
    pub fn to_usd(self) -> Decimal {
        Decimal::new(self.0, 9).normalize()
    }
}

impl fmt::Display for Nanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_usd().fmt(f)
    }
}

impl Add for Nanos {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl AddAssign for Nanos {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl Sub for Nanos {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Neg for Nanos {
    type Output = Self;

    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl Sum for Nanos {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, Add::add)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rounds_half_to_even() {
        let nanos = |s: &str| Nanos::from_usd(s.parse().expect("a decimal")).map(|n| n.0);
        assert_eq!(nanos("0.0000000005"), Some(0));
        assert_eq!(nanos("0.0000000015"), Some(2));
        assert_eq!(nanos("0.0000000025"), Some(2));
        assert_eq!(nanos("0.025"), Some(25_000_000));
        assert_eq!(nanos("99999999999"), None);
    }

    proptest! {
        #[test]
        fn dollars_and_back(n in any::<i64>()) {
            prop_assert_eq!(Nanos::from_usd(Nanos(n).to_usd()), Some(Nanos(n)));
        }
    }
}
