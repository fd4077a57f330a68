//! Anthropic's `usage`: input excludes the cache, thinking is part of output,
//! and `iterations` hold what the top level leaves out.

use serde_json::Value;
use systemprompt_domain::usage::{OtherModel, Tokens, Usage};

use super::{count, text};

pub(super) fn usage(value: &Value) -> Option<Usage> {
    count(value, &["input_tokens", "output_tokens"])?;
    let mut usage = Usage {
        tokens: tokens(value),
        service_tier: text(value, "service_tier"),
        speed: text(value, "speed"),
        region: text(value, "inference_geo").filter(|geo| geo != "not_available"),
        ..Usage::default()
    };
    for (name, call) in [
        ("web_search_requests", "web_search"),
        ("web_fetch_requests", "web_fetch"),
    ] {
        let requests = count(&value["server_tool_use"], &[name]).filter(|n| *n > 0);
        usage.calls.extend(requests.map(|n| (call.to_owned(), n)));
    }
    // The top level is the sum of the messages, or the fallback where there was
    // one. Compaction and advice come on top.
    for entry in iterations(value) {
        match (entry["type"].as_str(), text(entry, "model")) {
            (Some("advisor_message"), Some(model)) => {
                add_other(&mut usage.other_models, model, tokens(entry));
            }
            (Some("compaction" | "advisor_message"), _) => usage.tokens += tokens(entry),
            _ => {}
        }
    }
    Some(usage)
}

/// The model that stepped in, whose tokens the top level then counts.
pub(super) fn fallback_model(value: &Value) -> Option<String> {
    let mut fallbacks = iterations(value).filter(|entry| entry["type"] == "fallback_message");
    fallbacks.next_back().and_then(|entry| text(entry, "model"))
}

fn iterations(value: &Value) -> impl DoubleEndedIterator<Item = &Value> {
    value["iterations"].as_array().into_iter().flatten()
}

fn tokens(value: &Value) -> Tokens {
    let split = &value["cache_creation"];
    let hour = count(split, &["ephemeral_1h_input_tokens"]).unwrap_or(0);
    let five = count(split, &["ephemeral_5m_input_tokens"]).unwrap_or(0);
    // The split is stated once, the sum again whenever it has grown: what the
    // split does not explain was written for five minutes.
    let written =
        count(value, &["cache_creation_input_tokens"]).unwrap_or_else(|| hour.saturating_add(five));
    let hour = hour.min(written);
    let output = count(value, &["output_tokens"]).unwrap_or(0);
    let thinking = count(&value["output_tokens_details"], &["thinking_tokens"]).unwrap_or(0);
    let thinking = thinking.min(output);
    Tokens {
        input: count(value, &["input_tokens"]).unwrap_or(0),
        cache_read: count(value, &["cache_read_input_tokens"]).unwrap_or(0),
        cache_write_5m: written - hour,
        cache_write_1h: hour,
        output: output - thinking,
        reasoning: thinking,
        ..Tokens::default()
    }
}

fn add_other(others: &mut Vec<OtherModel>, model: String, tokens: Tokens) {
    match others.iter_mut().find(|other| other.model == model) {
        Some(other) => other.tokens += tokens,
        None => others.push(OtherModel { model, tokens }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_hour_of_cache_is_a_class_of_its_own() {
        let tokens = tokens(&json!({
            "input_tokens": 3, "output_tokens": 10, "cache_read_input_tokens": 7,
            "cache_creation_input_tokens": 500,
            "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 300},
            "output_tokens_details": {"thinking_tokens": 4},
        }));
        let expected = Tokens {
            input: 3,
            cache_read: 7,
            cache_write_5m: 200,
            cache_write_1h: 300,
            output: 6,
            reasoning: 4,
            ..Tokens::default()
        };
        assert_eq!(tokens, expected);
    }

    #[test]
    fn compaction_and_advice_come_on_top() {
        let usage = usage(&json!({
            "input_tokens": 30, "output_tokens": 3,
            "iterations": [
                {"type": "compaction", "input_tokens": 1000, "output_tokens": 100},
                {"type": "message", "input_tokens": 10, "output_tokens": 1},
                {"type": "advisor_message", "model": "wise", "input_tokens": 5, "output_tokens": 6,
                 "cache_creation_input_tokens": 9,
                 "cache_creation": {"ephemeral_1h_input_tokens": 9}},
                {"type": "message", "input_tokens": 20, "output_tokens": 2},
                {"type": "advisor_message", "model": "wise", "input_tokens": 1, "output_tokens": 1},
            ],
        }))
        .expect("stated");
        assert_eq!((usage.tokens.input, usage.tokens.output), (1030, 103));
        let advice = Tokens {
            input: 6,
            output: 7,
            cache_write_1h: 9,
            ..Tokens::default()
        };
        assert_eq!(
            usage.other_models,
            [OtherModel {
                model: "wise".to_owned(),
                tokens: advice
            }]
        );
    }

    #[test]
    fn a_fallback_is_all_that_counts() {
        let value = json!({
            "input_tokens": 12, "output_tokens": 5,
            "iterations": [
                {"type": "message", "model": "first", "input_tokens": 11, "output_tokens": 1},
                {"type": "fallback_message", "model": "second", "input_tokens": 12, "output_tokens": 5},
            ],
        });
        let usage = usage(&value).expect("stated");
        assert_eq!((usage.tokens.input, usage.tokens.output), (12, 5));
        assert_eq!(fallback_model(&value).as_deref(), Some("second"));
    }
}
