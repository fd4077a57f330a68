//! `traffic devices`: what visitors use.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ctx::Ctx;
use crate::error::Result;
use crate::params::{Page, PeriodArgs, WebFilters};
use crate::query::{Answer, Query};
use crate::rollup::{Cube, Visits};

use super::nothing;

/// Devices, browsers and systems of visitors
#[derive(Clone, Debug, Default, clap::Args, Serialize, Deserialize, JsonSchema)]
#[group(skip)]
pub struct Devices {
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

/// One combination.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DevicesRow {
    /// desktop, mobile, tablet and the like; empty if unknown
    pub device: String,
    /// The browser
    pub browser: String,
    /// The operating system
    pub os: String,
    /// Sessions
    #[schemars(extend("x-unit" = "count"))]
    pub sessions: i64,
    /// The part of all sessions that were asked for
    #[schemars(extend("x-unit" = "ratio"))]
    pub share: Option<f64>,
}

impl Query for Devices {
    type Row = DevicesRow;
    const PATH: &'static [&'static str] = &["traffic", "devices"];

    async fn run(&self, ctx: &Ctx) -> Result<Answer<DevicesRow>> {
        let source = Visits::of(ctx, &self.period, &self.filters)?;
        let found = source.by(Cube::Device, self.page.limit.fetch()).await?;
        let note = nothing(found.len());
        let rows = found.into_iter().map(|row| DevicesRow {
            device: row.d1.clone(),
            browser: row.d2.clone(),
            os: row.d3.clone(),
            sessions: row.sessions,
            share: row.share(),
        });
        Ok(Answer::of(rows.collect())
            .cut(self.page.limit.rows())
            .over(source.frame.period())
            .with_note(note))
    }
}
