//! How figures are written: times, dollars, ratios, milliseconds. Row fields
//! name their unit as `x-unit` in the schema, for front ends to format.

use rust_decimal::Decimal;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use systemprompt_domain::Nanos;
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

/// Nano-dollars as dollars.
pub(crate) fn usd(nanos: i64) -> Decimal {
    Nanos(nanos).to_usd()
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

fn round(value: f64, decimals: i32) -> f64 {
    let unit = 10_f64.powi(decimals);
    (value * unit).round() / unit
}
