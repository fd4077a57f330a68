//! OTLP's own JSON: ids are hexadecimal, numbers of 64 bits may be text.

use std::borrow::Cow;

use bytes::Bytes;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use systemprompt_domain::json::Object;

use crate::wire::{AnyValue, ArrayValue, Resource, Scope, Value};

/// An export. The names of the three signals stand for the same.
#[derive(Deserialize)]
pub(crate) struct Export<'a> {
    #[serde(
        borrow,
        default,
        alias = "resourceSpans",
        alias = "resourceLogs",
        alias = "resourceMetrics"
    )]
    pub(crate) resources: Vec<Object<OfResource<'a>>>,
}

#[derive(Deserialize)]
pub(crate) struct OfResource<'a> {
    #[serde(default)]
    pub(crate) resource: Option<Resource>,
    #[serde(
        borrow,
        default,
        alias = "scopeSpans",
        alias = "scopeLogs",
        alias = "scopeMetrics"
    )]
    pub(crate) scopes: Vec<Object<OfScope<'a>>>,
}

#[derive(Deserialize)]
pub(crate) struct OfScope<'a> {
    #[serde(default)]
    pub(crate) scope: Option<Scope>,
    /// Each record by itself.
    #[serde(
        borrow,
        default,
        alias = "spans",
        alias = "logRecords",
        alias = "metrics"
    )]
    pub(crate) records: Vec<&'a RawValue>,
}

pub(crate) fn text<'de, D: Deserializer<'de>>(from: D) -> Result<Bytes, D::Error> {
    String::deserialize(from).map(Bytes::from)
}

/// Hexadecimal digits; nothing for nothing.
pub(crate) fn id<'de, D: Deserializer<'de>>(from: D) -> Result<Bytes, D::Error> {
    let text = Cow::<'de, str>::deserialize(from)?;
    let digits = text.as_bytes();
    let nibble = |digit: &u8| char::from(*digit).to_digit(16);
    let pairs = digits.chunks(2).map(|pair| match pair {
        [high, low] => u8::try_from(nibble(high)? << 4 | nibble(low)?).ok(),
        _ => None,
    });
    let bytes: Option<Vec<u8>> = pairs.collect();
    bytes
        .map(Bytes::from)
        .ok_or_else(|| D::Error::custom("an id is not hexadecimal"))
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Number<T> {
    Number(T),
    Text(String),
}

impl<T: std::str::FromStr> Number<T> {
    fn get<E: serde::de::Error>(self) -> Result<T, E> {
        match self {
            Self::Number(number) => Ok(number),
            Self::Text(text) => text.parse().map_err(|_| E::custom("not a number")),
        }
    }
}

pub(crate) fn number<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    Number::deserialize(from)?.get()
}

/// A member of an enumeration, by its number or, as some exporters have it, by
/// its name.
fn member<'de, D: Deserializer<'de>>(from: D, names: &[&str]) -> Result<i32, D::Error> {
    match Number::<i32>::deserialize(from)? {
        Number::Number(number) => Ok(number),
        Number::Text(name) => {
            let found = names.iter().position(|known| *known == name);
            let found = found.and_then(|n| i32::try_from(n).ok());
            found.map_or_else(|| Number::Text(name).get(), Ok)
        }
    }
}

pub(crate) fn kind<'de, D: Deserializer<'de>>(from: D) -> Result<i32, D::Error> {
    member(
        from,
        &[
            "SPAN_KIND_UNSPECIFIED",
            "SPAN_KIND_INTERNAL",
            "SPAN_KIND_SERVER",
            "SPAN_KIND_CLIENT",
            "SPAN_KIND_PRODUCER",
            "SPAN_KIND_CONSUMER",
        ],
    )
}

pub(crate) fn status<'de, D: Deserializer<'de>>(from: D) -> Result<i32, D::Error> {
    member(
        from,
        &["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"],
    )
}

impl<'de> Deserialize<'de> for AnyValue {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Variants {
            string_value: Option<String>,
            bool_value: Option<bool>,
            int_value: Option<Number<i64>>,
            double_value: Option<Number<f64>>,
            array_value: Option<ArrayValue>,
        }
        let is = Variants::deserialize(from)?;
        let int = is.int_value.map(Number::get).transpose()?;
        let double = is.double_value.map(Number::get).transpose()?;
        let value = is
            .string_value
            .map(|text| Value::Text(text.into()))
            .or(is.bool_value.map(Value::Bool))
            .or(int.map(Value::Int))
            .or(double.map(Value::Double))
            .or(is.array_value.map(Value::List));
        Ok(Self { value })
    }
}
