//! Events as a test needs one: whole, with what it does not care for left out.

use systemprompt_domain::tool::{ToolCalled, ToolStatus, Via};
use systemprompt_domain::{ToolCallId, TraceId};
use time::OffsetDateTime;
use uuid::Uuid;

/// A successful call of the tool `read` of the server `files`, through the proxy, by nobody.
#[must_use]
pub fn tool_called(id: Uuid, created_at: OffsetDateTime, trace_id: TraceId) -> ToolCalled {
    ToolCalled {
        id: ToolCallId(id),
        created_at,
        trace_id,
        parent_span_id: None,
        request_id: None,
        server: "files".to_owned(),
        tool: "read".to_owned(),
        via: Via::Proxy,
        user: None,
        agent: None,
        token: None,
        session_id: None,
        conversation_id: None,
        call_id: None,
        rpc_id: None,
        client_name: None,
        client_version: None,
        protocol_version: None,
        status: ToolStatus::Success,
        error_type: None,
        error_code: None,
        argument_hash: None,
        latency_us: 5,
        ttfb_us: None,
        request_bytes: 0,
        response_bytes: 0,
    }
}
