//! A value of an answer as people read it in a report. Amounts are exact: they are
//! checked against bills.

use rust_decimal::Decimal;
use serde_json::Value;
use systemprompt_domain::period::Zone;
use time::{OffsetDateTime, UtcOffset};

use crate::present::figure::{self as readable, Precision};

/// What stands for nothing that could be measured.
const NOTHING: &str = "–";

/// What a value counts, and for whom it is written.
pub(super) struct Style<'a> {
    pub(super) key: &'a str,
    pub(super) unit: Option<&'a str>,
    pub(super) currency: Option<&'a str>,
    pub(super) zone: &'a Zone,
}

/// The value in words.
pub(super) fn text(value: &Value, style: &Style<'_>) -> String {
    let number = || match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    let written = match (value, style.unit) {
        (Value::Null, _) => None,
        (Value::Number(_) | Value::String(_), Some("money")) => money(value, style.currency),
        (Value::Number(_) | Value::String(_), Some("usd")) => money(value, None),
        (_, Some("ratio")) if style.key == "change" => number().map(readable::change),
        (_, Some("ratio")) => number().map(readable::share),
        (_, Some("ms")) => number().map(readable::millis),
        (_, Some("duration")) => number().map(readable::duration),
        (Value::String(text), Some("time")) => readable::parse_moment(text, style.zone)
            .map(|at| readable::moment(at, Precision::Minute)),
        (Value::Number(number), _) => Some(match number.as_i64() {
            Some(whole) if style.unit.is_some() => readable::grouped(&whole.to_string()),
            Some(whole) => whole.to_string(),
            None => readable::float(number.as_f64().unwrap_or_default(), 1),
        }),
        (Value::String(text), _) if text.is_empty() => Some("(none)".to_owned()),
        (Value::String(text), _) => Some(text.clone()),
        (Value::Bool(yes), _) => Some(if *yes { "yes" } else { "no" }.to_owned()),
        (Value::Array(items), _) => {
            let items = items.iter().map(|item| text(item, style));
            Some(items.collect::<Vec<_>>().join(", "))
        }
        (Value::Object(_), _) => None,
    };
    written
        .filter(|text| !text.is_empty())
        .unwrap_or_else(|| NOTHING.to_owned())
}

/// An amount to its last digit.
fn money(value: &Value, currency: Option<&str>) -> Option<String> {
    let amount: Decimal = match value {
        Value::String(text) => text.parse().ok()?,
        other => other.to_string().parse().ok()?,
    };
    let dollars = readable::exact_money(amount);
    Some(match currency {
        Some(code) => dollars.replacen('$', &format!("{code} "), 1),
        None => dollars,
    })
}

/// What a column is called: `input_tokens` is "Input tokens".
pub(super) fn title(key: &str) -> String {
    if key == "bucket" {
        return "Begins".to_owned();
    }
    let words = key.strip_suffix("_ms").unwrap_or(key).replace('_', " ");
    let mut letters = words.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => words,
    }
}

/// A moment in UTC, to the minute.
pub(super) fn minute(at: OffsetDateTime) -> String {
    readable::moment(at.to_offset(UtcOffset::UTC), Precision::Minute)
}
