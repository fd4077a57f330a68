//! `sessions live`: who is on the sites at the moment.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::ctx::Ctx;
use crate::error::Result;
use crate::figures::{Time, round};
use crate::params::{Page, WebFilters};
use crate::query::{Answer, Query};

/// Whoever did anything in the last five minutes is there.
const ACTIVE: Duration = Duration::minutes(5);

/// Sessions with anything happening in the last five minutes, those first that were seen last
#[derive(Clone, Debug, Default, clap::Args, Serialize, Deserialize, JsonSchema)]
#[group(skip)]
pub struct Live {
    /// Which traffic counts
    #[command(flatten)]
    #[serde(flatten)]
    pub filters: WebFilters,
    /// How many rows
    #[command(flatten)]
    #[serde(flatten)]
    pub page: Page,
}

/// One session.
#[derive(Debug, Serialize, JsonSchema)]
pub struct LiveRow {
    /// The session
    #[schemars(extend("x-unit" = "id"))]
    pub id: Uuid,
    /// When its first event arrived
    pub started_at: Time,
    /// When its last event arrived
    pub last_seen_at: Time,
    /// What it is taken for so far
    pub class: String,
    /// The site
    pub site: String,
    /// The page it is on
    pub page: String,
    /// Page views so far
    #[schemars(extend("x-unit" = "count"))]
    pub pages: i32,
    /// Seconds so far in which a page was visible and had the focus
    #[schemars(extend("x-unit" = "seconds"))]
    pub engaged_seconds: f64,
    /// The channel it came by
    pub channel: String,
    /// The source it came from; empty if direct
    pub source: String,
    /// The kind of device
    pub device: String,
    /// The country by its two letters; empty if unknown
    pub country: String,
}

struct Stored {
    id: Uuid,
    started_at: OffsetDateTime,
    last_seen_at: OffsetDateTime,
    class: String,
    site: String,
    exit_page: String,
    pages: i32,
    engaged_ms: i64,
    channel: String,
    source: String,
    device: String,
    country: String,
}

impl Query for Live {
    type Row = LiveRow;
    const PATH: &'static [&'static str] = &["sessions", "live"];

    async fn run(&self, ctx: &Ctx) -> Result<Answer<LiveRow>> {
        let rows = sqlx::query_file_as!(
            Stored,
            "src/questions/sessions/live.sql",
            ctx.scope.only_agent(),
            ctx.clock.now() - ACTIVE,
            self.filters.class.stored() as _,
            &self.filters.sites,
            self.page.limit.fetch(),
        )
        .fetch_all(&ctx.pool)
        .await?;
        let row = |stored: Stored| LiveRow {
            id: stored.id,
            started_at: stored.started_at.into(),
            last_seen_at: stored.last_seen_at.into(),
            class: stored.class,
            site: stored.site,
            page: stored.exit_page,
            pages: stored.pages,
            engaged_seconds: round(stored.engaged_ms as f64 / 1_000.0, 1),
            channel: stored.channel,
            source: stored.source,
            device: stored.device,
            country: stored.country,
        };
        let nobody = rows
            .is_empty()
            .then(|| "nobody of that class is there at the moment".to_owned());
        Ok(Answer::of(rows.into_iter().map(row).collect())
            .cut(self.page.limit.rows())
            .with_note(nobody))
    }
}
