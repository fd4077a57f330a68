//! Token counts of spans, in disjoint classes.
//!
//! By the conventions input counts what came from the cache and went into it,
//! and output counts reasoning; not every emitter keeps to that. Which it was is
//! told, in this order: by counts that would not fit otherwise, by a total, by what
//! is known of the instrumentation, by the generation of the names (those that came
//! with the rule follow it), and last by how the provider itself counts.

use serde_json::{Map, Value as Json};
use systemprompt_domain::{Tokens, Usage};

use crate::attributes::Attributes;
use crate::export::Origin;
use crate::names;

const INPUT: &[&str] = &[
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.prompt_tokens",
    "llm.usage.prompt_tokens",
];
const OUTPUT: &[&str] = &[
    "gen_ai.usage.output_tokens",
    "gen_ai.usage.completion_tokens",
    "llm.usage.completion_tokens",
];
const CACHE_READ: &[&str] = &[
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.cache_read_input_tokens",
    "gen_ai.usage.details.cache_read_tokens",
];
const CACHE_WRITE: &[&str] = &[
    "gen_ai.usage.cache_creation.input_tokens",
    "gen_ai.usage.cache_write.input_tokens",
    "gen_ai.usage.cache_creation_input_tokens",
    "gen_ai.usage.details.cache_write_tokens",
];
/// Names that came together with the rule that input counts the cache.
const RULED: &[&str] = &[
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.cache_creation.input_tokens",
    "gen_ai.usage.cache_write.input_tokens",
];
const REASONING: &[&str] = &[
    "gen_ai.usage.reasoning.output_tokens",
    "gen_ai.usage.reasoning_tokens",
    "llm.usage.reasoning_tokens",
    "gen_ai.usage.details.reasoning_tokens",
];
const AUDIO_INPUT: &[&str] = &["gen_ai.usage.audio.input_tokens"];
const AUDIO_OUTPUT: &[&str] = &["gen_ai.usage.audio.output_tokens"];
const TOTAL: &[&str] = &["gen_ai.usage.total_tokens", "llm.usage.total_tokens"];

/// Instrumentations whose input counts the cache, by how their scopes begin:
/// OpenLLMetry's and OpenTelemetry's own for Python, and two frameworks.
const INCLUSIVE: &[&str] = &[
    "opentelemetry.instrumentation.",
    "pydantic-ai",
    "pydantic_ai",
    "langchain",
    "langsmith",
];

/// What a span says was used; `None` where it says nothing.
pub(crate) fn usage(origin: &Origin<'_>, provider: &str, span: Attributes<'_>) -> Option<Usage> {
    if !span.has(INPUT) && !span.has(OUTPUT) {
        return None;
    }
    let count = |names: &[&str]| span.count(names).unwrap_or(0);
    let (input, output) = (count(INPUT), count(OUTPUT));
    let (read, write) = (count(CACHE_READ), count(CACHE_WRITE));
    let reasoning = count(REASONING);
    let hour = count(&[names::CACHE_WRITE_1H]).min(write);
    let cached = read.saturating_add(write);
    let total = span.count(TOTAL);
    let sum = |parts: &[u64]| parts.iter().fold(0, |sum: u64, n| sum.saturating_add(*n));

    let contradicted =
        cached > input || (cached > 0 && total == Some(sum(&[input, output, cached])));
    let claimed = total == Some(sum(&[input, output]))
        || INCLUSIVE
            .iter()
            .any(|scope| origin.scope.starts_with(scope))
        || span.has(RULED)
        || provider != "anthropic";
    let inclusive = claimed && !contradicted;
    let fresh = if inclusive { input - cached } else { input };
    // Audio is a part of what is left, as long as it fits.
    let (audio_in, audio_out) = (count(AUDIO_INPUT), count(AUDIO_OUTPUT));
    let audio_in = audio_in.min(fresh);
    let tool_in = count(&[names::TOOL_INPUT]).min(fresh - audio_in);
    let written = if reasoning > output {
        output
    } else {
        output - reasoning
    };
    let audio_out = audio_out.min(written);
    Some(Usage {
        tokens: Tokens {
            input: fresh - audio_in - tool_in,
            cache_read: read,
            cache_write_5m: write - hour,
            cache_write_1h: hour,
            audio_input: audio_in,
            tool_input: tool_in,
            output: written - audio_out,
            reasoning,
            audio_output: audio_out,
        },
        service_tier: span.text(&[
            "openai.response.service_tier",
            "gen_ai.openai.response.service_tier",
            "gen_ai.response.service_tier",
        ]),
        ..Usage::default()
    })
}

/// The counts as the span has them, as JSON text.
pub(crate) fn raw(span: Attributes<'_>) -> Option<String> {
    let all: [&[&str]; 10] = [
        INPUT,
        OUTPUT,
        CACHE_READ,
        CACHE_WRITE,
        REASONING,
        &[names::CACHE_WRITE_1H],
        &[names::TOOL_INPUT],
        AUDIO_INPUT,
        AUDIO_OUTPUT,
        TOTAL,
    ];
    let stated: Map<String, Json> = all
        .into_iter()
        .flatten()
        .filter_map(|name| Some(((*name).to_owned(), span.count(&[name])?.into())))
        .collect();
    (!stated.is_empty()).then(|| Json::Object(stated).to_string())
}
