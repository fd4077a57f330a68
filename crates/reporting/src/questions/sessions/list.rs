//! `sessions list`: the sessions themselves, the newest first.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use systemprompt_domain::period::Interval;
use time::OffsetDateTime;
use uuid::Uuid;

use super::show::within;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::figures::{Time, round};
use crate::kept;
use crate::params::{Page, PeriodArgs, WebFilters};
use crate::query::{Answer, PeriodUsed, Query};
use crate::questions::traffic::nothing;

/// The sessions themselves, the newest first
#[derive(Clone, Debug, Default, clap::Args, Serialize, Deserialize, JsonSchema)]
#[group(skip)]
pub struct List {
    /// The period
    #[command(flatten)]
    #[serde(flatten)]
    pub period: PeriodArgs,
    /// Which traffic counts
    #[command(flatten)]
    #[serde(flatten)]
    pub filters: WebFilters,
    /// How many rows
    #[command(flatten)]
    #[serde(flatten)]
    pub page: Page,
    /// Only sessions that began before this one: the last id of the page before
    #[arg(long, value_name = "ID")]
    #[serde(default)]
    pub before: Option<Uuid>,
}

/// One session.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ListRow {
    /// The session
    #[schemars(extend("x-unit" = "id"))]
    pub id: Uuid,
    /// When its first event arrived
    pub started_at: Time,
    /// When its last event arrived
    pub last_seen_at: Time,
    /// What it is taken for
    pub class: String,
    /// The kind of a known bot; else empty
    pub bot_kind: String,
    /// Who runs a known bot; else empty
    pub bot_name: String,
    /// What speaks for a bot, in points; 50 convict
    #[schemars(extend("x-unit" = "count"))]
    pub score: i16,
    /// The site
    pub site: String,
    /// The page it began with
    pub landing_page: String,
    /// The page it ended with
    pub exit_page: String,
    /// Page views
    #[schemars(extend("x-unit" = "count"))]
    pub pages: i32,
    /// Seconds in which a page was visible and had the focus
    #[schemars(extend("x-unit" = "seconds"))]
    pub engaged_seconds: f64,
    /// How far down a page was seen at most, 0 to 100; none if that was not reported
    #[schemars(extend("x-unit" = "percent"))]
    pub max_scroll: Option<i16>,
    /// Clicks
    #[schemars(extend("x-unit" = "count"))]
    pub clicks: i32,
    /// The channel it came by
    pub channel: String,
    /// The source it came from; empty if direct
    pub source: String,
    /// The host that the browser came from
    pub referrer: String,
    /// The kind of device
    pub device: String,
    /// The browser
    pub browser: String,
    /// The operating system
    pub os: String,
    /// The country by its two letters; empty if unknown
    pub country: String,
}

/// A session as it is stored.
pub(super) struct Stored {
    pub(super) id: Uuid,
    pub(super) started_at: OffsetDateTime,
    pub(super) last_seen_at: OffsetDateTime,
    pub(super) class: String,
    pub(super) bot_kind: String,
    pub(super) bot_name: String,
    pub(super) score: i16,
    pub(super) site: String,
    pub(super) landing_page: String,
    pub(super) exit_page: String,
    pub(super) pages: i32,
    pub(super) engaged_ms: i64,
    pub(super) max_scroll: Option<i16>,
    pub(super) clicks: i32,
    pub(super) channel: String,
    pub(super) source: String,
    pub(super) referrer: String,
    pub(super) device: String,
    pub(super) browser: String,
    pub(super) os: String,
    pub(super) country: String,
}

impl From<Stored> for ListRow {
    fn from(stored: Stored) -> Self {
        Self {
            id: stored.id,
            started_at: stored.started_at.into(),
            last_seen_at: stored.last_seen_at.into(),
            class: stored.class,
            bot_kind: stored.bot_kind,
            bot_name: stored.bot_name,
            score: stored.score,
            site: stored.site,
            landing_page: stored.landing_page,
            exit_page: stored.exit_page,
            pages: stored.pages,
            engaged_seconds: round(stored.engaged_ms as f64 / 1_000.0, 1),
            max_scroll: stored.max_scroll,
            clicks: stored.clicks,
            channel: stored.channel,
            source: stored.source,
            referrer: stored.referrer,
            device: stored.device,
            browser: stored.browser,
            os: stored.os,
            country: stored.country,
        }
    }
}

impl List {
    /// Where the page begins.
    async fn before_at(&self, ctx: &Ctx) -> Result<Option<OffsetDateTime>> {
        let Some(id) = self.before else {
            return Ok(None);
        };
        let unknown = || Error::NotFound(format!("no session has the id {id}"));
        let Interval { since, until } = within([id, id]).ok_or_else(unknown)?;
        let at = sqlx::query_scalar!(
            r#"select started_at as "started_at!" from user_sessions
               where id = $2 and started_at >= $3 and started_at < $4 and $1::text is null
               union all
               select started_at from open_sessions where id = $2 and $1::text is null"#,
            ctx.scope.only_agent(),
            id,
            since,
            until,
        )
        .fetch_optional(&ctx.pool)
        .await?;
        at.map(Some).ok_or_else(unknown)
    }
}

impl Query for List {
    type Row = ListRow;
    const PATH: &'static [&'static str] = &["sessions", "list"];

    async fn run(&self, ctx: &Ctx) -> Result<Answer<ListRow>> {
        let interval = self.period.interval(ctx.clock.now())?;
        let rows = sqlx::query_file_as!(
            Stored,
            "src/questions/sessions/list.sql",
            ctx.scope.only_agent(),
            interval.since,
            interval.until,
            self.before_at(ctx).await?,
            self.before,
            self.filters.class.stored() as _,
            &self.filters.sites,
            self.page.limit.fetch(),
        )
        .fetch_all(&ctx.pool)
        .await?;
        let note = match kept::sessions(ctx, interval.since).await? {
            Some(note) => Some(note),
            None => nothing(rows.len()),
        };
        Ok(Answer::of(rows.into_iter().map(ListRow::from).collect())
            .cut(self.page.limit.rows())
            .over(PeriodUsed::of(interval, &self.period.timezone))
            .with_note(note))
    }
}
