//! Tool calls over MCP: how each ended, and what servers say their tools are.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::ids::{RequestId, ToolCallId};
use crate::trace::{SpanId, TraceId};

/// The longest name of anything about a tool call, in bytes.
pub const LONGEST: usize = 200;

/// Tools of one list whose definitions are kept.
pub const MOST_TOOLS: usize = 200;

/// How a tool call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolStatus {
    /// The tool answered.
    Success,
    /// The tool said that it failed, or there was no answer to read.
    Failed,
    /// The server took too long.
    Timeout,
    /// The client took the call back, or left.
    Cancelled,
    /// The server wants to know more; the client will ask again.
    NeedsInput,
}

impl ToolStatus {
    /// Every status, in the order answers show them.
    pub const ALL: [Self; 5] = [
        Self::Success,
        Self::Failed,
        Self::Timeout,
        Self::Cancelled,
        Self::NeedsInput,
    ];

    /// The name used in events, answers and the `status` column.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failed => "failed",
            Self::Timeout => "timeout",
            Self::Cancelled => "cancelled",
            Self::NeedsInput => "needs_input",
        }
    }

    /// The status of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }

    /// Whether it is told among errors. Whoever takes a call back does so for
    /// reasons of its own, but that it happens is worth knowing.
    #[must_use]
    pub const fn is_told(self) -> bool {
        matches!(self, Self::Failed | Self::Timeout | Self::Cancelled)
    }
}

/// Who saw the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// The proxy at `/mcp/{server}`.
    Proxy,
    /// The wrapper around a server on standard input and output.
    Stdio,
    /// The server itself.
    Layer,
    /// Whoever exported a span or an event of it.
    Otlp,
}

impl Via {
    /// Every way, in the order answers show them.
    pub const ALL: [Self; 4] = [Self::Proxy, Self::Stdio, Self::Layer, Self::Otlp];

    /// The name used in events and in the `via` column.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Proxy => "proxy",
            Self::Stdio => "stdio",
            Self::Layer => "layer",
            Self::Otlp => "otlp",
        }
    }

    /// The way of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }
}

/// A tool call that ended. Its arguments and its result are not part of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCalled {
    /// The call's id; carries its start time.
    pub id: ToolCallId,
    /// When the call began.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// The trace it belongs to.
    pub trace_id: TraceId,
    /// The caller's span, where it sent one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_span_id: Option<SpanId>,
    /// The AI request that asked for it, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<RequestId>,
    /// The MCP server.
    pub server: String,
    /// The tool.
    pub tool: String,
    /// Who saw it.
    pub via: Via,
    /// The user, from the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The agent, from the token or the refining header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The name of the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The session, of the client or of the protocol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// The conversation, named by the client or that of the request that asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation_id: Option<String>,
    /// The model's id of the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_id: Option<String>,
    /// The id of the JSON-RPC request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rpc_id: Option<String>,
    /// The client's name for itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_name: Option<String>,
    /// The client's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_version: Option<String>,
    /// The protocol's revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol_version: Option<String>,
    /// How it ended.
    pub status: ToolStatus,
    /// What went wrong: `tool_error`, `rpc_error`, or our own short name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_type: Option<String>,
    /// The code of JSON-RPC or HTTP. Never a message: messages quote input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// SHA-256 of the arguments as canonical JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub argument_hash: Option<String>,
    /// From the request to its end, in microseconds.
    pub latency_us: u64,
    /// From the request to the first byte of the answer, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttfb_us: Option<u64>,
    /// Size of the request in bytes.
    pub request_bytes: u64,
    /// Size of the answer in bytes.
    pub response_bytes: u64,
}

impl ToolCalled {
    /// When it ended.
    #[must_use]
    pub fn finished_at(&self) -> OffsetDateTime {
        let micros = i64::try_from(self.latency_us).unwrap_or(i64::MAX);
        self.created_at
            .checked_add(time::Duration::microseconds(micros))
            .unwrap_or(self.created_at)
    }
}

/// What a server's list of tools said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolsListed {
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// The MCP server.
    pub server: String,
    /// Its tools, or a page of them.
    pub tools: Vec<ToolDefinition>,
    /// Whoever asked for the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The agent that did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The name of the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// A tool as its server describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolDefinition {
    /// Its name.
    pub name: String,
    /// SHA-256 of what models are told about it, as canonical JSON.
    pub hash: String,
}
