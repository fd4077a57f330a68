//! Codex: `[otel]` with an `otlp-http` exporter in its `config.toml`. Its counts are
//! OpenAI's own: input includes the cache, output includes reasoning.

use systemprompt_domain::{Api, Tokens, Usage};

use super::{End, Told};
use crate::attributes::Attributes;
use crate::export::{Reading, Reason};

const AGENT: &str = "codex";
const ASKS: (&str, &str, Api) = (AGENT, "openai", Api::Responses);

/// `codex.sse_event`: only the last one of a stream, which has the counts, is a
/// request. Its duration is that of the event, not of the request.
pub(super) fn request<'a>(
    of: Attributes<'_>,
    told: impl Fn() -> Result<Told<'a>, Reason>,
) -> Reading {
    if of.text(&["event.kind"]).as_deref() != Some("response.completed") {
        return Ok(None);
    }
    let count = |name| of.count(&[name]).unwrap_or(0);
    let stated = of.has(&["input_token_count"]) || of.has(&["output_token_count"]);
    let (input, output) = (count("input_token_count"), count("output_token_count"));
    let cached = count("cached_token_count").min(input);
    let reasoning = count("reasoning_token_count").min(output);
    let usage = stated.then(|| Usage {
        tokens: Tokens {
            input: input - cached,
            cache_read: cached,
            output: output - reasoning,
            reasoning,
            ..Tokens::default()
        },
        ..Usage::default()
    });
    let told = Told {
        latency_us: None,
        ..told()?
    };
    told.request(ASKS, usage, End::Completed)
}

/// `codex.api_request`: one that was answered is told of by its stream.
pub(super) fn error<'a>(
    of: Attributes<'_>,
    told: impl Fn() -> Result<Told<'a>, Reason>,
) -> Reading {
    let status = of.count(&["http.response.status_code"]);
    let failed = status.is_none_or(|status| !(200..300).contains(&status));
    if !failed || (status.is_none() && !of.has(&["error.message"])) {
        return Ok(None);
    }
    let end = End::Failed {
        status,
        error: None,
    };
    told()?.request(ASKS, None, end)
}

/// `codex.tool_result`
pub(super) fn tool(told: &Told<'_>) -> Reading {
    let named = |names| told.attributes.text(names);
    let name = named(&["tool_name"]).ok_or("a tool's event names no tool")?;
    told.tool(AGENT, named(&["mcp_server"]), &name)
}
