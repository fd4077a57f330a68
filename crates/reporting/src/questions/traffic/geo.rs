//! `traffic geo`: which countries sessions come from.

use clap::ValueEnum;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ctx::Ctx;
use crate::error::Result;
use crate::params::{Page, PeriodArgs, WebFilters};
use crate::query::{Answer, Query};
use crate::rollup::{ALL, Cube, Kept, Visits};

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
    /// What a row stands for [default: country and region together]
    #[arg(long, value_enum, value_name = "WHAT")]
    #[serde(default)]
    pub by: Option<GeoBy>,
}

/// What a row stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
#[allow(missing_docs)]
pub enum GeoBy {
    Country,
}

/// Which dimensions are told apart.
fn kept(by: Option<GeoBy>) -> Kept {
    match by {
        None => ALL,
        Some(GeoBy::Country) => [true, false, false],
    }
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
        let source = Visits::of(ctx, &self.period, &self.filters)?;
        let kept = kept(self.by);
        let found = source.by(Cube::Geo, kept, self.page.limit.fetch()).await?;
        let note = nothing(found.len());
        let rows = found.into_iter().map(|row| GeoRow {
            country: kept[0].then(|| row.d1.clone()),
            region: kept[1].then(|| row.d2.clone()),
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
