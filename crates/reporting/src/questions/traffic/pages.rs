//! `traffic pages`: the pages that are looked at.

use clap::ValueEnum;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ctx::Ctx;
use crate::error::Result;
use crate::figures::round;
use crate::params::{Page, PeriodArgs, WebFilters};
use crate::query::{Answer, Query};
use crate::rollup::{By, Pages as Viewed};

use super::nothing;

/// Pages that are looked at, with how long and how far
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
    /// What rows are sorted by, the largest first
    #[arg(long, value_enum, default_value_t)]
    #[serde(default)]
    pub sort_by: PagesSortBy,
}

/// What pages are sorted by.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
#[allow(missing_docs)]
pub enum PagesSortBy {
    #[default]
    Views,
    Engagement,
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
    /// Engaged seconds, added up
    #[schemars(extend("x-unit" = "seconds"))]
    pub engaged_seconds: f64,
    /// Engaged seconds to a view of which engagement was reported
    #[schemars(extend("x-unit" = "seconds"))]
    pub avg_time_seconds: Option<f64>,
    /// How far down it was seen, 0 to 100, where that was reported
    #[schemars(extend("x-unit" = "percent"))]
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
        let longest = self.sort_by == PagesSortBy::Engagement;
        let source = Viewed::of(ctx, &self.period, &self.filters)?.longest_first(longest);
        let found = source.by(By::Page, self.page.limit.fetch()).await?;
        let note = nothing(found.len());
        let rows = found.into_iter().map(|row| PagesRow {
            engaged_seconds: round(row.engaged_ms as f64 / 1_000.0, 1),
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
