//! Reads LiteLLM's price map: one JSON object, model → US dollars per token in
//! keys that spell class, prompt size and service tier. It has no dates.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::Value;
use systemprompt_domain::usage::TokenClass;
use time::Date;

use crate::PricingError;
use crate::rates::{RateSet, Rates, Tier};
use crate::version::{MAX_SCALE, PriceVersion, Source, SourceKind};

/// The kinds of model whose requests are metered by token.
const MODES: [&str; 4] = ["chat", "responses", "completion", "embedding"];

/// How the map begins its key for the price of a token class; longest first
/// where one begins another.
const CLASS_KEYS: [(&str, TokenClass); 8] = [
    ("input_cost_per_token", TokenClass::Input),
    ("output_cost_per_token", TokenClass::Output),
    ("cache_read_input_token_cost", TokenClass::CacheRead),
    (
        "cache_creation_input_token_cost_above_1hr",
        TokenClass::CacheWrite1h,
    ),
    ("cache_creation_input_token_cost", TokenClass::CacheWrite5m),
    ("input_cost_per_audio_token", TokenClass::AudioInput),
    ("output_cost_per_audio_token", TokenClass::AudioOutput),
    ("output_cost_per_reasoning_token", TokenClass::Reasoning),
];

const SEARCH_KEY: &str = "search_context_cost_per_query";
const MULTIPLIERS_KEY: &str = "provider_specific_entry";
const REGION_KEY: &str = "regional_processing_uplift_multiplier_";

/// One entry of the map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The entry's key.
    pub key: String,
    /// Its prices in our terms.
    pub version: PriceVersion,
    /// Prices in US dollars that have no place in a [`PriceVersion`] (per
    /// image, per second, per query of a map …), by the map's key.
    pub left_out: BTreeMap<String, Decimal>,
}

#[derive(Deserialize)]
struct Entry {
    litellm_provider: Option<String>,
    mode: Option<String>,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

/// Reads the chat, responses, completion and embedding models of the map that
/// have a price for input and output tokens, with `from` as the date of their
/// prices.
///
/// # Errors
/// If the text is not such a map, or a price is impossible.
pub fn parse_litellm(text: &str, from: Date) -> Result<Vec<Listed>, PricingError> {
    let entries: BTreeMap<String, Entry> = serde_json::from_str(text)?;
    let mut listed = Vec::new();
    for (key, entry) in entries {
        let Some(provider) = entry.litellm_provider else {
            continue;
        };
        if entry
            .mode
            .is_some_and(|mode| MODES.contains(&mode.as_str()))
        {
            listed.extend(read(key, provider, &entry.rest, from)?);
        }
    }
    Ok(listed)
}

fn read(
    key: String,
    provider: String,
    entry: &BTreeMap<String, Value>,
    from: Date,
) -> Result<Option<Listed>, PricingError> {
    let mut stated: BTreeMap<Set<'_>, Rates> = BTreeMap::new();
    let mut left_out = BTreeMap::new();
    let mut regions = BTreeMap::new();
    for (name, value) in entry {
        let Some(price) = decimal(value) else {
            continue;
        };
        if let Some((class, set)) = parse_key(name) {
            *stated.entry(set).or_default().stated_mut(class) = Some(per_million(price));
        } else if let Some(region) = name.strip_prefix(REGION_KEY) {
            regions.insert(region.to_owned(), price);
        } else if name.contains("cost") && !price.is_zero() {
            left_out.insert(name.clone(), price);
        }
    }
    let standard_rates = stated.remove(&Set::default()).unwrap_or_default();
    if standard_rates.input.is_none() || standard_rates.output.is_none() {
        return Ok(None);
    }
    let standard = rate_set(None, &standard_rates, &stated);
    let mut service_tiers: BTreeMap<String, RateSet> = stated
        .keys()
        .filter_map(|set| set.service_tier)
        .map(|name| {
            (
                our_name(name).to_owned(),
                rate_set(Some(name), &standard_rates, &stated),
            )
        })
        .collect();
    if let Some(Value::Object(multipliers)) = entry.get(MULTIPLIERS_KEY) {
        for (name, value) in multipliers {
            let Some(factor) = decimal(value) else {
                continue;
            };
            if name == "fast" {
                service_tiers.insert(name.clone(), standard.map(|rate| rate * factor));
            } else {
                regions.insert(name.clone(), factor);
            }
        }
    }
    let search = entry
        .get(SEARCH_KEY)
        .and_then(|sizes| sizes.get("search_context_size_medium"));
    let calls = search
        .and_then(decimal)
        .map(|price| ("web_search".to_owned(), price));
    let model = key
        .strip_prefix(&format!("{provider}/"))
        .unwrap_or(&key)
        .to_owned();
    let version = PriceVersion {
        id: String::new(),
        provider,
        model,
        aliases: Vec::new(),
        from,
        rates: standard.rates,
        tiers: standard.tiers,
        service_tiers,
        regions,
        calls: calls.into_iter().collect(),
        custom: false,
        source: Source {
            kind: SourceKind::Imported,
            checked: Some(from),
        },
    };
    Ok(Some(Listed {
        key,
        version: version.sealed()?,
        left_out,
    }))
}

/// Which set of rates a key belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Set<'a> {
    service_tier: Option<&'a str>,
    above_input_tokens: Option<u64>,
}

/// `input_cost_per_token_above_272k_tokens_flex` → input, above 272,000, flex.
fn parse_key(key: &str) -> Option<(TokenClass, Set<'_>)> {
    let (class, mut rest) = CLASS_KEYS
        .into_iter()
        .find_map(|(prefix, class)| Some((class, key.strip_prefix(prefix)?)))?;
    let mut set = Set::default();
    if let Some(tier) = rest.strip_prefix("_above_") {
        let (thousands, end) = tier.split_once("k_tokens")?;
        set.above_input_tokens = Some(thousands.parse::<u64>().ok()?.checked_mul(1000)?);
        rest = end;
    }
    if !rest.is_empty() {
        set.service_tier = Some(rest.strip_prefix('_').filter(|name| !name.contains('_'))?);
    }
    Some((class, set))
}

fn our_name(service_tier: &str) -> &str {
    if service_tier == "batches" {
        "batch"
    } else {
        service_tier
    }
}

/// The rates of a service tier (none: the standard one) and its long-context
/// tiers. A tier that changes nothing is left out.
fn rate_set(
    service_tier: Option<&str>,
    standard: &Rates,
    stated: &BTreeMap<Set<'_>, Rates>,
) -> RateSet {
    let in_set = |above_input_tokens| {
        stated.get(&Set {
            service_tier,
            above_input_tokens,
        })
    };
    let rates = in_set(None).map_or_else(|| standard.clone(), |base| completed(base, standard));
    let thresholds = stated
        .keys()
        .filter(|set| set.service_tier == service_tier)
        .filter_map(|set| set.above_input_tokens);
    let tiers = thresholds.filter_map(|above| {
        let standard_tier = stated.get(&Set {
            service_tier: None,
            above_input_tokens: Some(above),
        });
        let like = standard_tier.map_or_else(|| rates.clone(), |tier| completed(tier, standard));
        let tier = completed(in_set(Some(above))?, &like);
        (tier != rates).then_some(Tier {
            above_input_tokens: above,
            rates: tier,
        })
    });
    RateSet {
        tiers: tiers.collect(),
        rates,
    }
}

/// A set's rates; a class it does not state keeps the ratio to input or output
/// that it has in the set it derives from.
fn completed(stated: &Rates, like: &Rates) -> Rates {
    let mut rates = stated.clone();
    for class in TokenClass::ALL {
        if let (None, Some(rate)) = (stated.stated(class), like.stated(class)) {
            let side = if class.is_input() {
                TokenClass::Input
            } else {
                TokenClass::Output
            };
            let scaled = match (stated.stated(side), like.stated(side)) {
                (Some(this), Some(that)) if !that.is_zero() => rate * this / that,
                _ => rate,
            };
            *rates.stated_mut(class) = Some(scaled.round_dp(MAX_SCALE));
        }
    }
    rates
}

/// The map writes floating point (`2.5e-06`); its shortest form is the decimal
/// that was meant.
fn decimal(value: &Value) -> Option<Decimal> {
    let text = value.as_number()?.to_string();
    text.parse()
        .or_else(|_| Decimal::from_scientific(&text))
        .ok()
}

/// Per token → per million, without the noise of binary fractions.
fn per_million(per_token: Decimal) -> Decimal {
    (per_token * Decimal::from(1_000_000)).round_dp(MAX_SCALE)
}
