//! The prices an operator states in the profile (`custom_pricing`): for models
//! nobody else knows, and over the catalogue's for those it does.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::PricingError;
use crate::rates::Rates;
use crate::version::{LAUNCH, PriceVersion, Source, SourceKind};

/// The provider of a custom price that holds for all of them.
pub(crate) const EVERY_PROVIDER: &str = "*";

/// One model's entry under `custom_pricing`, in US dollars per thousand tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomPrice {
    /// Price of a thousand input tokens.
    pub input_per_1k: Decimal,
    /// Price of a thousand output tokens.
    pub output_per_1k: Decimal,
    /// Price of a thousand input tokens read from a cache; default: as input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_read_per_1k: Option<Decimal>,
    /// Price of a thousand input tokens written to a cache; default: as input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write_per_1k: Option<Decimal>,
    /// Only requests to this provider; default: to any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
}

impl CustomPrice {
    /// The price as a version that holds for all time.
    pub(crate) fn version(&self, model: &str) -> Result<PriceVersion, PricingError> {
        let per_million = |per_thousand: Decimal| {
            per_thousand
                .checked_mul(Decimal::ONE_THOUSAND)
                .ok_or_else(|| {
                    let provider = self.provider.as_deref().unwrap_or(EVERY_PROVIDER);
                    PricingError::model(provider, model, format!("{per_thousand} is too large"))
                })
        };
        PriceVersion {
            id: String::new(),
            provider: self
                .provider
                .clone()
                .unwrap_or_else(|| EVERY_PROVIDER.into()),
            model: model.to_owned(),
            aliases: Vec::new(),
            from: LAUNCH,
            rates: Rates {
                input: Some(per_million(self.input_per_1k)?),
                output: Some(per_million(self.output_per_1k)?),
                cache_read: self.cache_read_per_1k.map(per_million).transpose()?,
                cache_write_5m: self.cache_write_per_1k.map(per_million).transpose()?,
                ..Rates::default()
            },
            tiers: Vec::new(),
            service_tiers: BTreeMap::new(),
            regions: BTreeMap::new(),
            calls: BTreeMap::new(),
            custom: true,
            source: Source {
                kind: SourceKind::Profile,
                checked: None,
            },
        }
        .sealed()
    }
}
