//! What a request should have cost, computed a second time from the price
//! version that its row names. Shares no code with the pricing crate: two
//! answers to one question are worth nothing if they come from one place.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context, Result};
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::Value;
use sqlx::{PgPool, Row};

/// What was used, as a test knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Tokens by class, under the classes' column names.
    pub tokens: BTreeMap<&'static str, u64>,
    /// The service tier as the provider states it.
    pub tier: Option<String>,
    /// The speed as the provider states it.
    pub speed: Option<String>,
    /// The region of inference as the provider states it.
    pub region: Option<String>,
    /// Billed calls by kind.
    pub calls: BTreeMap<String, u64>,
}

/// The price versions that the server keeps in its database.
#[derive(Debug)]
pub struct Prices(HashMap<String, Value>);

impl Prices {
    /// Reads all of them.
    ///
    /// # Errors
    /// The database fails.
    pub async fn read(db: &PgPool) -> Result<Self> {
        let rows = sqlx::query("select id, version from price_versions")
            .fetch_all(db)
            .await?;
        let versions = rows
            .iter()
            .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
        Ok(Self(versions.collect::<Result<_, sqlx::Error>>()?))
    }

    /// The cost in US dollars by a version, exact.
    ///
    /// # Errors
    /// There is no such version, or it has no price for what was used.
    pub fn cost(&self, version: &str, used: &Used) -> Result<Decimal> {
        let version = self
            .0
            .get(version)
            .with_context(|| format!("no price version {version}"))?;
        dollars(version, used).with_context(|| format!("{version} has no price for {used:?}"))
    }

    /// Whether any version is for this model, by its name or an alias.
    #[must_use]
    pub fn know(&self, provider: &str, model: &str) -> bool {
        self.0.values().any(|version| {
            let aliases = version["aliases"].as_array();
            version["provider"] == provider
                && (version["model"] == model
                    || aliases.is_some_and(|names| names.iter().any(|name| name == model)))
        })
    }
}

/// Nano-dollars, rounded half to even.
#[must_use]
pub fn nanos(usd: Decimal) -> i64 {
    let scaled = usd * Decimal::from(1_000_000_000);
    let whole = scaled.round_dp_with_strategy(0, RoundingStrategy::MidpointNearestEven);
    whole.try_into().unwrap_or(i64::MAX)
}

fn dollars(version: &Value, used: &Used) -> Option<Decimal> {
    let set = match set_name(version["provider"].as_str()?, used)? {
        None => version,
        Some(name) => version["service_tiers"].get(&name)?,
    };
    let output = ["output", "reasoning", "audio_output"];
    let input = used
        .tokens
        .iter()
        .filter(|(class, _)| !output.contains(*class));
    let prompt: u64 = input.map(|(_, count)| count).sum();
    let tiers = set["tiers"].as_array().map_or(&[][..], Vec::as_slice);
    let longer = |tier: &&Value| {
        tier["above_input_tokens"]
            .as_u64()
            .is_some_and(|n| prompt > n)
    };
    let rates = tiers
        .iter()
        .rfind(longer)
        .map_or(&set["rates"], |tier| &tier["rates"]);
    let factor = used
        .region
        .as_ref()
        .and_then(|name| decimal(version["regions"].get(name)?));

    let mut sum = Decimal::ZERO;
    for (class, count) in used.tokens.iter().filter(|(_, count)| **count > 0) {
        let million = Decimal::from(*count) * rate(rates, class)?;
        sum += million * factor.unwrap_or(Decimal::ONE) / Decimal::from(1_000_000);
    }
    for (kind, count) in &used.calls {
        let price = version["calls"]
            .get(kind)
            .and_then(decimal)
            .unwrap_or_default();
        sum += Decimal::from(*count) * price;
    }
    Some(sum)
}

/// A class's rate, or that of the class it would otherwise be part of.
fn rate(rates: &Value, class: &str) -> Option<Decimal> {
    if let Some(stated) = rates.get(class) {
        return decimal(stated);
    }
    match class {
        "cache_write_1h" => rate(rates, "cache_write_5m"),
        "cache_read" | "cache_write_5m" | "audio_input" | "tool_input" => rate(rates, "input"),
        "reasoning" | "audio_output" => rate(rates, "output"),
        _ => None,
    }
}

/// The rate set that holds: `Some(None)` for the standard one, `None` if tier
/// and speed ask for two at once.
fn set_name(provider: &str, used: &Used) -> Option<Option<String>> {
    let stated = used.tier.as_deref().unwrap_or_default().to_lowercase();
    let tier = match (provider, stated.as_str()) {
        (_, "" | "standard") | ("anthropic", "priority") => None,
        ("openai", "default" | "auto" | "scale") => None,
        ("openai", "fast") => Some("priority".to_owned()),
        ("gemini", "on_demand" | "provisioned_throughput") => None,
        ("gemini", "on_demand_flex") => Some("flex".to_owned()),
        (_, other) => Some(other.to_owned()),
    };
    let speed = used.speed.clone().filter(|speed| speed != "standard");
    match (tier, speed) {
        (tier, None) => Some(tier),
        (None, speed) => Some(speed),
        (Some(_), Some(_)) => None,
    }
}

/// Prices are strings in JSON, so that no reader rounds them.
fn decimal(value: &Value) -> Option<Decimal> {
    value.as_str()?.parse().ok()
}
