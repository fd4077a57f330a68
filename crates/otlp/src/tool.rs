//! A span of a tool as a tool call: `execute_tool` of the GenAI conventions, and
//! `tools/call` of those of MCP, seen by the client or by the server.

use systemprompt_domain::tool::{ToolStatus, Via};
use systemprompt_domain::{ToolCallId, ToolCalled};

use crate::What;
use crate::export::{Origin, Reason};
use crate::names;
use crate::span::Common;

/// Reads the call; `mcp` tells whose conventions it follows.
pub(crate) fn read(origin: &Origin<'_>, span: &Common<'_>, mcp: bool) -> Result<What, Reason> {
    let attributes = span.attributes;
    let service = || origin.resource.text(&["service.name"]);
    let server = attributes.text(&["mcp.server.name"]);
    let server = match mcp {
        // A client tells where its server is, a server is the service itself.
        true if span.serves => server.or_else(service),
        true => server.or_else(|| attributes.text(&["server.address", "gen_ai.tool.type"])),
        false => server.or_else(service),
    };
    // The span is called after what it does, then the tool.
    let after = span.name.split_once(' ').map(|(_, tool)| tool);
    let tool = attributes
        .text(&["gen_ai.tool.name", "mcp.tool.name"])
        .or_else(|| after.map(systemprompt_domain::text::bounded));
    let error_type = attributes.text(&["error.type"]);
    let named = attributes.text(&[names::STATE]);
    let named = named.and_then(|name| ToolStatus::named(&name));
    let status = named.unwrap_or(match error_type.as_deref() {
        Some("timeout") => ToolStatus::Timeout,
        Some("cancelled" | "canceled") => ToolStatus::Cancelled,
        Some(_) => ToolStatus::Failed,
        None if span.failed => ToolStatus::Failed,
        None => ToolStatus::Success,
    });
    // Whoever calls is the client's span: the server's parent, and what our own
    // proxy hears of in `traceparent`. That is how one call seen by all is known.
    let caller = if span.serves {
        span.parent
    } else {
        Some(span.span_id)
    };
    Ok(What::Tool(Box::new(ToolCalled {
        id: ToolCallId(span.stamp.id),
        created_at: span.stamp.at,
        trace_id: span.trace_id,
        parent_span_id: caller,
        request_id: None,
        server: server.unwrap_or_else(|| "(unknown)".to_owned()),
        tool: tool.ok_or("a tool's span names no tool")?,
        via: Via::Otlp,
        user: attributes.text(names::USER),
        agent: attributes.text(names::AGENT),
        token: None,
        session_id: attributes
            .text(names::SESSION)
            .or_else(|| attributes.text(&["mcp.session.id"])),
        conversation_id: attributes.text(&["gen_ai.conversation.id"]),
        call_id: attributes.text(&["gen_ai.tool.call.id"]),
        rpc_id: attributes.text(&["jsonrpc.request.id"]),
        client_name: None,
        client_version: None,
        protocol_version: attributes.text(&["mcp.protocol.version"]),
        error_type: match status {
            ToolStatus::Success | ToolStatus::NeedsInput => None,
            _ => Some(error_type.unwrap_or_else(|| "error".to_owned())),
        },
        status,
        error_code: attributes.text(&["rpc.response.status_code", "rpc.jsonrpc.error_code"]),
        argument_hash: None,
        latency_us: span.latency_us,
        ttfb_us: None,
        request_bytes: 0,
        response_bytes: 0,
    })))
}
