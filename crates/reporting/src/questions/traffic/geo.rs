//! `traffic geo`: which countries sessions come from.

use clap::ValueEnum;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ctx::Ctx;
use crate::error::Result;
use crate::params::{Page, PeriodArgs, WebFilters};
use crate::query::{Answer, Query};
use crate::rollup::Cube;

use super::sessions_by;

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
    /// What a row stands for [default: country and region together]
    #[arg(long, value_enum, value_name = "WHAT")]
    #[serde(default)]
    pub by: Option<GeoBy>,
}

// In the order of the cube's dimensions.
/// What a row stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
#[allow(missing_docs)]
pub enum GeoBy {
    Country,
}

/// One country or region.
#[derive(Debug, Serialize, JsonSchema)]
pub struct GeoRow {
    /// The country by its two letters; empty if unknown
    pub country: Option<String>,
    /// The region, where the source of the country has one
    pub region: Option<String>,
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
        let asked = (&self.period, &self.filters, self.page.limit);
        let by = self.by.map(|by| by as usize);
        sessions_by(ctx, asked, Cube::Geo, by, |[country, region, _], row| {
            GeoRow {
                country,
                region,
                sessions: row.sessions,
                visitors: row.visitors,
                share: row.share(),
            }
        })
        .await
    }
}
