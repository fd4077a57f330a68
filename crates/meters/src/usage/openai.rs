//! `OpenAI`'s `usage`, of Chat Completions, Responses and Embeddings: details
//! are parts of the two sums, and are taken out of them here.

use serde_json::Value;
use systemprompt_domain::usage::{Tokens, Usage};

use super::count;

pub(super) fn usage(value: &Value) -> Option<Usage> {
    let prompt = count(value, &["prompt_tokens", "input_tokens"]);
    let completion = count(value, &["completion_tokens", "output_tokens"]);
    prompt.or(completion)?;

    let input = details(value, ["prompt_tokens_details", "input_tokens_details"]);
    let [cached, written, audio_input] =
        ["cached_tokens", "cache_write_tokens", "audio_tokens"].map(input);
    let output = details(
        value,
        ["completion_tokens_details", "output_tokens_details"],
    );
    let [reasoning, audio_output] = ["reasoning_tokens", "audio_tokens"].map(output);

    let tokens = Tokens {
        input: without(prompt, &[cached, written, audio_input]),
        cache_read: cached,
        cache_write_5m: written,
        audio_input,
        output: without(completion, &[reasoning, audio_output]),
        reasoning,
        audio_output,
        ..Tokens::default()
    };
    Some(Usage {
        tokens,
        ..Usage::default()
    })
}

/// Looks details up under either of an object's two names.
fn details<'a>(value: &'a Value, names: [&'a str; 2]) -> impl Fn(&str) -> u64 + 'a {
    move |detail| {
        names
            .iter()
            .find_map(|name| count(&value[name], &[detail]))
            .unwrap_or(0)
    }
}

/// What is left of a sum; numbers that contradict each other leave nothing.
fn without(sum: Option<u64>, parts: &[u64]) -> u64 {
    parts
        .iter()
        .fold(sum.unwrap_or(0), |left, part| left.saturating_sub(*part))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn classes_are_disjoint() {
        let tokens = usage(&json!({
            "prompt_tokens": 1000, "completion_tokens": 100,
            "prompt_tokens_details": {"cached_tokens": 500, "cache_write_tokens": 200, "audio_tokens": 50},
            "completion_tokens_details": {"reasoning_tokens": 60, "audio_tokens": 30},
        }))
        .expect("stated")
        .tokens;
        let expected = Tokens {
            input: 250,
            cache_read: 500,
            cache_write_5m: 200,
            audio_input: 50,
            output: 10,
            reasoning: 60,
            audio_output: 30,
            ..Tokens::default()
        };
        assert_eq!(tokens, expected);
    }

    #[test]
    fn contradictions_do_not_underflow() {
        let tokens = usage(&json!({
            "input_tokens": 10, "input_tokens_details": {"cached_tokens": u64::MAX},
            "output_tokens": -3, "output_tokens_details": null,
        }))
        .expect("stated")
        .tokens;
        assert_eq!(
            (tokens.input, tokens.cache_read, tokens.output),
            (0, u64::MAX, 0)
        );
    }

    #[test]
    fn absent_is_not_zero() {
        assert_eq!(usage(&json!({})), None);
        assert_eq!(
            usage(&json!({"prompt_tokens": 1.5, "completion_tokens": "7"})),
            None
        );
        let zero = usage(&json!({"prompt_tokens": 0, "completion_tokens": 0})).expect("stated");
        assert_eq!(zero.tokens, Tokens::default());
    }
}
