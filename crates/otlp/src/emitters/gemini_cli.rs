//! Gemini CLI: `telemetry.target` with an OTLP endpoint in its settings. Its counts are
//! Gemini's own: input includes the cache, but not what tools added; output has
//! no thoughts.

use systemprompt_domain::{Api, Tokens, Usage};

use super::{End, Told};
use crate::export::Reading;

const AGENT: &str = "gemini-cli";
const ASKS: (&str, &str, Api) = (AGENT, "gemini", Api::GenerateContent);

/// `gemini_cli.api_response`
pub(super) fn request(told: &Told<'_>) -> Reading {
    let of = told.attributes;
    let count = |name| of.count(&[name]).unwrap_or(0);
    let stated = of.has(&["input_token_count"]) || of.has(&["output_token_count"]);
    let input = count("input_token_count");
    let cached = count("cached_content_token_count").min(input);
    let usage = stated.then(|| Usage {
        tokens: Tokens {
            input: input - cached,
            cache_read: cached,
            tool_input: count("tool_token_count"),
            output: count("output_token_count"),
            reasoning: count("thoughts_token_count"),
            ..Tokens::default()
        },
        ..Usage::default()
    });
    told.request(ASKS, usage, End::Completed)
}

/// `gemini_cli.api_error`. Its message quotes input and is not kept.
pub(super) fn error(told: &Told<'_>) -> Reading {
    let end = End::Failed {
        status: told.attributes.count(&["status_code"]),
        error: told.attributes.text(&["error_type"]),
    };
    told.request(ASKS, None, end)
}

/// `gemini_cli.tool_call`
pub(super) fn tool(told: &Told<'_>) -> Reading {
    let named = |names| told.attributes.text(names);
    let name = named(&["function_name"]).ok_or("a tool's event names no tool")?;
    told.tool(AGENT, named(&["mcp_server_name"]), &name)
}
