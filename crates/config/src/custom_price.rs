//! How `custom_pricing` is written: the pricing crate's type, with amounts read
//! from their digits and a schema.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use systemprompt_pricing::CustomPrice;

use crate::fields::decimal;

/// The price of a model, in US dollars for 1,000 tokens.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "CustomPrice", deny_unknown_fields)]
#[schemars(rename = "CustomPrice")]
pub(crate) struct Form {
    /// For input.
    #[serde(with = "decimal")]
    #[schemars(schema_with = "decimal::schema")]
    input_per_1k: Decimal,
    /// For output.
    #[serde(with = "decimal")]
    #[schemars(schema_with = "decimal::schema")]
    output_per_1k: Decimal,
    /// For input read from the provider's cache; as input if absent.
    #[serde(
        default,
        with = "decimal::option",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(schema_with = "decimal::schema")]
    cache_read_per_1k: Option<Decimal>,
    /// For input written to the provider's cache; as input if absent.
    #[serde(
        default,
        with = "decimal::option",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(schema_with = "decimal::schema")]
    cache_write_per_1k: Option<Decimal>,
    /// The only provider it holds for; all of them if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    provider: Option<String>,
}

/// serde's remote forms stand for one value; a map needs them wrapped.
#[derive(Deserialize)]
struct Owned(#[serde(with = "Form")] CustomPrice);

#[derive(Serialize)]
struct Borrowed<'a>(#[serde(with = "Form")] &'a CustomPrice);

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, CustomPrice>, D::Error> {
    let prices = BTreeMap::<String, Owned>::deserialize(deserializer)?;
    Ok(prices
        .into_iter()
        .map(|(model, price)| (model, price.0))
        .collect())
}

pub(crate) fn serialize<S: Serializer>(
    prices: &BTreeMap<String, CustomPrice>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(prices.iter().map(|(model, price)| (model, Borrowed(price))))
}
