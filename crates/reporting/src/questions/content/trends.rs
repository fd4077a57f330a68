//! `content trends`: views of content, step by step.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::find;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::figures::Time;
use crate::params::{GroupBy, PeriodArgs, WebFilters};
use crate::query::{Answer, Query};
use crate::rollup::Pages;

/// Views of content, step by step; of all of it, or of one page
#[derive(Clone, Debug, Default, clap::Args, Serialize, Deserialize, JsonSchema)]
#[group(skip)]
pub struct Trends {
    /// The period
    #[command(flatten)]
    #[serde(flatten)]
    pub period: PeriodArgs,
    /// Which traffic counts
    #[command(flatten)]
    #[serde(flatten)]
    pub filters: WebFilters,
    /// Only this content, by its path or id
    #[arg(long, value_name = "PATH|ID")]
    #[serde(default)]
    pub content: Option<String>,
    /// Width of a row [default: hour for up to two days, else day]
    #[arg(long, value_enum, value_name = "WIDTH")]
    #[serde(default)]
    pub group_by: Option<GroupBy>,
}

/// One step.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TrendsRow {
    /// When the step begins
    pub bucket: Time,
    /// Views
    #[schemars(extend("x-unit" = "count"))]
    pub views: i64,
    /// Visitors who had not seen the page before on that UTC day
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
}

impl Query for Trends {
    type Row = TrendsRow;
    const PATH: &'static [&'static str] = &["content", "trends"];

    async fn run(&self, ctx: &Ctx) -> Result<Answer<TrendsRow>> {
        let item = match &self.content {
            Some(name) => Some(find(ctx, name, &self.filters.sites).await?),
            None => None,
        };
        let source = Pages::of(ctx, &self.period, &self.filters)?.of_content();
        let source = source.trend(self.group_by)?;
        let page = item.as_ref().map(|item| (&*item.site, &*item.path));
        let steps = source.by_step(page).await?;
        let rows = source.frame.steps().iter().zip(steps);
        let rows = rows.map(|(bucket, step)| TrendsRow {
            bucket: (*bucket).into(),
            views: step.views,
            visitors: step.visitors,
            avg_time_seconds: step.average_seconds(),
            avg_scroll: step.average_scroll(),
            clicks: step.clicks,
        });
        Ok(Answer::of(rows.collect())
            .over(source.frame.period())
            .with_note(source.frame.note()))
    }
}
