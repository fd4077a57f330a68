//! `traffic sources`: where sessions come from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ctx::Ctx;
use crate::error::Result;
use crate::params::{Page, PeriodArgs, WebFilters};
use crate::query::{Answer, Query};
use crate::rollup::{Cube, Visits};

use super::nothing;

/// Where sessions come from: channel, source and referrer
#[derive(Clone, Debug, Default, clap::Args, Serialize, Deserialize, JsonSchema)]
#[group(skip)]
pub struct Sources {
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

/// One source.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SourcesRow {
    /// The channel, such as organic search, AI assistants or direct
    pub channel: String,
    /// What the link says it is, else the host that the browser came from; empty if direct
    pub source: String,
    /// The host that the browser came from
    pub referrer: String,
    /// Sessions
    #[schemars(extend("x-unit" = "count"))]
    pub sessions: i64,
    /// Different visitors a day, added up
    #[schemars(extend("x-unit" = "count"))]
    pub visitors: i64,
    /// Sessions with ten engaged seconds or two pages, of all
    #[schemars(extend("x-unit" = "ratio"))]
    pub engaged_share: Option<f64>,
}

impl Query for Sources {
    type Row = SourcesRow;
    const PATH: &'static [&'static str] = &["traffic", "sources"];

    async fn run(&self, ctx: &Ctx) -> Result<Answer<SourcesRow>> {
        let source = Visits::of(ctx, &self.period, &self.filters)?;
        let found = source.by(Cube::Source, self.page.limit.fetch()).await?;
        let note = nothing(found.len());
        let rows = found.into_iter().map(|row| SourcesRow {
            channel: row.d1.clone(),
            source: row.d2.clone(),
            referrer: row.d3.clone(),
            sessions: row.sessions,
            visitors: row.visitors,
            engaged_share: row.engaged_share(),
        });
        Ok(Answer::of(rows.collect())
            .cut(self.page.limit.rows())
            .over(source.frame.period())
            .with_note(note))
    }
}
