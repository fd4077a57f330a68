//! `requests list`: the requests themselves, the newest first.

use clap::ValueEnum;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use systemprompt_domain::TraceId;
use systemprompt_domain::ids::time_of;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::ctx::Ctx;
use crate::currency::Currency;
use crate::error::{Error, Result};
use crate::figures::{Time, millis};
use crate::kept;
use crate::params::{Filters, Page, PeriodArgs};
use crate::query::{Answer, PeriodUsed, Query};

/// After this long without an end, a request under way is called stale: its
/// server may be gone. Only that server may call it lost.
pub(in crate::questions) const STALE_AFTER: Duration = Duration::HOUR;

/// The state that a request under way is shown in.
pub(super) fn under_way_state(created_at: OffsetDateTime, now: OffsetDateTime) -> State {
    if created_at < now - STALE_AFTER {
        State::Stale
    } else {
        State::Started
    }
}

/// The requests themselves, the newest first
#[derive(Clone, Debug, Default, clap::Args, Serialize, Deserialize, JsonSchema)]
#[group(skip)]
pub struct List {
    /// The period
    #[command(flatten)]
    #[serde(flatten)]
    pub period: PeriodArgs,
    /// Which requests count
    #[command(flatten)]
    #[serde(flatten)]
    pub filters: Filters,
    /// How many rows
    #[command(flatten)]
    #[serde(flatten)]
    pub page: Page,
    /// Only requests in this state (can be repeated)
    #[arg(long = "state", value_enum, value_name = "STATE")]
    #[serde(default, rename = "state")]
    pub states: Vec<State>,
    /// Only requests of this trace
    #[arg(long, value_name = "ID")]
    #[serde(default)]
    pub trace: Option<Uuid>,
    /// Only requests of this conversation
    #[arg(long, value_name = "ID")]
    #[serde(default)]
    pub conversation: Option<String>,
    /// Only requests older than this one: the last id of the page before
    #[arg(long, value_name = "ID")]
    #[serde(default)]
    pub before: Option<Uuid>,
}

/// The states a request can be shown in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
#[schemars(inline)]
pub enum State {
    /// Still under way
    Started,
    /// Still under way after an hour
    Stale,
    /// The provider's answer reached its end
    Completed,
    /// The provider answered with an error, or its answer broke off
    Failed,
    /// The client went away before the end of the answer
    ClientDisconnect,
    /// The provider did not answer in time
    UpstreamTimeout,
    /// A budget refused the request
    Paused,
    /// The server was stopped while the answer was under way
    Shutdown,
    /// The server died while the answer was under way
    Lost,
}

impl State {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Stale => "stale",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::ClientDisconnect => "client_disconnect",
            Self::UpstreamTimeout => "upstream_timeout",
            Self::Paused => "paused",
            Self::Shutdown => "shutdown",
            Self::Lost => "lost",
        }
    }
}

/// One request.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ListRow {
    /// The request
    #[schemars(extend("x-unit" = "id"))]
    pub id: Uuid,
    /// When it arrived
    pub created_at: Time,
    /// The provider's name in the configuration
    pub provider: String,
    /// The interface that was called
    pub api: String,
    /// The model the client asked for
    pub requested_model: Option<String>,
    /// The model that served, else the one that was asked for
    pub model: Option<String>,
    /// The agent that asked
    pub agent: Option<String>,
    /// The user who asked
    pub user: Option<String>,
    /// The session, if the client named one
    #[schemars(extend("x-unit" = "id"))]
    pub session_id: Option<String>,
    /// The conversation, named by the client or derived
    #[schemars(extend("x-unit" = "id"))]
    pub conversation_id: Option<String>,
    /// The trace it belongs to
    #[schemars(extend("x-unit" = "id"))]
    pub trace_id: String,
    /// How it ended; `started` while it is under way, `stale` after an hour of that
    pub state: String,
    /// The provider's HTTP status; none if it never answered
    pub http_status: Option<i16>,
    /// The provider's error type, or our short name for what went wrong
    pub error_type: Option<String>,
    /// Whether the client asked for a stream
    pub streamed: bool,
    /// All input, cached or not; none if nobody stated the usage
    #[schemars(extend("x-unit" = "tokens"))]
    pub input_tokens: Option<i64>,
    /// All output, reasoning included
    #[schemars(extend("x-unit" = "tokens"))]
    pub output_tokens: Option<i64>,
    /// Input read from the prompt cache
    #[schemars(extend("x-unit" = "tokens"))]
    pub cache_read_tokens: Option<i64>,
    /// Input written to the prompt cache
    #[schemars(extend("x-unit" = "tokens"))]
    pub cache_write_tokens: Option<i64>,
    /// Output that was reasoning
    #[schemars(extend("x-unit" = "tokens"))]
    pub reasoning_tokens: Option<i64>,
    /// What it cost; none if no price is known
    #[schemars(extend("x-unit" = "money"))]
    pub cost: Option<Decimal>,
    /// From arrival to the end of the answer
    #[schemars(extend("x-unit" = "ms"))]
    pub latency_ms: Option<f64>,
    /// From arrival to the first byte of the answer
    #[schemars(extend("x-unit" = "ms"))]
    pub ttfb_ms: Option<f64>,
}

/// A row as it is stored.
struct Stored {
    id: Uuid,
    created_at: OffsetDateTime,
    provider: String,
    api: String,
    requested_model: Option<String>,
    model: Option<String>,
    agent: Option<String>,
    user: Option<String>,
    session_id: Option<String>,
    conversation_id: Option<String>,
    trace_id: Uuid,
    state: String,
    http_status: Option<i16>,
    error_type: Option<String>,
    streamed: bool,
    input_tokens: Option<i64>,
    output_tokens: Option<i64>,
    cache_read_tokens: Option<i64>,
    cache_write_tokens: Option<i64>,
    reasoning_tokens: Option<i64>,
    cost_nanos: Option<i64>,
    latency_us: Option<i64>,
    ttfb_us: Option<i64>,
}

impl ListRow {
    fn of(stored: Stored, currency: &Currency) -> Self {
        let latency = |micros: Option<i64>| micros.map(|micros| millis(micros as f64));
        Self {
            id: stored.id,
            created_at: stored.created_at.into(),
            provider: stored.provider,
            api: stored.api,
            requested_model: stored.requested_model,
            model: stored.model,
            agent: stored.agent,
            user: stored.user,
            session_id: stored.session_id,
            conversation_id: stored.conversation_id,
            trace_id: TraceId(stored.trace_id).to_string(),
            state: stored.state,
            http_status: stored.http_status,
            error_type: stored.error_type,
            streamed: stored.streamed,
            input_tokens: stored.input_tokens,
            output_tokens: stored.output_tokens,
            cache_read_tokens: stored.cache_read_tokens,
            cache_write_tokens: stored.cache_write_tokens,
            reasoning_tokens: stored.reasoning_tokens,
            cost: stored
                .cost_nanos
                .map(|nanos| currency.convert(nanos, stored.created_at)),
            latency_ms: latency(stored.latency_us),
            ttfb_ms: latency(stored.ttfb_us),
        }
    }
}

impl List {
    /// Where the page begins: an id carries its time.
    fn before_at(&self) -> Result<Option<OffsetDateTime>> {
        let Some(id) = self.before else {
            return Ok(None);
        };
        let missing = || Error::NotFound(format!("no request has the id {id}"));
        let at = time_of(id).ok_or_else(missing)?;
        Ok(Some(at))
    }
}

impl Query for List {
    type Row = ListRow;
    const PATH: &'static [&'static str] = &["requests", "list"];

    async fn run(&self, ctx: &Ctx) -> Result<Answer<ListRow>> {
        let now = ctx.clock.now();
        let interval = self.period.interval(now)?;
        let states: Vec<String> = self
            .states
            .iter()
            .map(|state| state.as_str().to_owned())
            .collect();
        let rows = sqlx::query_file_as!(
            Stored,
            "src/questions/requests/list.sql",
            ctx.scope.only_agent(),
            interval.since,
            interval.until,
            self.before_at()?,
            self.before,
            &self.filters.models,
            &self.filters.providers,
            &self.filters.agents,
            &self.filters.users,
            &states,
            self.trace,
            self.conversation.as_deref(),
            self.page.limit.fetch(),
            now - STALE_AFTER,
        )
        .fetch_all(&ctx.pool)
        .await?;
        let row = |stored| ListRow::of(stored, &ctx.settings.currency);
        let rows = rows.into_iter().map(row).collect();
        Ok(Answer::of(rows)
            .cut(self.page.limit.rows())
            .over(PeriodUsed::of(interval, &self.period.timezone))
            .with_note(kept::requests(ctx, interval.since).await?)
            .sampled(ctx.settings.sampling))
    }
}
