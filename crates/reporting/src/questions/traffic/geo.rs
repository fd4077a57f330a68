//! `traffic geo`: which countries sessions come from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ctx::Ctx;
use crate::error::Result;
use crate::params::{Page, PeriodArgs, WebFilters};
use crate::query::{Answer, Query};
use crate::rollup::{Cube, Visits};

use super::nothing;

/// Countries and regions that sessions come from
#[derive(Clone, Debug, Default, clap::Args, Serialize, Deserialize, JsonSchema)]
#[group(skip)]
pub struct Geo {
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

/// One country or region.
#[derive(Debug, Serialize, JsonSchema)]
pub struct GeoRow {
    /// The country by its two letters; empty if unknown
    pub country: String,
    /// The region, where the source of the country has one
    pub region: String,
    /// Sessions
    #[schemars(extend("x-unit" = "count"))]
    pub sessions: i64,
    /// Different visitors a day, added up
    #[schemars(extend("x-unit" = "count"))]
    pub visitors: i64,
    /// The part of all sessions that were asked for
    #[schemars(extend("x-unit" = "ratio"))]
    pub share: Option<f64>,
}

impl Query for Geo {
    type Row = GeoRow;
    const PATH: &'static [&'static str] = &["traffic", "geo"];

    async fn run(&self, ctx: &Ctx) -> Result<Answer<GeoRow>> {
        let source = Visits::of(ctx, &self.period, &self.filters)?;
        let found = source.by(Cube::Geo, self.page.limit.fetch()).await?;
        let note = nothing(found.len());
        let rows = found.into_iter().map(|row| GeoRow {
            country: row.d1.clone(),
            region: row.d2.clone(),
            sessions: row.sessions,
            visitors: row.visitors,
            share: row.share(),
        });
        Ok(Answer::of(rows.collect())
            .cut(self.page.limit.rows())
            .over(source.frame.period())
            .with_note(note))
    }
}
