//! Which of a price version's rate sets a request was served from, told from
//! the names that providers use in their answers.

use systemprompt_domain::usage::Usage;

use crate::rates::{Rates, Tier};
use crate::version::PriceVersion;

const STANDARD: &str = "standard";

/// The rates in force for one request.
pub(crate) struct Applied<'a> {
    pub(crate) rates: &'a Rates,
    /// Why these and not the standard rates, for people to read.
    pub(crate) label: Option<String>,
    /// The region's factor on every rate, if it has one.
    pub(crate) factor: Option<rust_decimal::Decimal>,
}

impl PriceVersion {
    /// Finds the rates for a request by the tier that served it, its speed, the
    /// size of its prompt and its region.
    ///
    /// `None` if it was served from a tier that this version has no price for.
    /// Guessing the standard rate would be wrong by a factor of up to six, so
    /// such a request is unpriced. A profile's price holds for every tier.
    pub(crate) fn applied(&self, usage: &Usage, prompt: u64) -> Option<Applied<'_>> {
        let named = if self.custom {
            STANDARD.into()
        } else {
            set_name(&self.provider, usage)?
        };
        let (rates, tiers) = if named == STANDARD {
            (&self.rates, &self.tiers)
        } else {
            let set = self.service_tiers.get(&named)?;
            (&set.rates, &set.tiers)
        };
        let tier = tiers
            .iter()
            .rfind(|tier: &&Tier| prompt > tier.above_input_tokens);
        let region = usage
            .region
            .as_ref()
            .and_then(|name| self.regions.get_key_value(name));

        let mut label = Vec::new();
        if named != STANDARD {
            label.push(named);
        }
        if let Some(tier) = tier {
            label.push(format!(">{} input tokens", tier.above_input_tokens));
        }
        if let Some((name, factor)) = region {
            label.push(format!("{name} ×{factor}"));
        }
        Some(Applied {
            rates: tier.map_or(rates, |tier| &tier.rates),
            label: (!label.is_empty()).then(|| label.join(", ")),
            factor: region.map(|(_, factor)| *factor),
        })
    }
}

/// The rate set's name for what the provider stated. A tier and a speed that
/// both leave the standard have no set in common: `None`.
fn set_name(provider: &str, usage: &Usage) -> Option<String> {
    let tier = canonical(provider, usage.service_tier.as_deref().unwrap_or(STANDARD));
    let speed = usage
        .speed
        .as_deref()
        .unwrap_or(STANDARD)
        .to_ascii_lowercase();
    match (tier.as_str(), speed.as_str()) {
        (_, STANDARD) => Some(tier),
        (STANDARD, _) => Some(speed),
        _ => None,
    }
}

/// A provider's name for a service tier as the catalogue has it.
///
/// Capacity that was bought in advance (Anthropic's priority tier, OpenAI's
/// scale tier, Vertex' provisioned throughput) has no price per token; its
/// requests show what the same tokens cost at the standard rate. OpenAI's
/// priority tier, by contrast, is a price of its own.
fn canonical(provider: &str, stated: &str) -> String {
    let stated = stated.to_ascii_lowercase();
    let name = match (provider, stated.as_str()) {
        ("anthropic", "priority") => STANDARD,
        ("openai", "" | "default" | "auto" | "scale") => STANDARD,
        ("openai", "fast") => "priority",
        (
            "gemini",
            ""
            | "on_demand"
            | "provisioned"
            | "provisioned_throughput"
            | "traffic_type_unspecified",
        ) => STANDARD,
        ("gemini", "on_demand_flex") => "flex",
        ("gemini", "on_demand_priority") => "priority",
        (_, other) => other,
    };
    name.to_owned()
}
