//! From a provider's usage object to disjoint token classes. The object's text
//! was found by the scanner; prices are elsewhere.

mod anthropic;
mod gemini;
mod openai;

use serde_json::{Map, Value};
use systemprompt_domain::api::Api;
use systemprompt_domain::usage::Usage;

use crate::reading::storable;
use crate::scanner::TEXT_LIMIT;

/// Longest usage object that is kept as it came.
const RAW_LIMIT: usize = 8 * 1024;

/// What a usage object states.
#[derive(Default)]
pub(crate) struct Stated {
    pub(crate) usage: Option<Usage>,
    pub(crate) raw: Option<String>,
    /// The model, where usage alone tells who served the request.
    pub(crate) model: Option<String>,
}

/// Reads a usage object; nothing from what is none.
pub(crate) fn read(api: Api, text: &[u8]) -> Stated {
    let Ok(value) = serde_json::from_slice::<Value>(text) else {
        return Stated::default();
    };
    if !value.is_object() {
        return Stated::default();
    }
    let (usage, model) = match api {
        Api::Messages => (anthropic::usage(&value), anthropic::fallback_model(&value)),
        Api::ChatCompletions | Api::Responses | Api::Embeddings => (openai::usage(&value), None),
        Api::GenerateContent | Api::EmbedContent => (gemini::usage(&value), None),
        Api::Unmetered => (None, None),
    };
    // PostgreSQL's jsonb refuses the NUL escape.
    let storable = |raw: &String| raw.len() <= RAW_LIMIT && !raw.contains("\\u0000");
    Stated {
        usage,
        raw: Some(value.to_string()).filter(storable),
        model,
    }
}

/// Updates a usage object with another: the last value of each field holds.
pub(crate) fn merge(usage: &mut Vec<u8>, update: &[u8]) {
    if usage.is_empty() {
        usage.extend_from_slice(update);
        return;
    }
    let object = |text| serde_json::from_slice::<Map<String, Value>>(text);
    let Ok(update) = object(update) else { return };
    let mut merged = object(usage).unwrap_or_default();
    merged.extend(update.into_iter().filter(|(_, value)| !value.is_null()));
    let merged = Value::Object(merged).to_string();
    // Only a hostile stream gets there, with ever new names.
    if merged.len() <= TEXT_LIMIT {
        *usage = merged.into_bytes();
    }
}

/// The first of these members that is a token count: a whole number that is not
/// negative.
fn count(value: &Value, names: &[&str]) -> Option<u64> {
    names.iter().find_map(|name| value[name].as_u64())
}

fn text(value: &Value, name: &str) -> Option<String> {
    value[name].as_str().and_then(storable).map(str::to_owned)
}
