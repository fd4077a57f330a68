//! `traffic transitions`: which page follows which.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ctx::Ctx;
use crate::error::Result;
use crate::figures::ratio;
use crate::params::{Page, PeriodArgs, WebFilters};
use crate::query::{Answer, Query};
use crate::rollup::{By, Pages};

use super::nothing;

/// Which page follows which, the most frequent steps first
#[derive(Clone, Debug, Default, clap::Args, Serialize, Deserialize, JsonSchema)]
#[group(skip)]
pub struct Transitions {
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
    /// Leave out where sessions ended
    #[arg(long)]
    #[serde(default)]
    pub without_exits: bool,
}

/// One step.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TransitionsRow {
    /// The page
    pub from_path: String,
    /// The page after it; empty where the session ended
    pub to_path: String,
    /// How often
    #[schemars(extend("x-unit" = "count"))]
    pub times: i64,
    /// The part of all steps that were asked for
    #[schemars(extend("x-unit" = "ratio"))]
    pub share: Option<f64>,
    /// The site
    pub site: String,
}

impl Query for Transitions {
    type Row = TransitionsRow;
    const PATH: &'static [&'static str] = &["traffic", "transitions"];

    async fn run(&self, ctx: &Ctx) -> Result<Answer<TransitionsRow>> {
        let source = Pages::of(ctx, &self.period, &self.filters)?.leading_on(self.without_exits);
        let found = source.by(By::Next, self.page.limit.fetch()).await?;
        let note = nothing(found.len());
        let rows = found.into_iter().map(|row| TransitionsRow {
            share: ratio(row.views, row.all_views),
            from_path: row.path,
            to_path: row.other,
            times: row.views,
            site: row.site,
        });
        Ok(Answer::of(rows.collect())
            .cut(self.page.limit.rows())
            .over(source.frame.period())
            .with_note(note))
    }
}
