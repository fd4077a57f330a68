//! `audit list`: the audit events themselves, the last recorded first.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use systemprompt_domain::TraceId;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::ctx::Ctx;
use crate::error::Result;
use crate::figures::Time;
use crate::params::{AuditFilters, Page, PeriodArgs, names};
use crate::query::{Answer, PeriodUsed, Query};

use super::nothing;
use crate::rollup::{Span, span};

/// The audit events themselves, the last recorded first
#[derive(Clone, Debug, Default, clap::Args, Serialize, Deserialize, JsonSchema)]
#[group(skip)]
pub struct List {
    /// The period
    #[command(flatten)]
    #[serde(flatten)]
    pub period: PeriodArgs,
    /// Which events
    #[command(flatten)]
    #[serde(flatten)]
    pub filters: AuditFilters,
    /// How many rows
    #[command(flatten)]
    #[serde(flatten)]
    pub page: Page,
    /// Only events before this one: the last number of the page before
    #[arg(long, value_name = "NUMBER")]
    #[serde(default)]
    pub before: Option<i64>,
}

/// One event.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ListRow {
    /// Its number in the trail
    #[schemars(extend("x-unit" = "id"))]
    pub seq: i64,
    /// When it happened
    pub created_at: Time,
    /// What part of the trail it belongs to
    pub category: String,
    /// What happened
    pub event: String,
    /// Who did it
    pub user: Option<String>,
    /// The agent
    pub agent: Option<String>,
    /// The name of the token that was used
    pub token: Option<String>,
    /// The trace it belongs to
    #[schemars(extend("x-unit" = "id"))]
    pub trace_id: Option<String>,
    /// What it is about: a request, or the id that its sender gave it
    #[schemars(extend("x-unit" = "id"))]
    pub subject_id: Option<String>,
    /// How it ended: success, failure, denied or pending; none before the log was begun
    pub outcome: Option<String>,
    /// How it ended in its sender's words, where it is the end of something
    pub state: Option<String>,
    /// More about it
    pub detail: Option<Value>,
}

/// A row as it is stored.
struct Stored {
    seq: i64,
    created_at: OffsetDateTime,
    category: String,
    event: String,
    user: Option<String>,
    agent: Option<String>,
    token: Option<String>,
    trace_id: Option<Uuid>,
    subject_id: Option<Uuid>,
    outcome: Option<String>,
    state: Option<String>,
    detail: Option<Value>,
}

impl From<Stored> for ListRow {
    fn from(stored: Stored) -> Self {
        Self {
            seq: stored.seq,
            created_at: stored.created_at.into(),
            category: stored.category,
            event: stored.event,
            user: stored.user,
            agent: stored.agent,
            token: stored.token,
            trace_id: stored.trace_id.map(|id| TraceId(id).to_string()),
            subject_id: stored.subject_id.map(|id| id.to_string()),
            outcome: stored.outcome,
            state: stored.state,
            detail: stored.detail,
        }
    }
}

impl Query for List {
    type Row = ListRow;
    const PATH: &'static [&'static str] = &["audit", "list"];
    const TOOL: Option<&'static str> = Some("analytics_audit");

    async fn run(&self, ctx: &Ctx) -> Result<Answer<ListRow>> {
        let interval = self.period.interval(ctx.clock.now())?;
        let span = span(ctx, interval, &self.filters).await?;
        let Some(Span { first, last }) = span else {
            return Ok(Answer::of(Vec::new())
                .over(PeriodUsed::of(interval, &self.period.timezone))
                .with_note(nothing(0)));
        };
        let last = self
            .before
            .map_or(last, |before| last.min(before.saturating_sub(1)));
        let rows = sqlx::query_file_as!(
            Stored,
            "src/questions/audit/list.sql",
            ctx.scope.only_agent(),
            interval.since,
            interval.until,
            first,
            last,
            &names(&self.filters.categories),
            &self.filters.events,
            &self.filters.users,
            &self.filters.agents,
            self.filters.trace,
            self.page.limit.fetch(),
        )
        .fetch_all(&ctx.pool)
        .await?;
        let note = nothing(rows.len());
        Ok(Answer::of(rows.into_iter().map(ListRow::from).collect())
            .cut(self.page.limit.rows())
            .over(PeriodUsed::of(interval, &self.period.timezone))
            .with_note(note))
    }
}
