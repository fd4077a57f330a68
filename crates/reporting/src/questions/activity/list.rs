//! `activity list`: what was done, the newest first.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use systemprompt_domain::TraceId;
use systemprompt_domain::ids::time_of;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::figures::Time;
use crate::params::{ActivityFilters, Page, PeriodArgs, names};
use crate::query::{Answer, PeriodUsed, Query};

use super::nothing;

/// What people and agents did, the newest first
#[derive(Clone, Debug, Default, clap::Args, Serialize, Deserialize, JsonSchema)]
#[group(skip)]
pub struct List {
    /// The period
    #[command(flatten)]
    #[serde(flatten)]
    pub period: PeriodArgs,
    /// Which activity counts
    #[command(flatten)]
    #[serde(flatten)]
    pub filters: ActivityFilters,
    /// How many rows
    #[command(flatten)]
    #[serde(flatten)]
    pub page: Page,
    /// Only what was done before this: the last id of the page before
    #[arg(long, value_name = "ID")]
    #[serde(default)]
    pub before: Option<Uuid>,
}

/// Something that was done.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ListRow {
    /// Its id
    #[schemars(extend("x-unit" = "id"))]
    pub id: Uuid,
    /// When it was done; when it was reported, if its id does not tell
    pub created_at: Time,
    /// What kind of thing
    pub category: String,
    /// What was done
    pub action: String,
    /// What it was done to: plugin, skill, agent, tool
    pub entity_type: Option<String>,
    /// The name of what it was done to
    pub entity_name: Option<String>,
    /// Who did it
    pub user: Option<String>,
    /// The agent
    pub agent: Option<String>,
    /// The name of the token that reported it
    pub token: Option<String>,
    /// The session
    #[schemars(extend("x-unit" = "id"))]
    pub session_id: Option<String>,
    /// The trace it belongs to
    #[schemars(extend("x-unit" = "id"))]
    pub trace_id: Option<String>,
    /// More about it
    pub metadata: Option<Value>,
}

/// A row as it is stored.
struct Stored {
    id: Uuid,
    created_at: OffsetDateTime,
    category: String,
    action: String,
    entity_type: Option<String>,
    entity_name: Option<String>,
    user: Option<String>,
    agent: Option<String>,
    token: Option<String>,
    session_id: Option<String>,
    trace_id: Option<Uuid>,
    metadata: Option<Value>,
}

impl From<Stored> for ListRow {
    fn from(stored: Stored) -> Self {
        Self {
            id: stored.id,
            created_at: stored.created_at.into(),
            category: stored.category,
            action: stored.action,
            entity_type: stored.entity_type,
            entity_name: stored.entity_name,
            user: stored.user,
            agent: stored.agent,
            token: stored.token,
            session_id: stored.session_id,
            trace_id: stored.trace_id.map(|id| TraceId(id).to_string()),
            metadata: stored.metadata,
        }
    }
}

impl List {
    /// Where the page begins.
    async fn before_at(&self, ctx: &Ctx) -> Result<Option<OffsetDateTime>> {
        let Some(id) = self.before else {
            return Ok(None);
        };
        let at = sqlx::query_file_scalar!("src/questions/activity/before.sql", id, time_of(id))
            .fetch_optional(&ctx.pool)
            .await?;
        at.map(Some)
            .ok_or_else(|| Error::NotFound(format!("no activity has the id {id}")))
    }
}

impl Query for List {
    type Row = ListRow;
    const PATH: &'static [&'static str] = &["activity", "list"];

    async fn run(&self, ctx: &Ctx) -> Result<Answer<ListRow>> {
        let interval = self.period.interval(ctx.clock.now())?;
        let rows = sqlx::query_file_as!(
            Stored,
            "src/questions/activity/list.sql",
            ctx.scope.only_agent(),
            interval.since,
            interval.until,
            self.before_at(ctx).await?,
            self.before,
            &names(&self.filters.categories),
            &self.filters.entity_types,
            &self.filters.users,
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
