//! How figures are written: times, amounts, ratios, milliseconds. Row fields name
//! their unit as `x-unit` in the schema, for front ends to format.

use std::iter::Sum;
use std::ops::AddAssign;

use rust_decimal::prelude::ToPrimitive as _;
use rust_decimal::{Decimal, RoundingStrategy};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgTypeInfo, PgValueRef};
use sqlx::{Decode, Postgres, Type};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

/// A moment in an answer: RFC 3339 in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub OffsetDateTime);

impl From<OffsetDateTime> for Time {
    fn from(at: OffsetDateTime) -> Self {
        Self(at)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self
            .0
            .to_offset(UtcOffset::UTC)
            .format(&Rfc3339)
            .map_err(serde::ser::Error::custom)?;
        serializer.serialize_str(&text)
    }
}

impl JsonSchema for Time {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time", "x-unit": "time" })
    }
}

/// A sum of costs in nano-units, not rounded yet. Statements answer it as text: a
/// converted sum is no whole number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Amount(Decimal);

impl Amount {
    /// Nano-dollars in a currency of which a dollar is worth `rate`.
    pub(crate) fn of(nanos: i64, rate: Decimal) -> Self {
        let converted = Decimal::from(nanos).checked_mul(rate);
        Self(converted.expect("the profile's rates leave room for the largest cost"))
    }

    /// The amount as it is shown, rounded half to even to a nano-unit.
    pub(crate) fn rounded(self) -> Decimal {
        let nanos = RoundingStrategy::MidpointNearestEven;
        let nanos = self.0.round_dp_with_strategy(0, nanos);
        (nanos * Decimal::new(1, 9)).normalize()
    }

    /// The mean of `n`, rounded likewise; `None` of nothing.
    pub(crate) fn mean(self, n: i64) -> Option<Decimal> {
        let mean = self.0.checked_div(Decimal::from(n))?;
        Some(Self(mean).rounded())
    }

    /// Near enough to compare it.
    pub(crate) fn to_f64(self) -> f64 {
        self.0.to_f64().unwrap_or_default()
    }

    /// The part it is of a whole, to six decimals; `None` of nothing.
    pub(crate) fn share_of(self, whole: Self) -> Option<f64> {
        (!whole.0.is_zero()).then(|| round(self.to_f64() / whole.to_f64(), 6))
    }
}

impl AddAssign for Amount {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl Sum for Amount {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        Self(amounts.map(|amount| amount.0).sum())
    }
}

impl Type<Postgres> for Amount {
    fn type_info() -> PgTypeInfo {
        <str as Type<Postgres>>::type_info()
    }

    fn compatible(of: &PgTypeInfo) -> bool {
        <str as Type<Postgres>>::compatible(of)
    }
}

impl<'r> Decode<'r, Postgres> for Amount {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        let text = <&str as Decode<'r, Postgres>>::decode(value)?;
        Ok(Self(text.parse()?))
    }
}

/// What a number of requests cost, of which some may have no price. The one place
/// that tells nothing from not known: where nothing was added up and something has no
/// price, the cost is not zero but unknown.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spent {
    priced: Amount,
    unpriced: i64,
}

impl Spent {
    /// What the priced requests cost, beside so much that has no price: requests or tokens.
    pub(crate) const fn of(priced: Amount, unpriced: i64) -> Self {
        Self { priced, unpriced }
    }

    /// What the priced ones cost; `None` where that says nothing.
    pub(crate) fn known(self) -> Option<Amount> {
        (self.unpriced == 0 || !self.priced.0.is_zero()).then_some(self.priced)
    }

    /// The same, as it is shown.
    pub(crate) fn rounded(self) -> Option<Decimal> {
        Some(self.known()?.rounded())
    }

    /// The mean of `n`, as it is shown; `None` of nothing as well.
    pub(crate) fn mean(self, n: i64) -> Option<Decimal> {
        self.known()?.mean(n)
    }

    /// The part it is of a whole, to six decimals; `None` of nothing as well.
    pub(crate) fn share_of(self, whole: Amount) -> Option<f64> {
        self.known()?.share_of(whole)
    }

    /// The change against what was spent before; `None` if either is not known.
    pub(crate) fn change(self, before: Self) -> Option<f64> {
        change(self.known()?.to_f64(), before.known()?.to_f64())
    }
}

impl AddAssign for Spent {
    fn add_assign(&mut self, other: Self) {
        self.priced += other.priced;
        self.unpriced += other.unpriced;
    }
}

/// A mean to one decimal; `None` of nothing.
pub(crate) fn mean(sum: i64, n: i64) -> Option<f64> {
    (n != 0).then(|| round(sum as f64 / n as f64, 1))
}

/// A part of a whole, 0 to 1, to six decimals; `None` of nothing.
pub(crate) fn ratio(part: i64, whole: i64) -> Option<f64> {
    (whole != 0).then(|| round(part as f64 / whole as f64, 6))
}

/// The change from `previous` to `current` as a part of `previous`: 0.25 is a
/// quarter more. `None` if there was nothing before.
pub(crate) fn change(current: f64, previous: f64) -> Option<f64> {
    (previous != 0.0).then(|| round((current - previous) / previous, 6))
}

/// Microseconds as milliseconds to three decimals.
pub(crate) fn millis(micros: f64) -> f64 {
    round(micros / 1_000.0, 3)
}

/// A mean of microseconds in milliseconds; `None` of nothing.
pub(crate) fn mean_millis(micros: i64, n: i64) -> Option<f64> {
    (n != 0).then(|| millis(micros as f64 / n as f64))
}

/// A value to so many decimals.
pub(crate) fn round(value: f64, decimals: i32) -> f64 {
    let unit = 10_f64.powi(decimals);
    (value * unit).round() / unit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_price_did_not_cost_nothing() {
        let spent = |nanos, unpriced| Spent::of(Amount::of(nanos, Decimal::ONE), unpriced);
        let dollar = Decimal::ONE;
        // Nothing was used, or what was used is free.
        assert_eq!(spent(0, 0).rounded(), Some(Decimal::ZERO));
        assert_eq!(spent(1_000_000_000, 0).rounded(), Some(dollar));
        // Some of it is known, and that much it cost.
        assert_eq!(spent(1_000_000_000, 3).rounded(), Some(dollar));
        // None of it is.
        assert_eq!(spent(0, 3).rounded(), None);
        assert_eq!(spent(0, 3).mean(3), None);
        assert_eq!(spent(0, 3).share_of(Amount::of(7, dollar)), None);
        assert_eq!(spent(0, 3).change(spent(7, 0)), None);
        assert_eq!(spent(7, 0).change(spent(0, 3)), None);
        let mut sum = spent(0, 3);
        sum += spent(7, 0);
        assert_eq!(sum.known(), Some(Amount::of(7, dollar)));
        assert!(spent(0, 3).known() < spent(0, 0).known(), "sorted last");
    }
}
