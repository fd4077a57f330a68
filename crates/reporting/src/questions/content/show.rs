//! `content show`: one page that is content, with all that is known of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::find;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::figures::round;
use crate::params::{PeriodArgs, WebFilters};
use crate::query::{Answer, Query};
use crate::rollup::Pages;

/// One page that is content: its views in the period, and how it does altogether
#[derive(Clone, Debug, clap::Args, Serialize, Deserialize, JsonSchema)]
#[group(skip)]
pub struct Show {
    /// The content's path or id
    #[arg(value_name = "PATH|ID")]
    pub content: String,
    /// The period
    #[command(flatten)]
    #[serde(flatten)]
    pub period: PeriodArgs,
    /// Which traffic counts
    #[command(flatten)]
    #[serde(flatten)]
    pub filters: WebFilters,
}

/// One page.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ShowRow {
    /// The content
    #[schemars(extend("x-unit" = "id"))]
    pub content: Uuid,
    /// The site
    pub site: String,
    /// Its path
    pub path: String,
    /// Its title
    pub title: String,
    /// What kind of content it is
    pub kind: String,
    /// registered by somebody, or discovered by rules
    pub origin: String,
    /// Views in the period
    #[schemars(extend("x-unit" = "count"))]
    pub views: i64,
    /// Different visitors a day of the period, added up
    #[schemars(extend("x-unit" = "count"))]
    pub visitors: i64,
    /// Engaged seconds to a view of which engagement was reported
    #[schemars(extend("x-unit" = "seconds"))]
    pub avg_time_seconds: Option<f64>,
    /// How far down it was seen, 0 to 100, where that was reported
    #[schemars(extend("x-unit" = "percent"))]
    pub avg_scroll: Option<f64>,
    /// Clicks in the period
    #[schemars(extend("x-unit" = "count"))]
    pub clicks: i64,
    /// Sessions of the period that began there
    #[schemars(extend("x-unit" = "count"))]
    pub entries: i64,
    /// Sessions of the period that ended there
    #[schemars(extend("x-unit" = "count"))]
    pub exits: i64,
    /// Views by people since the beginning
    #[schemars(extend("x-unit" = "count"))]
    pub total_views: i64,
    /// Views by people in the last seven days
    #[schemars(extend("x-unit" = "count"))]
    pub views_last_7_days: i64,
    /// Views by people in the last thirty days
    #[schemars(extend("x-unit" = "count"))]
    pub views_last_30_days: i64,
    /// The last seven full days against the three weeks before: up, down or stable
    pub trend_direction: String,
    /// The same as a ratio: 1 is as before
    #[schemars(extend("x-unit" = "ratio"))]
    pub trend_ratio: Option<f64>,
    /// Whether it was first seen less than 28 days ago
    pub is_new: bool,
}

impl Query for Show {
    type Row = ShowRow;
    const PATH: &'static [&'static str] = &["content", "show"];

    async fn run(&self, ctx: &Ctx) -> Result<Answer<ShowRow>> {
        let item = find(ctx, &self.content, &self.filters.sites).await?;
        let source = Pages::of(ctx, &self.period, &self.filters)?;
        let viewed = source.page(&item.site, &item.path).await?;
        let known = sqlx::query!(
            "select total_views, views_last_7_days, views_last_30_days, trend_direction, trend_ratio, \
             is_new from content_performance_metrics where content_id = $2 and $1::text is null",
            ctx.scope.only_agent(),
            item.id,
        )
        .fetch_optional(&ctx.pool)
        .await?;
        let known = known.as_ref();
        let row = ShowRow {
            content: item.id,
            site: item.site,
            path: item.path,
            title: item.title,
            kind: item.kind,
            origin: item.origin,
            views: viewed.views,
            visitors: viewed.visitors,
            avg_time_seconds: viewed.average_seconds(),
            avg_scroll: viewed.average_scroll(),
            clicks: viewed.clicks,
            entries: viewed.entries,
            exits: viewed.exits,
            total_views: known.map_or(0, |known| known.total_views),
            views_last_7_days: known.map_or(0, |known| known.views_last_7_days),
            views_last_30_days: known.map_or(0, |known| known.views_last_30_days),
            trend_direction: known
                .map_or("stable", |known| &known.trend_direction)
                .to_owned(),
            trend_ratio: known
                .and_then(|known| known.trend_ratio)
                .map(|ratio| round(ratio, 4)),
            is_new: known.is_none_or(|known| known.is_new),
        };
        let not_yet = known.is_none().then(|| {
            "figures of all times are made every 15 minutes; these are still to come".to_owned()
        });
        Ok(Answer::of(vec![row])
            .over(source.frame.period())
            .with_note(not_yet))
    }
}
