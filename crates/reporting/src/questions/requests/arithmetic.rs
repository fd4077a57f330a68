//! How a cost came about: the stored usage times the stored prices, line by
//! line, computed anew.

use std::collections::HashMap;

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use sqlx::PgPool;
use systemprompt_domain::{Nanos, Tokens, Usage};
use systemprompt_pricing::{CostLine, PriceVersion, Unit};
use systemprompt_storage::usage::StoredUsage;

use crate::error::Result;

/// One line of a bill.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Line {
    /// The model the rate belongs to
    pub model: String,
    /// The token class, or the kind of call
    pub item: String,
    /// Tokens or calls
    #[schemars(extend("x-unit" = "count"))]
    pub quantity: u64,
    /// US dollars per unit
    #[schemars(extend("x-unit" = "usd"))]
    pub rate: Decimal,
    /// What the rate counts: `million_tokens` or `call`
    pub unit: &'static str,
    /// Why the rate is not the standard one
    pub tier: Option<String>,
    /// Quantity times rate in US dollars, exact
    #[schemars(extend("x-unit" = "usd"))]
    pub cost: Decimal,
    /// The price version the rate was read from
    #[schemars(extend("x-unit" = "id"))]
    pub price_version: String,
}

impl From<CostLine> for Line {
    fn from(line: CostLine) -> Self {
        Self {
            model: line.model,
            item: line.item,
            quantity: line.quantity,
            rate: line.rate,
            unit: match line.unit {
                Unit::MillionTokens => "million_tokens",
                Unit::Call => "call",
            },
            tier: line.tier,
            cost: line.cost,
            price_version: line.price_version,
        }
    }
}

/// What a request used, as it was stored.
pub(super) struct Priced {
    /// The tokens of all models together.
    pub tokens: Tokens,
    pub service_tier: Option<String>,
    pub extra: Option<Value>,
    pub price_version: Option<String>,
}

/// The lines of a request's bill; `None` if it has no price, or if the prices
/// or the usage that made it are no longer readable.
pub(super) async fn lines(pool: &PgPool, priced: Priced) -> Result<Option<Vec<Line>>> {
    let Ok(stored) = StoredUsage::read(priced.tokens, priced.service_tier, priced.extra) else {
        return Ok(None);
    };
    let mut main = stored.usage;
    let others = std::mem::take(&mut main.other_models);
    let (service_tier, region) = (main.service_tier.clone(), main.region.clone());
    let mut parts = vec![(priced.price_version, main)];
    for (other, price_version) in others.into_iter().zip(stored.other_price_versions) {
        // Calls were billed once, and speed is a property of the main model.
        let usage = Usage {
            tokens: other.tokens,
            service_tier: service_tier.clone(),
            region: region.clone(),
            ..Usage::default()
        };
        parts.push((price_version, usage));
    }
    let Some(ids) = parts
        .iter()
        .map(|(id, _)| id.clone())
        .collect::<Option<Vec<_>>>()
    else {
        return Ok(None);
    };
    let versions = versions(pool, &ids).await?;
    let bill = parts
        .iter()
        .zip(&ids)
        .map(|((_, usage), id)| Some(versions.get(id)?.lines(usage)));
    let bill: Option<Vec<_>> = bill.collect();
    Ok(bill.map(|bill| bill.into_iter().flatten().map(Line::from).collect()))
}

/// The sum of a bill, rounded as it was when it was recorded.
pub(super) fn total(lines: &[Line]) -> Option<Nanos> {
    let sum = lines
        .iter()
        .try_fold(Decimal::ZERO, |sum, line| sum.checked_add(line.cost))?;
    Nanos::from_usd(sum)
}

async fn versions(pool: &PgPool, ids: &[String]) -> Result<HashMap<String, PriceVersion>> {
    let rows = sqlx::query_file!("src/questions/requests/versions.sql", ids)
        .fetch_all(pool)
        .await?;
    let readable = rows.into_iter().filter_map(|row| {
        let version = serde_json::from_value(row.version).ok()?;
        Some((row.id, version))
    });
    Ok(readable.collect())
}
