//! What is recorded. Events are written to the spool as they happen and reach
//! PostgreSQL in batches; each is complete in itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::api::Api;
use crate::ids::{BootId, RequestId};
use crate::money::Nanos;
use crate::state::RequestState;
use crate::tool::{ToolCalled, ToolsListed};
use crate::trace::{SpanId, TraceId};
use crate::usage::{Usage, UsageSource};
use crate::web::Visit;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A request is about to go upstream.
    RequestStarted(Box<RequestStarted>),
    /// A request reached its final state.
    RequestFinished(Box<RequestFinished>),
    /// A request that somebody else saw from beginning to end. Where the gateway saw
    /// it too, what the gateway says counts.
    RequestReported(Box<RequestFinished>),
    /// Something for the audit trail alone.
    Audit(Box<AuditEvent>),
    /// A tool call reached its end.
    ToolCalled(Box<ToolCalled>),
    /// An MCP server said what its tools are.
    ToolsListed(Box<ToolsListed>),
    /// What a visitor did on a web site.
    Web(Box<Visit>),
}

/// Something for the audit trail that is no AI request and changed nothing: what
/// changes something is written in its own transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEvent {
    /// What it belongs to.
    pub category: AuditCategory,
    /// What happened, in the trail's words.
    pub event: String,
    /// When; of several, when the first did.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// The user, where one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The agent, where one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The token's name, where one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The trace, where the client named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<TraceId>,
    /// How it ended.
    pub outcome: Outcome,
    /// What else there is to say: few and short texts, never a secret.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub detail: BTreeMap<String, String>,
    /// How often it happened.
    pub count: u64,
}

/// What an audit event belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditCategory {
    /// Who somebody is.
    Authentication,
    /// What somebody may do.
    Authorization,
    /// AI requests.
    AiOperations,
    /// What was read, exported or brought.
    DataAccess,
    /// How the installation is set up.
    Administration,
    /// Tool calls.
    McpTools,
}

impl AuditCategory {
    /// The name used in answers and in the `category` column.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authentication => "authentication",
            Self::Authorization => "authorization",
            Self::AiOperations => "ai_operations",
            Self::DataAccess => "data_access",
            Self::Administration => "administration",
            Self::McpTools => "mcp_tools",
        }
    }
}

/// How what an audit event tells of ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was done.
    Succeeded,
    /// It was tried.
    Failed,
    /// It was refused.
    Denied,
}

impl Outcome {
    /// The name used in answers and in the `state` column.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Denied => "denied",
        }
    }
}

/// Who asked, for what, in which context: known before the provider answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestContext {
    /// The request's id; carries its start time.
    pub id: RequestId,
    /// When the request arrived.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// The trace it belongs to.
    pub trace_id: TraceId,
    /// Our span in that trace.
    pub span_id: SpanId,
    /// The caller's span, when it sent a `traceparent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_span_id: Option<SpanId>,
    /// The user, from the token or the provider's own user field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The agent, from the token or the refining header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The name of the token that was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The web or agent session, if the client named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// The conversation, named by the client or derived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation_id: Option<String>,
    /// Whether the conversation was derived from the first message.
    #[serde(default)]
    pub conversation_derived: bool,
    /// The provider's name in the configuration.
    pub provider: String,
    /// The interface that was called.
    pub api: Api,
    /// The model the client asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_model: Option<String>,
    /// Whether the client asked for a stream.
    pub streamed: bool,
    /// Size of the client's body in bytes.
    pub request_bytes: u64,
    /// What each budget that pauses requests and counts this one has set aside
    /// for it, until its cost is known.
    #[serde(default, skip_serializing_if = "Reserved::is_nothing")]
    pub reserved: Reserved,
}

/// What a request is taken to cost before it is answered, by each way that
/// budgets estimate. Which budgets count it, and in which period, follows from
/// the rest of its context.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reserved {
    /// By what such requests usually get; nothing if no budget estimates so.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub typical: Nanos,
    /// By the most it may get; nothing if no budget estimates so.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub worst_case: Nanos,
}

impl Reserved {
    /// Whether no budget has set anything aside.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_nothing(amount: &Nanos) -> bool {
    *amount == Nanos::ZERO
}

/// A request is about to go upstream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestStarted {
    /// Who asked, for what.
    pub context: RequestContext,
    /// The server run it belongs to: only that server may call it lost.
    pub boot: BootId,
}

/// A request reached its final state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RequestFinished {
    /// Who asked, for what.
    pub context: RequestContext,
    /// How it ended.
    pub state: RequestState,
    /// The provider's HTTP status; `None` if it never answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    /// The provider's error type, or our own short name for what went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_type: Option<String>,
    /// The provider's short error code. Never a message: messages quote input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// Why the model stopped, in the provider's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<String>,
    /// Names of the tools the model asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<String>,
    /// The model that served the request, as the provider states it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub served_model: Option<String>,
    /// The provider's id of the HTTP request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_request_id: Option<String>,
    /// The provider's id of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_id: Option<String>,
    /// Where the token counts come from.
    pub usage_source: UsageSource,
    /// Whether `include_usage` was added for the client and taken out again.
    #[serde(default)]
    pub usage_injected: bool,
    /// What the request used, by disjoint class.
    pub usage: Usage,
    /// The provider's usage object as it came, as JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw_usage: Option<String>,
    /// The cost; `None` when no price is known: unpriced, never zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Nanos>,
    /// The price version that made the cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_version: Option<String>,
    /// The price versions of [`Usage::other_models`], in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_price_versions: Vec<String>,
    /// From arrival to the end of the answer, in microseconds; `None` when the
    /// end was not seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_us: Option<u64>,
    /// From arrival to the first byte of the answer's body, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttfb_us: Option<u64>,
    /// Size of the provider's body in bytes, as it came over the wire.
    #[serde(default)]
    pub response_bytes: u64,
    /// When the final state was reached.
    #[serde(with = "time::serde::rfc3339")]
    pub finished_at: OffsetDateTime,
}

impl RequestFinished {
    /// Whether it used something for which no price is known: what it cost is not
    /// nothing but unknown.
    #[must_use]
    pub fn is_unpriced(&self) -> bool {
        self.usage_source != UsageSource::None && self.cost.is_none()
    }

    /// The end of a request that no provider answered: nothing was used, and
    /// nothing is known of the answer.
    #[must_use]
    pub fn unanswered(
        context: RequestContext,
        state: RequestState,
        finished_at: OffsetDateTime,
    ) -> Self {
        Self {
            context,
            state,
            http_status: None,
            error_type: None,
            error_code: None,
            finish_reason: None,
            tool_calls: Vec::new(),
            served_model: None,
            provider_request_id: None,
            response_id: None,
            usage_source: UsageSource::None,
            usage_injected: false,
            usage: Usage::default(),
            raw_usage: None,
            cost: None,
            price_version: None,
            other_price_versions: Vec::new(),
            latency_us: None,
            ttfb_us: None,
            response_bytes: 0,
            finished_at,
        }
    }

    /// The model that answers and rollups group by: the served one where the
    /// provider names it, else the requested one.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        self.served_model
            .as_deref()
            .or(self.context.requested_model.as_deref())
    }
}
