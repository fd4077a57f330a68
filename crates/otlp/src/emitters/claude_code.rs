//! Claude Code: `CLAUDE_CODE_ENABLE_TELEMETRY=1`, `OTEL_LOGS_EXPORTER=otlp`. Its counts
//! are Anthropic's own: input is what the cache has no part in.

use systemprompt_domain::{Api, Tokens, Usage};

use super::{End, Told};
use crate::export::Reading;

const AGENT: &str = "claude-code";
const ASKS: (&str, &str, Api) = (AGENT, "anthropic", Api::Messages);

/// `claude_code.api_request`. Its `cost_usd` is an estimate of its own and not used.
pub(super) fn request(told: &Told<'_>) -> Reading {
    let of = told.attributes;
    let count = |name| of.count(&[name]).unwrap_or(0);
    let stated = of.has(&["input_tokens"]) || of.has(&["output_tokens"]);
    let usage = stated.then(|| Usage {
        tokens: Tokens {
            input: count("input_tokens"),
            cache_read: count("cache_read_tokens"),
            cache_write_5m: count("cache_creation_tokens"),
            output: count("output_tokens"),
            ..Tokens::default()
        },
        speed: of.text(&["speed"]),
        ..Usage::default()
    });
    told.request(ASKS, usage, End::Completed)
}

/// `claude_code.api_error`. Its message quotes input and is not kept.
pub(super) fn error(told: &Told<'_>) -> Reading {
    let end = End::Failed {
        status: told.attributes.count(&["status_code"]),
        error: told.attributes.text(&["error_type"]),
    };
    told.request(ASKS, None, end)
}

/// `claude_code.tool_result`. Tools of MCP servers are called `mcp__SERVER__TOOL`.
pub(super) fn tool(told: &Told<'_>) -> Reading {
    let name = told.attributes.text(&["tool_name"]);
    let name = name.ok_or("a tool's event names no tool")?;
    let named = |names| told.attributes.text(names);
    let split = name.strip_prefix("mcp__").and_then(|n| n.split_once("__"));
    match split {
        Some((server, tool)) => told.tool(AGENT, Some(server.to_owned()), tool),
        None => {
            let tool = named(&["mcp_tool_name"]).unwrap_or(name);
            told.tool(AGENT, named(&["mcp_server_name"]), &tool)
        }
    }
}
