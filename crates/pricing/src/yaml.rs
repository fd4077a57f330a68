//! The layout of `services/ai/prices.yaml`, which its opening comment explains.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::Deserialize;
use serde_yaml::Value;

use crate::PricingError;
use crate::rates::{RateSet, Rates, Tier, prices};
use crate::version::{LAUNCH, PriceVersion, Source, parse_date};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    providers: BTreeMap<String, Provider>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Provider {
    /// Prices per call for every model that does not state its own.
    #[serde(default, deserialize_with = "prices")]
    calls: BTreeMap<String, Decimal>,
    /// Read one by one, so that an error can say which model it is about.
    models: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Model {
    model: String,
    #[serde(default)]
    aliases: Vec<String>,
    source: Source,
    versions: Vec<Version>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Version {
    /// Text, so that an error can name the key.
    from: Option<String>,
    rates: Rates,
    #[serde(default)]
    tiers: Vec<Tier>,
    #[serde(default)]
    service_tiers: BTreeMap<String, ServiceTier>,
    #[serde(default, deserialize_with = "prices")]
    regions: BTreeMap<String, Decimal>,
    #[serde(default, deserialize_with = "prices")]
    calls: BTreeMap<String, Decimal>,
}

/// A service tier: all standard rates times a factor, with the stated rates in
/// the place of what that gives; or, without a factor, the stated rates alone.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ServiceTier {
    times: Option<Decimal>,
    #[serde(default)]
    rates: Rates,
    tiers: Option<Vec<Tier>>,
}

impl ServiceTier {
    fn rate_set(self, standard: &RateSet) -> RateSet {
        let base = match self.times {
            Some(factor) => standard.map(|rate| rate * factor),
            None => RateSet::default(),
        };
        RateSet {
            rates: base.rates.overlaid(&self.rates),
            tiers: self.tiers.unwrap_or(base.tiers),
        }
    }
}

/// The versions of each model of a catalogue.
pub(crate) fn parse(text: &str) -> Result<Vec<Vec<PriceVersion>>, PricingError> {
    // By way of a `Value`, which refuses a key that occurs twice.
    let file: File = serde_yaml::from_value(serde_yaml::from_str(text)?)?;
    let mut models = Vec::new();
    for (provider, entry) in file.providers {
        for value in entry.models {
            models.push(model(&provider, &entry.calls, value)?);
        }
    }
    Ok(models)
}

fn model(
    provider: &str,
    calls: &BTreeMap<String, Decimal>,
    value: Value,
) -> Result<Vec<PriceVersion>, PricingError> {
    let name = value
        .get("model")
        .and_then(Value::as_str)
        .unwrap_or("(no `model`)")
        .to_owned();
    let model: Model = serde_yaml::from_value(value)
        .map_err(|error| PricingError::model(provider, &name, error.to_string()))?;
    if model.versions.is_empty() {
        return Err(PricingError::model(provider, &name, "`versions` is empty"));
    }
    let sealed = |version: Version| {
        let from = version
            .from
            .as_deref()
            .map_or(Ok(LAUNCH), parse_date)
            .map_err(|reason| {
                PricingError::model(provider, &model.model, format!("`from`: {reason}"))
            })?;
        let standard = RateSet {
            rates: version.rates,
            tiers: version.tiers,
        };
        let service_tiers = version
            .service_tiers
            .into_iter()
            .map(|(name, tier)| (name, tier.rate_set(&standard)))
            .collect();
        PriceVersion {
            id: String::new(),
            provider: provider.to_owned(),
            model: model.model.clone(),
            aliases: model.aliases.clone(),
            from,
            service_tiers,
            rates: standard.rates,
            tiers: standard.tiers,
            regions: version.regions,
            calls: calls.clone().into_iter().chain(version.calls).collect(),
            custom: false,
            source: model.source,
        }
        .sealed()
    };
    model.versions.into_iter().map(sealed).collect()
}
