//! Effective-dated price catalogue and exact costs. Pure: it reads text that it
//! is given and computes; it knows no database, no clock and no network.
//!
//! A [`Catalogue`] holds [`PriceVersion`]s. [`Catalogue::cost`] finds the one
//! that was in force and multiplies it with what a request used; every figure
//! of the result can be derived again later from the stored version alone
//! ([`PriceVersion::lines`]).

mod catalogue;
pub mod compare;
mod cost;
mod custom;
mod import;
mod litellm;
mod names;
mod rates;
mod served;
mod version;
mod yaml;

pub use catalogue::Catalogue;
pub use cost::{Cost, CostLine, Unit};
pub use custom::CustomPrice;
pub use import::{Change, MapOf, Planned, PriceFile};
pub use litellm::{Listed, parse_litellm};
pub use rates::{RateSet, Rates, Tier};
pub use version::{LAUNCH, PriceVersion, Source, SourceKind, parse_date};

/// Why a price table cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PricingError {
    /// A catalogue or a table of explanations does not have its layout.
    #[error("{0}")]
    Yaml(#[from] serde_yaml::Error),
    /// A third-party price map is not the JSON it should be.
    #[error("third-party price map: {0}")]
    Json(#[from] serde_json::Error),
    /// The entry of one model is wrong; the reason names the key.
    #[error("price of {provider}/{model}: {reason}")]
    Model {
        /// The provider the entry belongs to; `*` for a custom price of every
        /// provider.
        provider: String,
        /// The model.
        model: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl PricingError {
    fn model(provider: &str, model: &str, reason: impl Into<String>) -> Self {
        Self::Model {
            provider: provider.into(),
            model: model.into(),
            reason: reason.into(),
        }
    }
}
