//! Gemini's `usageMetadata`: cached input is part of the prompt, thoughts and
//! tool input stand beside the sums. A count that is zero is left out.

use serde_json::Value;
use systemprompt_domain::usage::{Tokens, Usage};

use super::{count, text};

pub(super) fn usage(value: &Value) -> Option<Usage> {
    let prompt = count(value, &["promptTokenCount"]);
    let candidates = count(value, &["candidatesTokenCount"]);
    prompt
        .or(candidates)
        .or_else(|| count(value, &["totalTokenCount"]))?;

    let [cached, thoughts, tool] = [
        "cachedContentTokenCount",
        "thoughtsTokenCount",
        "toolUsePromptTokenCount",
    ]
    .map(|name| count(value, &[name]).unwrap_or(0));
    let audio_input =
        audio(value, "promptTokensDetails").saturating_sub(audio(value, "cacheTokensDetails"));
    let audio_output = audio(value, "candidatesTokensDetails");
    let tokens = Tokens {
        input: prompt
            .unwrap_or(0)
            .saturating_sub(cached)
            .saturating_sub(audio_input),
        cache_read: cached,
        audio_input,
        tool_input: tool,
        output: candidates.unwrap_or(0).saturating_sub(audio_output),
        reasoning: thoughts,
        audio_output,
        ..Tokens::default()
    };
    Some(Usage {
        tokens,
        service_tier: tier(value),
        ..Usage::default()
    })
}

/// Tokens of the audio modality in a list of details.
fn audio(value: &Value, details: &str) -> u64 {
    let details = value[details].as_array().into_iter().flatten();
    details
        .filter(|detail| detail["modality"] == "AUDIO")
        .filter_map(|detail| count(detail, &["tokenCount"]))
        .fold(0, u64::saturating_add)
}

/// Vertex says the tier by kind of traffic, the Gemini API by name.
fn tier(value: &Value) -> Option<String> {
    let tier = match value["trafficType"].as_str() {
        Some("ON_DEMAND") => return None,
        Some("ON_DEMAND_PRIORITY") => "priority",
        Some("ON_DEMAND_FLEX") => "flex",
        Some("PROVISIONED_THROUGHPUT") => "provisioned",
        _ => return text(value, "serviceTier"),
    };
    Some(tier.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn audio_is_counted_apart_unless_cached() {
        let usage = usage(&json!({
            "promptTokenCount": 1000, "cachedContentTokenCount": 300, "thoughtsTokenCount": 7,
            "toolUsePromptTokenCount": 11, "candidatesTokenCount": 40, "totalTokenCount": 1058,
            "promptTokensDetails": [
                {"modality": "TEXT", "tokenCount": 600}, {"modality": "AUDIO", "tokenCount": 400},
            ],
            "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 100}],
            "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 15}],
            "trafficType": "ON_DEMAND_PRIORITY",
        }))
        .expect("stated");
        let expected = Tokens {
            input: 400,
            cache_read: 300,
            audio_input: 300,
            tool_input: 11,
            output: 25,
            reasoning: 7,
            audio_output: 15,
            ..Tokens::default()
        };
        assert_eq!(usage.tokens, expected);
        assert_eq!(usage.service_tier.as_deref(), Some("priority"));
    }

    #[test]
    fn a_blocked_prompt_has_input_only() {
        let usage = usage(&json!({"promptTokenCount": 5, "totalTokenCount": 5})).expect("stated");
        assert_eq!((usage.tokens.input, usage.tokens.output_total()), (5, 0));
    }
}
