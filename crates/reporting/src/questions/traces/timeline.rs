//! Everything known of some traces, in the order in which it happened.

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use systemprompt_domain::TraceId;
use systemprompt_domain::ids::time_of;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::find::Found;
use super::{audit, logs, requests, tools};
use crate::ctx::Ctx;
use crate::error::Result;
use crate::figures::Time;

/// The most that each source tells.
pub(super) const MOST: i64 = 10_000;

/// Requests further than this from the time in their trace's id are known to
/// `traces`, and what belongs to a request happens that soon after it, or is in
/// the audit trail with its time.
const AROUND: Duration = Duration::HOUR;

/// What kind of thing happened. At the same moment the first is told first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Kind {
    /// Somebody was let in
    Authorization,
    /// A request left for a provider
    Request,
    /// A tool was called
    ToolCall,
    /// A server said something
    Log,
    /// A tool call ended
    ToolResult,
    /// A request ended
    Response,
    /// The audit trail got an entry
    Audit,
}

/// Something that happened on a trace.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Event {
    /// What kind of thing happened: authorization, request, response, tool_call, tool_result, log or audit
    pub kind: Kind,
    /// When
    pub at: Time,
    /// What happened: the interface that was called, how the request or the tool call ended, the audit event, the level of a log line
    pub event: String,
    /// The provider's name in the configuration
    pub provider: Option<String>,
    /// The model that was asked for, or served
    pub model: Option<String>,
    /// The MCP server's name in the configuration
    pub server: Option<String>,
    /// The tool that was called
    pub tool: Option<String>,
    /// The provider's HTTP status; none if it never answered
    pub http_status: Option<i16>,
    /// Why the model stopped, in the provider's words
    pub finish_reason: Option<String>,
    /// Size of the client's body, or of the answer's, in bytes
    #[schemars(extend("x-unit" = "count"))]
    pub bytes: Option<i64>,
    /// What the request cost; none if no price is known
    #[schemars(extend("x-unit" = "money"))]
    pub cost: Option<Decimal>,
    /// From the request's arrival, or a tool's call, to the end of the answer
    #[schemars(extend("x-unit" = "ms"))]
    pub latency_ms: Option<f64>,
    /// What a server said, or what went wrong
    pub message: Option<String>,
    /// The agent that asked
    pub agent: Option<String>,
    /// The user who asked
    pub user: Option<String>,
    /// The name of the token that was used
    pub token: Option<String>,
    /// The request that it is about; of a tool call, the one that asked for it
    #[schemars(extend("x-unit" = "id"))]
    pub request_id: Option<Uuid>,
    /// Its own id: of the request, the tool call, the log line or, a number, the audit event
    #[schemars(extend("x-unit" = "id"))]
    pub id: String,
    /// The trace
    #[schemars(extend("x-unit" = "id"))]
    pub trace_id: Option<String>,
    /// What else is known of it
    pub detail: Option<Value>,
    /// How far an audit event is proved: by which checkpoint it is covered, if any
    pub proof: Option<String>,
}

impl Event {
    /// Of which nothing else is known.
    pub(super) fn new(
        kind: Kind,
        at: OffsetDateTime,
        event: impl Into<String>,
        id: &impl ToString,
        trace: Option<Uuid>,
    ) -> Self {
        Self {
            kind,
            at: at.into(),
            event: event.into(),
            provider: None,
            model: None,
            server: None,
            tool: None,
            http_status: None,
            finish_reason: None,
            bytes: None,
            cost: None,
            latency_ms: None,
            message: None,
            agent: None,
            user: None,
            token: None,
            request_id: None,
            id: id.to_string(),
            trace_id: trace.map(|id| TraceId(id).to_string()),
            detail: None,
            proof: None,
        }
    }
}

/// What a source is asked for.
pub(super) struct Wanted<'a> {
    pub(super) ctx: &'a Ctx,
    pub(super) traces: &'a [Uuid],
    /// An audit event that may be of none of them.
    pub(super) event: Option<i64>,
    /// Nothing on the traces happened before or from then on.
    pub(super) since: OffsetDateTime,
    pub(super) until: OffsetDateTime,
}

/// Everything that the caller may see; and whether that is not all.
pub(super) async fn timeline(ctx: &Ctx, found: &Found) -> Result<(Vec<Event>, bool)> {
    let (since, until) = window(ctx, &found.traces).await?;
    let wanted = Wanted {
        ctx,
        traces: &found.traces,
        event: found.event,
        since,
        until,
    };
    let sources = [
        requests::events(&wanted).await?,
        tools::events(&wanted).await?,
        logs::events(&wanted).await?,
        audit::events(&wanted).await?,
    ];
    let more = sources.iter().any(|events| events.len() as i64 >= MOST);
    let mut events: Vec<Event> = sources.into_iter().flatten().collect();
    events.sort_by_key(|event| (event.at, event.kind));
    Ok((events, more))
}

/// When the traces happened, so that sources read the days they have to.
async fn window(ctx: &Ctx, traces: &[Uuid]) -> Result<(OffsetDateTime, OffsetDateTime)> {
    let known = sqlx::query_file!("src/questions/traces/window.sql", traces)
        .fetch_one(&ctx.pool)
        .await?;
    let moments = traces.iter().filter_map(|id| time_of(*id));
    let moments = moments.chain(known.first_at).chain(known.last_at);
    let now = ctx.clock.now();
    let (first, last) = moments
        .map(|at| (at, at))
        .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
        .unwrap_or((now, now));
    let since = first.checked_sub(AROUND).unwrap_or(first);
    Ok((since, last.checked_add(AROUND).unwrap_or(last)))
}
