//! One model's prices from a date on, complete in itself: stored as JSON, it
//! prices a request again without the catalogue it came from.

use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Write as _;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use systemprompt_domain::usage::TokenClass;
use time::Date;

use crate::PricingError;
use crate::rates::{RateSet, Rates, Tier};

time::serde::format_description!(date, Date, "[year]-[month]-[day]");

/// The `from` of prices that have been in force since the model came out, where
/// nobody noted the day.
pub const LAUNCH: Date = time::macros::date!(1970 - 01 - 01);

/// Rates have at most this many digits behind the point, so that tokens × rate
/// is exact in a 96-bit decimal.
pub(crate) const MAX_SCALE: u32 = 12;

/// One model's prices from a date on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceVersion {
    /// Names these figures: 16 hex digits of the SHA-256 over provider, model,
    /// date and prices. The same figures have the same id on every server.
    pub id: String,
    /// The provider's name in the configuration; `*` for a custom price of
    /// every provider.
    pub provider: String,
    /// The model's name.
    pub model: String,
    /// Other names of the model at the same price (dated snapshots, aliases).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// The first day (UTC) of these prices; [`LAUNCH`] if it is not known.
    #[serde(with = "date")]
    pub from: Date,
    /// Standard rates.
    pub rates: Rates,
    /// Long-context tiers of the standard rates, by rising threshold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tiers: Vec<Tier>,
    /// Rates by service tier (`batch`, `flex`, `priority`, `fast` …).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub service_tiers: BTreeMap<String, RateSet>,
    /// Factors on every token rate by region of inference (`us`, `eu`). A
    /// region that is not listed costs the same as none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub regions: BTreeMap<String, Decimal>,
    /// US dollars per billed call, by kind (`web_search` …). A kind that is not
    /// listed adds nothing: what it costs cannot be told from an answer.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub calls: BTreeMap<String, Decimal>,
    /// Whether the price comes from the profile. Such a price holds for every
    /// service tier.
    #[serde(default)]
    pub custom: bool,
    /// Where the figures come from.
    pub source: Source,
}

/// Where the figures of a price version come from, and when that was checked.
/// Written as `agreed 2026-11-23`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Source {
    /// What kind of source it is.
    pub kind: SourceKind,
    /// The day the source was checked; none for the profile's own prices.
    pub checked: Option<Date>,
}

/// A kind of source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SourceKind {
    /// At least two independent price tables state the same figures.
    Agreed,
    /// One price table states them.
    Single,
    /// An operator imported a price table.
    Imported,
    /// The profile's `custom_pricing`.
    Profile,
}

impl SourceKind {
    const ALL: [Self; 4] = [Self::Agreed, Self::Single, Self::Imported, Self::Profile];

    /// The name used in price tables and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Agreed => "agreed",
            Self::Single => "single",
            Self::Imported => "imported",
            Self::Profile => "profile",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.as_str())?;
        match self.checked {
            Some(checked) => write!(f, " {checked}"),
            None => Ok(()),
        }
    }
}

impl From<Source> for String {
    fn from(source: Source) -> Self {
        source.to_string()
    }
}

impl FromStr for Source {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, checked) = match text.split_once(' ') {
            Some((kind, checked)) => (kind, Some(checked)),
            None => (text, None),
        };
        let known = |known: &SourceKind| known.as_str() == kind;
        Ok(Self {
            kind: SourceKind::ALL
                .into_iter()
                .find(known)
                .ok_or_else(|| format!("unknown source `{text}`"))?,
            checked: checked.map(parse_date).transpose()?,
        })
    }
}

impl TryFrom<String> for Source {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

/// Reads `YYYY-MM-DD`.
///
/// # Errors
/// Says what it should look like.
pub fn parse_date(text: &str) -> Result<Date, String> {
    let format = time::macros::format_description!("[year]-[month]-[day]");
    Date::parse(text, format).map_err(|_| format!("`{text}` is no date (YYYY-MM-DD)"))
}

/// What the id is the hash of. New kinds of price join at the end and are left
/// out where empty, so that old figures keep their ids.
#[derive(Serialize)]
struct Canonical<'a> {
    provider: &'a str,
    model: &'a str,
    #[serde(with = "date")]
    from: Date,
    rates: &'a Rates,
    #[serde(skip_serializing_if = "<[Tier]>::is_empty")]
    tiers: &'a [Tier],
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    service_tiers: &'a BTreeMap<String, RateSet>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    regions: &'a BTreeMap<String, Decimal>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    calls: &'a BTreeMap<String, Decimal>,
}

impl PriceVersion {
    /// Checks the figures, brings them to one form (`2.50` is `2.5`) and names
    /// them.
    ///
    /// # Errors
    /// If a rate is missing, negative or too fine, or tiers are not in order.
    pub(crate) fn sealed(mut self) -> Result<Self, PricingError> {
        self.normalize();
        self.check()
            .map_err(|reason| PricingError::model(&self.provider, &self.model, reason))?;
        let canonical = Canonical {
            provider: &self.provider,
            model: &self.model,
            from: self.from,
            rates: &self.rates,
            tiers: &self.tiers,
            service_tiers: &self.service_tiers,
            regions: &self.regions,
            calls: &self.calls,
        };
        let digest = Sha256::digest(serde_json::to_vec(&canonical)?);
        self.id = digest[..8].iter().fold(String::new(), |mut id, byte| {
            write!(id, "{byte:02x}").expect("writing to a string cannot fail");
            id
        });
        Ok(self)
    }

    fn normalize(&mut self) {
        let standard = RateSet {
            rates: std::mem::take(&mut self.rates),
            tiers: std::mem::take(&mut self.tiers),
        };
        let standard = standard.map(|rate| rate.normalize());
        (self.rates, self.tiers) = (standard.rates, standard.tiers);
        for set in self.service_tiers.values_mut() {
            *set = set.map(|rate| rate.normalize());
        }
        for price in self.regions.values_mut().chain(self.calls.values_mut()) {
            *price = price.normalize();
        }
    }

    fn check(&self) -> Result<(), String> {
        check_set("", &self.rates, &self.tiers)?;
        for (name, set) in &self.service_tiers {
            check_set(&format!("service_tiers.{name}."), &set.rates, &set.tiers)?;
        }
        for (kind, price) in &self.calls {
            check_price(&format!("calls.{kind}"), *price)?;
        }
        for (region, factor) in &self.regions {
            check_price(&format!("regions.{region}"), *factor)?;
        }
        Ok(())
    }
}

fn check_set(path: &str, rates: &Rates, tiers: &[Tier]) -> Result<(), String> {
    check_rates(path, rates)?;
    let thresholds: Vec<u64> = tiers.iter().map(|tier| tier.above_input_tokens).collect();
    if let Some(pair) = thresholds.windows(2).find(|pair| pair[0] >= pair[1]) {
        return Err(format!(
            "`{path}tiers`: thresholds must rise, {} does not",
            pair[1]
        ));
    }
    for tier in tiers {
        check_rates(
            &format!("{path}tiers.{}.", tier.above_input_tokens),
            &tier.rates,
        )?;
    }
    Ok(())
}

fn check_rates(path: &str, rates: &Rates) -> Result<(), String> {
    for class in [TokenClass::Input, TokenClass::Output] {
        if rates.stated(class).is_none() {
            return Err(format!("`{path}rates.{}` is missing", class.as_str()));
        }
    }
    for class in TokenClass::ALL {
        if let Some(rate) = rates.stated(class) {
            check_price(&format!("{path}rates.{}", class.as_str()), rate)?;
        }
    }
    Ok(())
}

fn check_price(key: &str, price: Decimal) -> Result<(), String> {
    if price.is_sign_negative() && !price.is_zero() {
        return Err(format!("`{key}` is negative: {price}"));
    }
    if price.scale() > MAX_SCALE {
        return Err(format!(
            "`{key}` has more than {MAX_SCALE} digits behind the point: {price}"
        ));
    }
    Ok(())
}
