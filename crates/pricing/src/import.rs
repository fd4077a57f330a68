//! Price files that operators bring: our own YAML and LiteLLM's map, and what
//! they would change of the prices in force.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use serde::Serialize;
use time::Date;

use crate::catalogue::{current, put};
use crate::compare::{Difference, PROVIDERS, between, same_standard};
use crate::version::{PriceVersion, Source, SourceKind};
use crate::{Catalogue, PricingError, parse_litellm};

/// The prices of a file, in our terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceFile {
    /// Its versions, each once.
    pub versions: Vec<PriceVersion>,
    /// Models that were left out because the map states two prices for them:
    /// the keys of both.
    pub contradictions: Vec<(String, String)>,
    /// Whether the file knows only some of a model's prices, as a map of bare
    /// token prices does: what it does not mention then stays as it is.
    partial: bool,
}

/// How to read a map in LiteLLM's layout, which has no dates and names for
/// providers of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MapOf {
    /// The provider's name in our configuration → its name in the map. Empty:
    /// Anthropic, OpenAI and Gemini.
    pub providers: BTreeMap<String, String>,
}

impl PriceFile {
    /// Reads a catalogue in the layout of `services/ai/prices.yaml`.
    ///
    /// # Errors
    /// If the text is not in that layout, a name or a date occurs twice, or a
    /// price is missing or impossible. The message names model and key.
    pub fn from_yaml(text: &str, today: Date) -> Result<Self, PricingError> {
        let catalogue = Catalogue::from_yaml(text)?;
        let versions = catalogue.versions().cloned();
        Ok(Self {
            versions: versions.map(|version| imported(version, today)).collect(),
            contradictions: Vec::new(),
            partial: false,
        })
    }

    /// Reads LiteLLM's price map, with `from` as the first day of its prices.
    /// Two entries of one model that state different prices are both left out.
    ///
    /// # Errors
    /// If the text is not such a map, or a price is impossible.
    pub fn from_litellm(
        text: &str,
        from: Date,
        map: &MapOf,
        today: Date,
    ) -> Result<Self, PricingError> {
        let ours = |theirs: &str| -> Option<String> {
            if map.providers.is_empty() {
                return PROVIDERS.contains(&theirs).then(|| theirs.to_owned());
            }
            let mut wanted = map.providers.iter();
            wanted.find_map(|(ours, name)| (name == theirs).then(|| ours.clone()))
        };
        let mut found: BTreeMap<(String, String), (String, PriceVersion)> = BTreeMap::new();
        let mut contradictions = Vec::new();
        for listed in parse_litellm(text, from)? {
            let Some(provider) = ours(&listed.version.provider) else {
                continue;
            };
            let mut version = imported(listed.version, today);
            version.provider = provider;
            let version = version.sealed()?;
            let name = (version.provider.clone(), version.model.clone());
            match found.entry(name) {
                Entry::Vacant(free) => {
                    free.insert((listed.key, version));
                }
                Entry::Occupied(taken) if taken.get().1.id != version.id => {
                    contradictions.push((taken.get().0.clone(), listed.key));
                }
                Entry::Occupied(_) => {}
            }
        }
        for (first, _) in &contradictions {
            found.retain(|_, (key, _)| key != first);
        }
        Ok(Self {
            versions: found.into_values().map(|(_, version)| version).collect(),
            contradictions,
            partial: true,
        })
    }
}

fn imported(version: PriceVersion, today: Date) -> PriceVersion {
    let source = Source {
        kind: SourceKind::Imported,
        checked: Some(today),
    };
    PriceVersion { source, ..version }
}

/// What a version of a file is to the prices in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// The model has no price without this file.
    New,
    /// The model has other prices.
    Changed,
    /// It says what is in force anyway.
    Same,
}

/// A version of a file, and what importing it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// The version as it would be imported.
    pub version: PriceVersion,
    /// What it is to the prices in force on its first day.
    pub change: Change,
    /// The figures that differ.
    pub differences: Vec<Difference>,
}

impl Catalogue {
    /// What importing a file over this catalogue would change, version by
    /// version.
    ///
    /// # Errors
    /// If a price together with those that stay is impossible.
    pub fn plan(&self, file: &PriceFile) -> Result<Vec<Planned>, PricingError> {
        let mut versions: Vec<&PriceVersion> = file.versions.iter().collect();
        versions.sort_by_key(|version| (&version.provider, &version.model, version.from));
        let mut plan = Vec::new();
        let same_model = |a: &&PriceVersion, b: &&PriceVersion| {
            (&a.provider, &a.model) == (&b.provider, &b.model)
        };
        for model in versions.chunk_by(|a, b| same_model(a, b)) {
            let first = model[0];
            // Each version is judged by what the ones before it leave in force.
            let mut history = self.history(&first.provider, &first.model).to_vec();
            if history.is_empty() {
                let at = first.from.midnight().assume_utc();
                let stem = self.find(&first.provider, Some(&first.model), None, at);
                history.extend(stem.map(|stem| Arc::new(stem.clone())));
            }
            let known = !history.is_empty();
            for version in model {
                let ours = current(&history, version.from);
                let mut planned = planned(ours, version, file.partial)?;
                if !known && planned.change == Change::Changed {
                    planned.change = Change::New;
                }
                if planned.change != Change::Same {
                    put(&mut history, &Arc::new(planned.version.clone()));
                }
                plan.push(planned);
            }
        }
        Ok(plan)
    }
}

fn planned(
    ours: Option<&PriceVersion>,
    theirs: &PriceVersion,
    partial: bool,
) -> Result<Planned, PricingError> {
    let version = match ours {
        Some(ours) if partial => completed(theirs, ours)?,
        _ => theirs.clone(),
    };
    let differences = between(ours, &version);
    let change = match ours {
        None => Change::New,
        Some(_) if differences.is_empty() => Change::Same,
        Some(_) => Change::Changed,
    };
    Ok(Planned {
        version,
        change,
        differences,
    })
}

/// What the map says, and of what it does not mention that which can still be
/// right: prices of calls and factors of regions; service tiers only where the
/// standard rates, from which they derive, are what they were.
fn completed(theirs: &PriceVersion, ours: &PriceVersion) -> Result<PriceVersion, PricingError> {
    let mut version = theirs.clone();
    for (kind, price) in &ours.calls {
        version.calls.entry(kind.clone()).or_insert(*price);
    }
    for (region, factor) in &ours.regions {
        version.regions.entry(region.clone()).or_insert(*factor);
    }
    if same_standard(ours, theirs) {
        for (name, set) in &ours.service_tiers {
            let tiers = &mut version.service_tiers;
            tiers.entry(name.clone()).or_insert_with(|| set.clone());
        }
    }
    version.sealed()
}
