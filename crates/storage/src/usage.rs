//! What a request used, as its row says it: the token columns hold all models
//! together, and `usage_extra` what has no column.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use systemprompt_domain::usage::OtherModel;
use systemprompt_domain::{TokenClass, Tokens, Usage};

/// The usage of a stored request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredUsage {
    /// What it used, as it was when it was priced.
    pub usage: Usage,
    /// The price versions of [`Usage::other_models`], in their order; empty or
    /// `None` where there was none.
    pub other_price_versions: Vec<Option<String>>,
}

/// The `usage_extra` column.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Extra {
    other_models: Vec<Other>,
    calls: BTreeMap<String, u64>,
    speed: Option<String>,
    region: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Other {
    model: String,
    tokens: Tokens,
    price_version: Option<String>,
}

impl StoredUsage {
    /// Puts together what the columns say: `all` is what the token columns hold.
    ///
    /// # Errors
    /// If `usage_extra` was not written by this program.
    pub fn read(
        all: Tokens,
        service_tier: Option<String>,
        extra: Option<Value>,
    ) -> Result<Self, serde_json::Error> {
        let extra: Extra = extra
            .map(serde_json::from_value)
            .transpose()?
            .unwrap_or_default();
        let mut tokens = all;
        let mut stored = Self::default();
        for other in extra.other_models {
            for class in TokenClass::ALL {
                let n = tokens.get_mut(class);
                *n = n.saturating_sub(other.tokens.get(class));
            }
            stored.other_price_versions.push(other.price_version);
            stored.usage.other_models.push(OtherModel {
                model: other.model,
                tokens: other.tokens,
            });
        }
        stored.usage.tokens = tokens;
        stored.usage.calls = extra.calls;
        stored.usage.service_tier = service_tier;
        stored.usage.speed = extra.speed;
        stored.usage.region = extra.region;
        Ok(stored)
    }
}

/// `usage_extra` with other price versions of the other models, in their order.
pub(crate) fn with_price_versions(mut extra: Value, versions: &[String]) -> Value {
    let others = extra.get_mut("other_models").and_then(Value::as_array_mut);
    for (other, version) in others.into_iter().flatten().zip(versions) {
        other["price_version"] = version.as_str().into();
    }
    extra
}
