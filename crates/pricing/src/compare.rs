//! Compares the catalogue with a third-party price map, so that a wrong or
//! stale figure shows before a user finds it. Differences that were looked into
//! are explained in `services/ai/price-differences.yaml`.

use std::collections::BTreeSet;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use systemprompt_domain::usage::TokenClass;
use time::{OffsetDateTime, UtcOffset};

use crate::rates::{RateSet, Rates, Tier};
use crate::version::PriceVersion;
use crate::{Catalogue, PricingError, parse_litellm};

/// The providers whose prices the catalogue states.
pub(crate) const PROVIDERS: [&str; 3] = ["anthropic", "openai", "gemini"];

/// One figure that the catalogue and the other table do not agree on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The provider.
    pub provider: String,
    /// The model's key in the other table.
    pub model: String,
    /// What differs: `input`, `batch cache_read`, `>200000 output`, `us`,
    /// `web_search`; a service tier's or long-context tier's name alone if only
    /// one side has it (the figure is its input rate); the other table's own key
    /// for a price we have no place for; `model` if the catalogue does not have
    /// the model at all.
    pub field: String,
    /// Our figure.
    pub ours: Option<Decimal>,
    /// The other table's figure; in its own unit where `field` is its own key.
    pub theirs: Option<Decimal>,
    /// Why that is so, if somebody found out.
    pub explained: Option<String>,
}

/// A reason for some differences. `*` in a name stands for any text.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Explanation {
    models: Vec<String>,
    fields: Vec<String>,
    because: String,
}

/// Lists what the catalogue at a time and a map in LiteLLM's layout do not
/// agree on, for Anthropic's, OpenAI's and Gemini's models in the map. Rates are
/// compared as charged: a class without a rate of its own counts with what it
/// falls back to.
///
/// # Errors
/// If the map or our table of explanations cannot be read.
pub fn compare(
    catalogue: &Catalogue,
    litellm_json: &str,
    at: OffsetDateTime,
) -> Result<Vec<Difference>, PricingError> {
    let explanations = explanations()?;
    let mut differences = Vec::new();
    for listed in parse_litellm(litellm_json, at.to_offset(UtcOffset::UTC).date())? {
        let theirs = &listed.version;
        if !PROVIDERS.contains(&theirs.provider.as_str()) {
            continue;
        }
        let mut found = Found::default();
        match catalogue.find(&theirs.provider, Some(&theirs.model), None, at) {
            None => found.push("model", None, theirs.rates.input),
            Some(ours) => {
                found.compare(ours, theirs);
                for (key, price) in &listed.left_out {
                    found.push(key, None, Some(*price));
                }
            }
        }
        differences.extend(
            found
                .differences(&theirs.provider, &listed.key)
                .map(|found| {
                    let covers = |reason: &&Explanation| reason.covers(&listed.key, &found.field);
                    let reason = explanations.iter().find(covers);
                    Difference {
                        explained: reason.map(|reason| reason.because.clone()),
                        ..found
                    }
                }),
        );
    }
    Ok(differences)
}

/// Every figure that differs between two versions; without one of ours, the
/// model itself.
pub(crate) fn between(ours: Option<&PriceVersion>, theirs: &PriceVersion) -> Vec<Difference> {
    let mut found = Found::default();
    match ours {
        None => found.push("model", None, theirs.rates.input),
        Some(ours) => {
            found.compare(ours, theirs);
            for (kind, price) in &ours.calls {
                if !theirs.calls.contains_key(kind) {
                    found.push(kind, Some(*price), None);
                }
            }
        }
    }
    found.differences(&theirs.provider, &theirs.model).collect()
}

/// Whether two versions charge the same for standard requests of any size.
pub(crate) fn same_standard(ours: &PriceVersion, theirs: &PriceVersion) -> bool {
    let mut found = Found::default();
    found.rates("", &ours.rates, &theirs.rates);
    found.tiers("", &ours.tiers, &theirs.tiers);
    found.0.is_empty()
}

/// Differences of one model: field, ours, theirs.
#[derive(Default)]
struct Found(Vec<(String, Option<Decimal>, Option<Decimal>)>);

impl Found {
    fn push(&mut self, field: &str, ours: Option<Decimal>, theirs: Option<Decimal>) {
        if ours != theirs {
            self.0.push((field.trim_end().to_owned(), ours, theirs));
        }
    }

    fn differences(self, provider: &str, model: &str) -> impl Iterator<Item = Difference> {
        let found = self.0.into_iter();
        found.map(move |(field, ours, theirs)| Difference {
            provider: provider.to_owned(),
            model: model.to_owned(),
            field,
            ours,
            theirs,
            explained: None,
        })
    }

    fn compare(&mut self, ours: &PriceVersion, theirs: &PriceVersion) {
        self.rates("", &ours.rates, &theirs.rates);
        self.tiers("", &ours.tiers, &theirs.tiers);
        for name in keys(ours.service_tiers.keys(), theirs.service_tiers.keys()) {
            let prefix = format!("{name} ");
            match (ours.service_tiers.get(name), theirs.service_tiers.get(name)) {
                (Some(ours), Some(theirs)) => {
                    self.rates(&prefix, &ours.rates, &theirs.rates);
                    self.tiers(&prefix, &ours.tiers, &theirs.tiers);
                }
                (ours, theirs) => {
                    let input = |set: &RateSet| set.rates.input;
                    self.push(&prefix, ours.and_then(input), theirs.and_then(input));
                }
            }
        }
        for name in keys(ours.regions.keys(), theirs.regions.keys()) {
            let factor = |version: &PriceVersion| version.regions.get(name).copied();
            self.push(name, factor(ours), factor(theirs));
        }
        // The map has call prices for a few models only; that it lists none
        // says nothing.
        for (kind, price) in &theirs.calls {
            self.push(kind, ours.calls.get(kind).copied(), Some(*price));
        }
    }

    fn rates(&mut self, prefix: &str, ours: &Rates, theirs: &Rates) {
        for class in TokenClass::ALL {
            if ours.stated(class).is_some() || theirs.stated(class).is_some() {
                let field = format!("{prefix}{}", class.as_str());
                self.push(&field, ours.of(class), theirs.of(class));
            }
        }
    }

    fn tiers(&mut self, prefix: &str, ours: &[Tier], theirs: &[Tier]) {
        let thresholds =
            |tiers: &[Tier]| tiers.iter().map(|tier| tier.above_input_tokens).collect();
        let (of_ours, of_theirs): (Vec<u64>, Vec<u64>) = (thresholds(ours), thresholds(theirs));
        for above in keys(of_ours.iter(), of_theirs.iter()) {
            let prefix = format!("{prefix}>{above} ");
            let is_it = |tier: &&Tier| tier.above_input_tokens == *above;
            match (ours.iter().find(is_it), theirs.iter().find(is_it)) {
                (Some(ours), Some(theirs)) => self.rates(&prefix, &ours.rates, &theirs.rates),
                (ours, theirs) => {
                    let input = |tier: &Tier| tier.rates.input;
                    self.push(&prefix, ours.and_then(input), theirs.and_then(input));
                }
            }
        }
    }
}

/// The keys of both sides, each once, in order.
fn keys<'a, K: Ord>(
    ours: impl Iterator<Item = &'a K>,
    theirs: impl Iterator<Item = &'a K>,
) -> BTreeSet<&'a K> {
    ours.chain(theirs).collect()
}

fn explanations() -> Result<Vec<Explanation>, PricingError> {
    let text = include_str!("../../../services/ai/price-differences.yaml");
    Ok(serde_yaml::from_str(text)?)
}

impl Explanation {
    fn covers(&self, model: &str, field: &str) -> bool {
        let any = |patterns: &[String], text| patterns.iter().any(|one| matches(one, text));
        any(&self.models, model) && any(&self.fields, field)
    }
}

/// Whether a text matches a pattern in which `*` stands for any text.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text.strip_prefix(start).is_some_and(|text| {
            (0..=text.len()).any(|at| text.get(at..).is_some_and(|text| matches(rest, text)))
        }),
    }
}
