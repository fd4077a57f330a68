//! `content stats`: content in one row, against the period before.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::nothing;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::figures::change;
use crate::params::{PeriodArgs, WebFilters};
use crate::query::{Answer, Query};
use crate::rollup::Pages;

/// Views of content and how it was read, against the period before
#[derive(Clone, Debug, Default, clap::Args, Serialize, Deserialize, JsonSchema)]
#[group(skip)]
pub struct Stats {
    /// The period
    #[command(flatten)]
    #[serde(flatten)]
    pub period: PeriodArgs,
    /// Which traffic counts
    #[command(flatten)]
    #[serde(flatten)]
    pub filters: WebFilters,
}

/// The content of a period.
#[derive(Debug, Serialize, JsonSchema)]
pub struct StatsRow {
    /// Pages that are registered as content, or were discovered as such
    #[schemars(extend("x-unit" = "count"))]
    pub items: i64,
    /// Views
    #[schemars(extend("x-unit" = "count"))]
    pub views: i64,
    /// Views in the period before
    #[schemars(extend("x-unit" = "count"))]
    pub previous_views: i64,
    /// The change in views
    #[schemars(extend("x-unit" = "ratio"))]
    pub views_change: Option<f64>,
    /// Different visitors of a page and a day, added up
    #[schemars(extend("x-unit" = "count"))]
    pub visitors: i64,
    /// Engaged seconds to a view of which engagement was reported
    #[schemars(extend("x-unit" = "seconds"))]
    pub avg_time_seconds: Option<f64>,
    /// How far down pages were seen, 0 to 100, where that was reported
    #[schemars(extend("x-unit" = "percent"))]
    pub avg_scroll: Option<f64>,
    /// Clicks
    #[schemars(extend("x-unit" = "count"))]
    pub clicks: i64,
    /// Content with more views than in the weeks before
    #[schemars(extend("x-unit" = "count"))]
    pub trending_up: i64,
    /// Content with fewer
    #[schemars(extend("x-unit" = "count"))]
    pub trending_down: i64,
    /// Content younger than 28 days
    #[schemars(extend("x-unit" = "count"))]
    pub new: i64,
}

impl Query for Stats {
    type Row = StatsRow;
    const PATH: &'static [&'static str] = &["content", "stats"];

    async fn run(&self, ctx: &Ctx) -> Result<Answer<StatsRow>> {
        let source = Pages::of(ctx, &self.period, &self.filters)?.of_content();
        let (now, before) = (source.total().await?, source.previous()?.total().await?);
        let items = sqlx::query!(
            r#"select
                count(*) as "items!",
                count(*) filter (where m.trend_direction = 'up') as "up!",
                count(*) filter (where m.trend_direction = 'down') as "down!",
                count(*) filter (where m.is_new) as "new!"
            from content_items c
            left join content_performance_metrics m on m.content_id = c.id
            where $1::text is null and (cardinality($2::text[]) = 0 or c.site = any ($2))"#,
            ctx.scope.only_agent(),
            &self.filters.sites,
        )
        .fetch_one(&ctx.pool)
        .await?;
        let row = StatsRow {
            items: items.items,
            views: now.views,
            previous_views: before.views,
            views_change: change(now.views as f64, before.views as f64),
            visitors: now.visitors,
            avg_time_seconds: now.average_seconds(),
            avg_scroll: now.average_scroll(),
            clicks: now.clicks,
            trending_up: items.up,
            trending_down: items.down,
            new: items.new,
        };
        let note = nothing(usize::from(now.views > 0));
        Ok(Answer::of(vec![row])
            .over(source.frame.period())
            .with_note(note))
    }
}
