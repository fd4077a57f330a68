//! From usage and prices to money: one line per token class and kind of call,
//! exact in decimal. Rounding happens once per request, in `Catalogue::cost`.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use systemprompt_domain::money::Nanos;
use systemprompt_domain::usage::{TokenClass, Usage};

use crate::version::PriceVersion;

/// One token's share of a rate per million tokens.
const MILLIONTH: Decimal = Decimal::from_parts(1, 0, 0, false, 6);

/// What a request cost, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// The sum of all lines, rounded half to even to a nano-dollar.
    pub total: Nanos,
    /// The price version of the model that served the request.
    pub price_version: String,
    /// How the total comes about. Empty if nothing billable was used.
    pub lines: Vec<CostLine>,
}

/// Quantity × rate of one token class or one kind of call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CostLine {
    /// The model the rate belongs to.
    pub model: String,
    /// The price version the rate was read from.
    pub price_version: String,
    /// The token class or the kind of call.
    pub item: String,
    /// Tokens or calls.
    pub quantity: u64,
    /// US dollars per `unit`.
    pub rate: Decimal,
    /// What the rate counts.
    pub unit: Unit,
    /// Why the rate is not the standard one: service tier, prompt size, region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<String>,
    /// US dollars, exact.
    pub cost: Decimal,
}

/// What a rate counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// A million tokens.
    MillionTokens,
    /// One call.
    Call,
}

impl PriceVersion {
    /// The cost of the main model's tokens and of the calls, line by line;
    /// other models in `usage` have versions of their own. The same usage and
    /// the same version always give the same lines.
    ///
    /// Empty if nothing was used, or if the request was served from a tier
    /// that this version has no price for.
    #[must_use]
    pub fn lines(&self, usage: &Usage) -> Vec<CostLine> {
        self.priced(usage, usage.tokens.input_total())
            .unwrap_or_default()
    }

    /// [`PriceVersion::lines`] by the rates for prompts of that many tokens, with
    /// `None` for a tier without a price and for amounts beyond what a decimal holds.
    pub(crate) fn priced(&self, usage: &Usage, prompt: u64) -> Option<Vec<CostLine>> {
        let applied = self.applied(usage, prompt)?;
        let mut lines = Vec::new();
        for class in TokenClass::ALL {
            let quantity = usage.tokens.get(class);
            if quantity == 0 {
                continue;
            }
            let stated = applied.rates.of(class)?;
            let rate = applied
                .factor
                .map_or(Some(stated), |factor| stated.checked_mul(factor))?;
            lines.push(CostLine {
                model: self.model.clone(),
                price_version: self.id.clone(),
                item: class.as_str().to_owned(),
                quantity,
                rate: rate.normalize(),
                unit: Unit::MillionTokens,
                tier: applied.label.clone(),
                cost: Decimal::from(quantity)
                    .checked_mul(rate)?
                    .checked_mul(MILLIONTH)?
                    .normalize(),
            });
        }
        for (kind, quantity) in usage.calls.iter().filter(|(_, quantity)| **quantity > 0) {
            let Some(rate) = self.calls.get(kind).copied() else {
                continue;
            };
            lines.push(CostLine {
                model: self.model.clone(),
                price_version: self.id.clone(),
                item: kind.clone(),
                quantity: *quantity,
                rate,
                unit: Unit::Call,
                tier: None,
                cost: Decimal::from(*quantity).checked_mul(rate)?.normalize(),
            });
        }
        Some(lines)
    }
}
