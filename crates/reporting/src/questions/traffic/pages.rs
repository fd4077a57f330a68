//! `traffic pages`: the pages that are looked at.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ctx::Ctx;
use crate::error::Result;
use crate::params::{Page, PeriodArgs, WebFilters};
use crate::query::{Answer, Query};
use crate::rollup::{By, Pages as Viewed};

use super::nothing;

/// Pages that are looked at, those with the most views first
#[derive(Clone, Debug, Default, clap::Args, Serialize, Deserialize, JsonSchema)]
#[group(skip)]
pub struct Pages {
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
pub struct PagesRow {
    /// The path
    pub path: String,
    /// Views
    #[schemars(extend("x-unit" = "count"))]
    pub views: i64,
    /// Different visitors a day, added up
    #[schemars(extend("x-unit" = "count"))]
    pub visitors: i64,
    /// Engaged seconds to a view of which engagement was reported
    #[schemars(extend("x-unit" = "count"))]
    pub avg_time_seconds: Option<f64>,
    /// How far down it was seen, 0 to 100, where that was reported
    #[schemars(extend("x-unit" = "count"))]
    pub avg_scroll: Option<f64>,
    /// Clicks
    #[schemars(extend("x-unit" = "count"))]
    pub clicks: i64,
    /// Sessions that began there
    #[schemars(extend("x-unit" = "count"))]
    pub entries: i64,
    /// Sessions that ended there
    #[schemars(extend("x-unit" = "count"))]
    pub exits: i64,
    /// The site
    pub site: String,
}

impl Query for Pages {
    type Row = PagesRow;
    const PATH: &'static [&'static str] = &["traffic", "pages"];

    async fn run(&self, ctx: &Ctx) -> Result<Answer<PagesRow>> {
        let source = Viewed::of(ctx, &self.period, &self.filters)?;
        let found = source.by(By::Page, self.page.limit.fetch()).await?;
        let note = nothing(found.len());
        let rows = found.into_iter().map(|row| PagesRow {
            avg_time_seconds: row.average_seconds(),
            avg_scroll: row.average_scroll(),
            path: row.path,
            views: row.views,
            visitors: row.visitors,
            clicks: row.clicks,
            entries: row.entries,
            exits: row.exits,
            site: row.site,
        });
        Ok(Answer::of(rows.collect())
            .cut(self.page.limit.rows())
            .over(source.frame.period())
            .with_note(note))
    }
}
