//! LiteLLM's spend logs: one record a request. Its input counts what the cache took
//! part in, whichever provider it is.

use systemprompt_domain::Api;

use super::parsed::{Parsed, tokens};
use crate::import::records::Record;

pub(super) fn read(record: &Record) -> Result<Option<Parsed>, String> {
    // What its own cache answered no provider billed.
    let cached = record.text(&["cache_hit"]);
    if cached.is_some_and(|hit| hit.eq_ignore_ascii_case("true")) {
        return Ok(None);
    }
    let id = record.text(&["request_id", "id"]);
    let began = record.moment(&["startTime", "start_time", "starttime"])?;
    let model = record.text(&["model"]);
    let named = record.text(&["custom_llm_provider"]);
    let metadata = record.object(&["metadata"]);
    let within = |names: &[&str]| metadata.as_ref().and_then(|within| within.object(names));
    let usage = within(&["usage_object"]);
    let in_usage = |names: &[&str]| usage.as_ref().and_then(|usage| usage.count(names));
    let details = |of: &str, name: &str| {
        let details = usage.as_ref().and_then(|usage| usage.object(&[of]));
        details.and_then(|details| details.count(&[name]))
    };
    let read = in_usage(&["cache_read_input_tokens"])
        .or_else(|| details("prompt_tokens_details", "cached_tokens"));
    let write = in_usage(&["cache_creation_input_tokens"]);
    let reasoning = details("completion_tokens_details", "reasoning_tokens");
    let (input, output) = (
        record.count(&["prompt_tokens"]),
        record.count(&["completion_tokens"]),
    );
    let model = model.ok_or("it names no model")?;
    // `provider/model` is how LiteLLM's users write it.
    let provider = named.or_else(|| model.split_once('/').map(|(owner, _)| owner.to_owned()));
    let provider = provider.unwrap_or_else(|| super::parsed_provider(&model));
    let failed = record
        .text(&["status"])
        .filter(|status| status != "success");
    let failed = failed.map(|status| {
        let about = within(&["error_information"]);
        let class = about.and_then(|about| about.text(&["error_class"]));
        class.unwrap_or(status)
    });
    let called = record.text(&["call_type"]).unwrap_or_default();
    let id = id.ok_or("it has no request_id")?;
    Ok(Some(Parsed {
        began: began.ok_or("it has no startTime")?,
        ended: record.moment(&["endTime", "end_time", "endtime"])?,
        first_byte: record.moment(&["completionStartTime", "completion_start_time"])?,
        trace: record.text(&["trace_id"]),
        user: record.text(&["end_user", "user"]),
        agent: record.text(&["team_alias", "team_id"]),
        session: record.text(&["session_id"]),
        api: api(&called, &provider),
        provider: super::known_provider(&provider),
        model,
        response: Some(id.clone()),
        id,
        tokens: input
            .or(output)
            .filter(|n| *n > 0 || failed.is_none())
            .map(|_| {
                let n = |n: Option<u64>| n.unwrap_or(0);
                tokens(n(input), n(output), n(read), n(write), n(reasoning))
            }),
        failed,
        cost: record.usd(&["spend"]),
    }))
}

fn api(called: &str, provider: &str) -> Api {
    let embeds = called.contains("embedding");
    match provider {
        "anthropic" => Api::Messages,
        "gemini" if embeds => Api::EmbedContent,
        "gemini" => Api::GenerateContent,
        _ if embeds => Api::Embeddings,
        _ if called.contains("responses") => Api::Responses,
        _ if called.is_empty() || called.contains("completion") => Api::ChatCompletions,
        _ => Api::Unmetered,
    }
}
