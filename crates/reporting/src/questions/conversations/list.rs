//! `conversations list`: the conversations themselves, the newest first.

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::ctx::Ctx;
use crate::currency::Currency;
use crate::error::{Error, Result};
use crate::figures::{Spent, Time};
use crate::kept;
use crate::params::{Owners, Page, PeriodArgs};
use crate::query::{Answer, PeriodUsed, Query};

/// The conversations themselves, the newest first
#[derive(Clone, Debug, Default, clap::Args, Serialize, Deserialize, JsonSchema)]
#[group(skip)]
pub struct List {
    /// The period
    #[command(flatten)]
    #[serde(flatten)]
    pub period: PeriodArgs,
    /// Whose conversations
    #[command(flatten)]
    #[serde(flatten)]
    pub owners: Owners,
    /// How many rows
    #[command(flatten)]
    #[serde(flatten)]
    pub page: Page,
    /// Only conversations that began before this one: the last id of the page before
    #[arg(long, value_name = "ID")]
    #[serde(default)]
    pub before: Option<String>,
}

/// One conversation.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ListRow {
    /// The conversation, named by the client or derived
    #[schemars(extend("x-unit" = "id"))]
    pub conversation_id: String,
    /// Whether it was derived from the opening messages
    pub derived: bool,
    /// The agent that began it
    pub agent: Option<String>,
    /// The user who began it
    pub user: Option<String>,
    /// When its first request arrived
    pub first_at: Time,
    /// When its last request arrived
    pub last_at: Time,
    /// From the first request's arrival to the last one's, in milliseconds
    #[schemars(extend("x-unit" = "duration"))]
    pub duration_ms: i64,
    /// Its requests
    #[schemars(extend("x-unit" = "count"))]
    pub requests: i64,
    /// All input, cached or not
    #[schemars(extend("x-unit" = "tokens"))]
    pub input_tokens: i64,
    /// All output, reasoning included
    #[schemars(extend("x-unit" = "tokens"))]
    pub output_tokens: i64,
    /// What its priced requests cost, at the exchange rate of the UTC day on which it began; none where no price is known
    #[schemars(extend("x-unit" = "money"))]
    pub cost: Option<Decimal>,
}

/// A conversation as it is stored.
pub(super) struct Stored {
    pub(super) conversation_id: String,
    pub(super) derived: bool,
    pub(super) agent: Option<String>,
    pub(super) user: Option<String>,
    pub(super) first_at: OffsetDateTime,
    pub(super) last_at: OffsetDateTime,
    pub(super) requests: i64,
    pub(super) input_tokens: i64,
    pub(super) output_tokens: i64,
    pub(super) cost_nanos: i64,
    pub(super) unpriced: i64,
}

impl ListRow {
    pub(super) fn of(stored: Stored, currency: &Currency) -> Self {
        let duration = (stored.last_at - stored.first_at).whole_milliseconds();
        let priced = currency.amount(stored.cost_nanos, stored.first_at);
        Self {
            conversation_id: stored.conversation_id,
            derived: stored.derived,
            agent: stored.agent,
            user: stored.user,
            first_at: stored.first_at.into(),
            last_at: stored.last_at.into(),
            duration_ms: i64::try_from(duration).expect("the calendar has fewer milliseconds"),
            requests: stored.requests,
            input_tokens: stored.input_tokens,
            output_tokens: stored.output_tokens,
            cost: Spent::of(priced, stored.unpriced).rounded(),
        }
    }
}

impl List {
    /// Where the page begins.
    async fn before_at(&self, ctx: &Ctx) -> Result<Option<OffsetDateTime>> {
        let Some(id) = &self.before else {
            return Ok(None);
        };
        let at = sqlx::query_scalar!(
            "select first_at from conversations \
             where conversation_id = $2 and ($1::text is null or agent = $1)",
            ctx.scope.only_agent(),
            id,
        )
        .fetch_optional(&ctx.pool)
        .await?;
        at.map(Some)
            .ok_or_else(|| Error::NotFound(format!("no conversation has the id {id}")))
    }
}

impl Query for List {
    type Row = ListRow;
    const PATH: &'static [&'static str] = &["conversations", "list"];

    async fn run(&self, ctx: &Ctx) -> Result<Answer<ListRow>> {
        let interval = self.period.interval(ctx.clock.now())?;
        let rows = sqlx::query_file_as!(
            Stored,
            "src/questions/conversations/list.sql",
            ctx.scope.only_agent(),
            interval.since,
            interval.until,
            self.before_at(ctx).await?,
            self.before.as_deref(),
            &self.owners.agents,
            &self.owners.users,
            self.page.limit.fetch(),
        )
        .fetch_all(&ctx.pool)
        .await?;
        let row = |stored| ListRow::of(stored, &ctx.settings.currency);
        Ok(Answer::of(rows.into_iter().map(row).collect())
            .cut(self.page.limit.rows())
            .over(PeriodUsed::of(interval, &self.period.timezone))
            .with_note(kept::conversations(ctx, interval.since).await?))
    }
}
