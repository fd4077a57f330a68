//! `content top`: the content that is looked at most.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::nothing;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::params::{Page, PeriodArgs, WebFilters};
use crate::query::{Answer, Query};
use crate::rollup::{By, Pages, Viewed};

/// Content with the most views, and where it is heading
#[derive(Clone, Debug, Default, clap::Args, Serialize, Deserialize, JsonSchema)]
#[group(skip)]
pub struct Top {
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
}

/// One page.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TopRow {
    /// The content
    #[schemars(extend("x-unit" = "id"))]
    pub content: Uuid,
    /// Its path
    pub path: String,
    /// Its title
    pub title: String,
    /// Views
    #[schemars(extend("x-unit" = "count"))]
    pub views: i64,
    /// Different visitors a day, added up
    #[schemars(extend("x-unit" = "count"))]
    pub visitors: i64,
    /// Engaged seconds to a view of which engagement was reported
    #[schemars(extend("x-unit" = "seconds"))]
    pub avg_time_seconds: Option<f64>,
    /// Of people's views, the last seven full days against the three weeks before: up, down or stable
    pub trend_direction: String,
    /// The site
    pub site: String,
}

/// What is known of content besides its views.
pub(crate) struct Known {
    id: Uuid,
    site: String,
    path: String,
    title: String,
    trend_direction: Option<String>,
}

/// The content that was viewed most, with its titles.
pub(crate) async fn top(ctx: &Ctx, pages: &Pages<'_>, limit: i64) -> Result<Vec<(Known, Viewed)>> {
    let found = pages.by(By::Page, limit).await?;
    let known = sqlx::query_as!(
        Known,
        "select c.id, c.site, c.path, c.title, m.trend_direction as \"trend_direction?\" \
         from unnest($2::text[], $3::text[]) as v (site, path) \
         join content_items c on c.site = v.site and c.path = v.path \
         left join content_performance_metrics m on m.content_id = c.id \
         where $1::text is null",
        ctx.scope.only_agent(),
        &found.iter().map(|row| row.site.clone()).collect::<Vec<_>>(),
        &found.iter().map(|row| row.path.clone()).collect::<Vec<_>>(),
    )
    .fetch_all(&ctx.pool)
    .await?;
    let mut known: HashMap<(String, String), Known> = known
        .into_iter()
        .map(|known| ((known.site.clone(), known.path.clone()), known))
        .collect();
    let named = |row: Viewed| {
        let known = known.remove(&(row.site.clone(), row.path.clone()))?;
        Some((known, row))
    };
    Ok(found.into_iter().filter_map(named).collect())
}

impl Known {
    /// Its title, or its path where it has none.
    pub(crate) fn name(&self) -> &str {
        match &*self.title {
            "" => &self.path,
            title => title,
        }
    }
}

impl Query for Top {
    type Row = TopRow;
    const PATH: &'static [&'static str] = &["content", "top"];

    async fn run(&self, ctx: &Ctx) -> Result<Answer<TopRow>> {
        let source = Pages::of(ctx, &self.period, &self.filters)?.of_content();
        let found = top(ctx, &source, self.page.limit.fetch()).await?;
        let note = nothing(found.len());
        let rows = found.into_iter().map(|(known, row)| TopRow {
            content: known.id,
            path: known.path,
            title: known.title,
            views: row.views,
            visitors: row.visitors,
            avg_time_seconds: row.average_seconds(),
            trend_direction: known.trend_direction.unwrap_or_else(|| "stable".to_owned()),
            site: known.site,
        });
        Ok(Answer::of(rows.collect())
            .cut(self.page.limit.rows())
            .over(source.frame.period())
            .with_note(note))
    }
}
