//! Langfuse's observations: those of the type GENERATION are requests. Its kinds of
//! usage add up to the total, each counted once; older exports have totals only.

use systemprompt_domain::{Api, Tokens};

use super::parsed::Parsed;
use crate::import::records::Record;

pub(super) fn read(record: &Record) -> Result<Option<Parsed>, String> {
    let kind = record.text(&["type", "observationType"]);
    let kind = kind.unwrap_or_else(|| "GENERATION".to_owned());
    if !matches!(kind.as_str(), "GENERATION" | "EMBEDDING") {
        return Ok(None);
    }
    let Some(model) = record.text(&["model", "providedModelName", "provided_model_name"]) else {
        // A generation that never reached a model.
        return Ok(None);
    };
    let id = record.text(&["id"]).ok_or("it has no id")?;
    let began = record.moment(&["startTime", "start_time"])?;
    let metadata = record.object(&["metadata"]);
    let named = metadata.and_then(|within| within.text(&["ls_provider", "provider"]));
    let provider = named.unwrap_or_else(|| super::parsed_provider(&model));
    let provider = super::known_provider(&provider);
    let level = record.text(&["level"]).unwrap_or_default();
    let embeds = kind == "EMBEDDING" || model.contains("embedding");
    let costs = record.object(&["costDetails", "cost_details"]);
    let cost = costs.and_then(|costs| costs.usd(&["total"]));
    Ok(Some(Parsed {
        id,
        began: began.ok_or("it has no startTime")?,
        ended: record.moment(&["endTime", "end_time"])?,
        first_byte: record.moment(&["completionStartTime", "completion_start_time"])?,
        trace: record.text(&["traceId", "trace_id"]),
        user: record.text(&["userId", "user_id"]),
        agent: record.text(&["traceName", "trace_name"]),
        session: record.text(&["sessionId", "session_id"]),
        api: match (provider.as_str(), embeds) {
            ("anthropic", _) => Api::Messages,
            ("gemini", true) => Api::EmbedContent,
            ("gemini", false) => Api::GenerateContent,
            (_, true) => Api::Embeddings,
            (_, false) => Api::ChatCompletions,
        },
        provider,
        model,
        response: None,
        tokens: usage(record),
        // The message may quote input.
        failed: (level == "ERROR").then(|| "error".to_owned()),
        cost: cost.or_else(|| record.usd(&["totalCost", "calculatedTotalCost", "total_cost"])),
    }))
}

fn usage(record: &Record) -> Option<Tokens> {
    let Some(kinds) = record.object(&["usageDetails", "usage_details"]) else {
        return totals(record);
    };
    let mut tokens = Tokens::default();
    let (mut any, mut sum, mut total) = (false, 0_u64, None);
    for (name, n) in kinds.counts() {
        if name == "total" {
            total = Some(n);
            continue;
        }
        any = true;
        sum = sum.saturating_add(n);
        let class = match name {
            "input_cached_tokens"
            | "input_cache_read"
            | "cache_read_input_tokens"
            | "input_cached" => &mut tokens.cache_read,
            "input_cache_creation" | "cache_creation_input_tokens" | "input_cache_creation_5m" => {
                &mut tokens.cache_write_5m
            }
            "input_cache_creation_1h" => &mut tokens.cache_write_1h,
            "output_reasoning_tokens" | "output_reasoning" => &mut tokens.reasoning,
            "input_audio_tokens" | "input_audio" => &mut tokens.audio_input,
            "output_audio_tokens" | "output_audio" => &mut tokens.audio_output,
            name if name.starts_with("input") || name == "prompt_tokens" => &mut tokens.input,
            name if name.starts_with("output") || name == "completion_tokens" => &mut tokens.output,
            _ => continue,
        };
        *class = class.saturating_add(n);
    }
    // Where they add up to more than the total, input and output hold the others.
    let both = tokens.input.saturating_add(tokens.output);
    if total.is_some_and(|total| total < sum && total == both) {
        let inside = [
            tokens.cache_read,
            tokens.cache_write_5m,
            tokens.cache_write_1h,
            tokens.audio_input,
        ];
        let less =
            |from: u64, inside: &[u64]| inside.iter().fold(from, |left, n| left.saturating_sub(*n));
        tokens.input = less(tokens.input, &inside);
        tokens.output = less(tokens.output, &[tokens.reasoning, tokens.audio_output]);
    }
    if any { Some(tokens) } else { totals(record) }
}

/// As exports had it before there were kinds.
fn totals(record: &Record) -> Option<Tokens> {
    let nested = record.object(&["usage"]);
    let of = |names: &[&str]| {
        let flat = record.count(names);
        flat.or_else(|| nested.as_ref().and_then(|nested| nested.count(names)))
    };
    let input = of(&["input", "promptTokens", "inputUsage", "input_tokens"]);
    let output = of(&["output", "completionTokens", "outputUsage", "output_tokens"]);
    input.or(output)?;
    Some(Tokens {
        input: input.unwrap_or(0),
        output: output.unwrap_or(0),
        ..Tokens::default()
    })
}
