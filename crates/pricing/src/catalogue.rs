//! All prices: which version applies to a model at a time, and what a request
//! cost. Reading the YAML is in `yaml`, the arithmetic of a line in `cost`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use rust_decimal::Decimal;
use systemprompt_domain::money::Nanos;
use systemprompt_domain::usage::Usage;
use time::{Date, OffsetDateTime, UtcOffset};

use crate::cost::{Cost, CostLine};
use crate::custom::{CustomPrice, EVERY_PROVIDER};
use crate::version::PriceVersion;
use crate::{PricingError, names, yaml};

/// Versions of one name by rising date.
type History = Vec<Arc<PriceVersion>>;

/// Every known price. Copies share their versions.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    /// Provider → model name or alias → its versions.
    listed: BTreeMap<String, BTreeMap<String, History>>,
    /// The profile's prices by model name.
    custom: BTreeMap<String, Arc<PriceVersion>>,
}

impl Catalogue {
    /// The catalogue compiled into the program from `services/ai/prices.yaml`.
    #[must_use]
    pub fn builtin() -> &'static Self {
        static BUILTIN: LazyLock<Catalogue> = LazyLock::new(|| {
            Catalogue::from_yaml(include_str!("../../../services/ai/prices.yaml"))
                .expect("the tests read this very file")
        });
        &BUILTIN
    }

    /// Reads a catalogue in the layout of `services/ai/prices.yaml`.
    ///
    /// # Errors
    /// If the text is not in that layout, a name or a date occurs twice, or a
    /// price is missing or impossible. The message names model and key.
    pub fn from_yaml(text: &str) -> Result<Self, PricingError> {
        let mut catalogue = Self::default();
        for versions in yaml::parse(text)? {
            catalogue.list_new(versions)?;
        }
        Ok(catalogue)
    }

    /// Lists a model whose names must all be new.
    fn list_new(&mut self, versions: Vec<PriceVersion>) -> Result<(), PricingError> {
        let mut history: History = versions.into_iter().map(Arc::new).collect();
        history.sort_by_key(|version| version.from);
        let Some(first) = history.first().cloned() else {
            return Ok(());
        };
        let refuse = |reason: String| PricingError::model(&first.provider, &first.model, reason);
        if let Some(pair) = history.windows(2).find(|pair| pair[0].from == pair[1].from) {
            return Err(refuse(format!(
                "two versions have `from: {}`",
                pair[0].from
            )));
        }
        let names = self.listed.entry(first.provider.clone()).or_default();
        for name in std::iter::once(&first.model).chain(&first.aliases) {
            if names.insert(name.clone(), history.clone()).is_some() {
                return Err(refuse(format!("the name `{name}` is listed twice")));
            }
        }
        Ok(())
    }

    /// The same catalogue with imported versions over it. A version replaces
    /// the one with the same date; others stay, so that an import keeps the
    /// past and scheduled changes.
    ///
    /// A version also holds for the names that the catalogue knows its model
    /// by, unless they are imported as models of their own: who mends the price
    /// of a model means its dated snapshots too.
    #[must_use]
    pub fn with_versions(&self, versions: impl IntoIterator<Item = PriceVersion>) -> Self {
        let versions: Vec<_> = versions.into_iter().map(Arc::new).collect();
        let own: BTreeSet<(&str, &str)> = versions
            .iter()
            .map(|version| (version.provider.as_str(), version.model.as_str()))
            .collect();
        let mut catalogue = self.clone();
        for version in &versions {
            let known = self.aliases(&version.provider, &version.model);
            let known = known.filter(|name| !own.contains(&(version.provider.as_str(), name)));
            let mut names: BTreeSet<&str> = known.collect();
            names.insert(&version.model);
            names.extend(version.aliases.iter().map(String::as_str));
            let listed = catalogue
                .listed
                .entry(version.provider.clone())
                .or_default();
            for name in names {
                put(listed.entry(name.to_owned()).or_default(), version);
            }
        }
        catalogue
    }

    /// The other names of a model in any of its versions.
    fn aliases(&self, provider: &str, model: &str) -> impl Iterator<Item = &str> {
        self.history(provider, model)
            .iter()
            .filter(move |version| version.model == model)
            .flat_map(|version| &version.aliases)
            .map(String::as_str)
    }

    /// The listed versions of a name exactly as it is listed, by rising date;
    /// empty if it is not. The profile's prices are not among them.
    #[must_use]
    pub fn history(&self, provider: &str, name: &str) -> &[Arc<PriceVersion>] {
        let names = self.listed.get(provider);
        names
            .and_then(|names| names.get(name))
            .map_or(&[], Vec::as_slice)
    }

    /// The providers that have prices of their own.
    pub fn providers(&self) -> impl Iterator<Item = &str> {
        self.listed.keys().map(String::as_str)
    }

    /// The same catalogue with the profile's custom prices over it.
    ///
    /// # Errors
    /// If a price is negative or impossible. The message names model and key.
    pub fn with_custom(
        &self,
        custom: &BTreeMap<String, CustomPrice>,
    ) -> Result<Self, PricingError> {
        let mut catalogue = self.clone();
        for (model, price) in custom {
            catalogue
                .custom
                .insert(model.clone(), Arc::new(price.version(model)?));
        }
        Ok(catalogue)
    }

    /// The version that prices a request to `provider` (its name in the
    /// configuration) at a time.
    ///
    /// The served model's name decides, then the requested one's; the profile's
    /// prices come before the catalogue's. If neither name is listed, they may
    /// be dated snapshots of one that is; the longest such name wins. A time
    /// before a model's first version uses the first.
    #[must_use]
    pub fn find(
        &self,
        provider: &str,
        served: Option<&str>,
        requested: Option<&str>,
        at: OffsetDateTime,
    ) -> Option<&PriceVersion> {
        let stated = || [served, requested].into_iter().flatten();
        let spellings = || stated().flat_map(|name| [name, names::bare(provider, name)]);
        spellings()
            .find_map(|name| self.custom(provider, name))
            .or_else(|| spellings().find_map(|name| self.listed(provider, name, at)))
            .or_else(|| {
                stated()
                    .flat_map(|name| names::stems(names::bare(provider, name)))
                    .find_map(|stem| {
                        self.custom(provider, stem)
                            .or_else(|| self.listed(provider, stem, at))
                    })
            })
    }

    fn custom(&self, provider: &str, name: &str) -> Option<&PriceVersion> {
        let version = self.custom.get(name)?;
        [EVERY_PROVIDER, provider]
            .contains(&version.provider.as_str())
            .then_some(version)
    }

    fn listed(&self, provider: &str, name: &str, at: OffsetDateTime) -> Option<&PriceVersion> {
        current(
            self.history(provider, name),
            at.to_offset(UtcOffset::UTC).date(),
        )
    }

    /// Every version: the profile's, then the others by provider, model and
    /// date.
    pub fn versions(&self) -> impl Iterator<Item = &PriceVersion> {
        let listed = self.listed.values().flatten().flat_map(|(name, history)| {
            history.iter().filter(move |version| version.model == *name)
        });
        self.custom.values().chain(listed).map(AsRef::as_ref)
    }

    /// What a request cost; `None` if it is unpriced: its model, a model it
    /// used on the way (Anthropic's advisor), or the tier that served it has no
    /// price.
    #[must_use]
    pub fn cost(
        &self,
        provider: &str,
        served: Option<&str>,
        requested: Option<&str>,
        at: OffsetDateTime,
        usage: &Usage,
    ) -> Option<Cost> {
        let version = self.find(provider, served, requested, at)?;
        let mut lines = version.priced(usage, usage.tokens.input_total())?;
        for other in &usage.other_models {
            // Tier and region belong to the request; calls were counted once,
            // and speed is a property of the main model.
            let share = Usage {
                tokens: other.tokens,
                service_tier: usage.service_tier.clone(),
                region: usage.region.clone(),
                ..Usage::default()
            };
            lines.extend(
                self.find(provider, Some(&other.model), None, at)?
                    .priced(&share, share.tokens.input_total())?,
            );
        }
        total(version, lines)
    }

    /// What many requests cost together, of which only the sum is known: `usage` is
    /// all that they used of one model, and `prompt` how many tokens of input one of
    /// them had, which long-context tiers are chosen on. Rounded once. `None` if the
    /// model, or the tier that served them, has no price.
    #[must_use]
    pub fn cost_of_many(
        &self,
        provider: &str,
        model: &str,
        at: OffsetDateTime,
        usage: &Usage,
        prompt: u64,
    ) -> Option<Cost> {
        let version = self.find(provider, Some(model), None, at)?;
        total(version, version.priced(usage, prompt)?)
    }
}

fn total(version: &PriceVersion, lines: Vec<CostLine>) -> Option<Cost> {
    let usd = lines
        .iter()
        .try_fold(Decimal::ZERO, |sum, line| sum.checked_add(line.cost))?;
    Some(Cost {
        total: Nanos::from_usd(usd)?,
        price_version: version.id.clone(),
        lines,
    })
}

/// Puts a version in its place, over the one of the same date.
pub(crate) fn put(history: &mut History, version: &Arc<PriceVersion>) {
    match history.binary_search_by_key(&version.from, |known| known.from) {
        Ok(at) => history[at] = Arc::clone(version),
        Err(at) => history.insert(at, Arc::clone(version)),
    }
}

/// The version of a day; before the first one, that one.
pub(crate) fn current(history: &[Arc<PriceVersion>], day: Date) -> Option<&PriceVersion> {
    let current = history.iter().rfind(|version| version.from <= day);
    current.or_else(|| history.first()).map(AsRef::as_ref)
}
