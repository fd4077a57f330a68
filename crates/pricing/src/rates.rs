//! Rates per token class, and the sets that replace one another: long-context
//! tiers and service tiers. Which set applies is decided in `served` and `cost`.

use std::collections::BTreeMap;
use std::fmt;

use rust_decimal::Decimal;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use systemprompt_domain::usage::TokenClass;

/// Rates in US dollars per million tokens, for the classes that have one of
/// their own. [`Rates::of`] says what the others cost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rates {
    /// [`TokenClass::Input`]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<Decimal>,
    /// [`TokenClass::CacheRead`]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_read: Option<Decimal>,
    /// [`TokenClass::CacheWrite5m`]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_write_5m: Option<Decimal>,
    /// [`TokenClass::CacheWrite1h`]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_write_1h: Option<Decimal>,
    /// [`TokenClass::AudioInput`]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio_input: Option<Decimal>,
    /// [`TokenClass::ToolInput`]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_input: Option<Decimal>,
    /// [`TokenClass::Output`]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<Decimal>,
    /// [`TokenClass::Reasoning`]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<Decimal>,
    /// [`TokenClass::AudioOutput`]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio_output: Option<Decimal>,
}

impl Rates {
    /// The rate stated for a class.
    #[must_use]
    pub const fn stated(&self, class: TokenClass) -> Option<Decimal> {
        match class {
            TokenClass::Input => self.input,
            TokenClass::CacheRead => self.cache_read,
            TokenClass::CacheWrite5m => self.cache_write_5m,
            TokenClass::CacheWrite1h => self.cache_write_1h,
            TokenClass::AudioInput => self.audio_input,
            TokenClass::ToolInput => self.tool_input,
            TokenClass::Output => self.output,
            TokenClass::Reasoning => self.reasoning,
            TokenClass::AudioOutput => self.audio_output,
        }
    }

    pub(crate) const fn stated_mut(&mut self, class: TokenClass) -> &mut Option<Decimal> {
        match class {
            TokenClass::Input => &mut self.input,
            TokenClass::CacheRead => &mut self.cache_read,
            TokenClass::CacheWrite5m => &mut self.cache_write_5m,
            TokenClass::CacheWrite1h => &mut self.cache_write_1h,
            TokenClass::AudioInput => &mut self.audio_input,
            TokenClass::ToolInput => &mut self.tool_input,
            TokenClass::Output => &mut self.output,
            TokenClass::Reasoning => &mut self.reasoning,
            TokenClass::AudioOutput => &mut self.audio_output,
        }
    }

    /// What a class costs. One without a rate of its own costs what the
    /// provider charges for the tokens it would otherwise be part of: a cached
    /// or audio token is input, a reasoning or audio answer is output. No class
    /// falls back to zero.
    #[must_use]
    pub fn of(&self, class: TokenClass) -> Option<Decimal> {
        let otherwise = match class {
            TokenClass::Input | TokenClass::Output => return self.stated(class),
            TokenClass::CacheWrite1h => TokenClass::CacheWrite5m,
            TokenClass::CacheRead
            | TokenClass::CacheWrite5m
            | TokenClass::AudioInput
            | TokenClass::ToolInput => TokenClass::Input,
            TokenClass::Reasoning | TokenClass::AudioOutput => TokenClass::Output,
        };
        self.stated(class).or_else(|| self.of(otherwise))
    }

    /// Every stated rate changed by `f`.
    pub(crate) fn map(&self, f: impl Fn(Decimal) -> Decimal) -> Self {
        let mut mapped = Self::default();
        for class in TokenClass::ALL {
            *mapped.stated_mut(class) = self.stated(class).map(&f);
        }
        mapped
    }

    /// These rates, with those stated in `over` in their place.
    pub(crate) fn overlaid(&self, over: &Self) -> Self {
        let mut result = self.clone();
        for class in TokenClass::ALL {
            if let Some(rate) = over.stated(class) {
                *result.stated_mut(class) = Some(rate);
            }
        }
        result
    }
}

impl<'de> Deserialize<'de> for Rates {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut rates = Self::default();
        for (key, rate) in prices(deserializer)? {
            let class = TokenClass::ALL
                .into_iter()
                .find(|class| class.as_str() == key)
                .ok_or_else(|| D::Error::custom(format_args!("unknown token class `{key}`")))?;
            *rates.stated_mut(class) = Some(rate);
        }
        Ok(rates)
    }
}

/// A prompt size above which the whole request has other rates: not only the
/// tokens beyond it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    /// The tier applies when the prompt, cached tokens included, has more
    /// tokens than this.
    pub above_input_tokens: u64,
    /// The rates of every token of such a request.
    pub rates: Rates,
}

/// Rates and their long-context tiers: what a service tier costs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateSet {
    /// The rates below every tier.
    pub rates: Rates,
    /// Tiers by rising threshold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tiers: Vec<Tier>,
}

impl RateSet {
    /// Every rate of the set changed by `f`.
    pub(crate) fn map(&self, f: impl Fn(Decimal) -> Decimal) -> Self {
        let tier = |tier: &Tier| Tier {
            rates: tier.rates.map(&f),
            ..*tier
        };
        Self {
            rates: self.rates.map(&f),
            tiers: self.tiers.iter().map(tier).collect(),
        }
    }
}

/// Reads a map of names to prices. Its errors name the key, which the errors of
/// a plain map do not.
pub(crate) fn prices<'de, D>(deserializer: D) -> Result<BTreeMap<String, Decimal>, D::Error>
where
    D: Deserializer<'de>,
{
    struct Prices;

    impl<'de> Visitor<'de> for Prices {
        type Value = BTreeMap<String, Decimal>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a map of names to prices in US dollars")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut prices = BTreeMap::new();
            while let Some(key) = map.next_key::<String>()? {
                let price = map
                    .next_value::<Decimal>()
                    .map_err(|error| A::Error::custom(format_args!("`{key}`: {error}")))?;
                prices.insert(key, price);
            }
            Ok(prices)
        }
    }

    deserializer.deserialize_map(Prices)
}
