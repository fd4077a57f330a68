//! `traffic devices`: what visitors use.

use clap::ValueEnum;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ctx::Ctx;
use crate::error::Result;
use crate::params::{Page, PeriodArgs, WebFilters};
use crate::query::{Answer, Query};
use crate::rollup::{ALL, Cube, Kept, Visits};

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
    /// What a row stands for [default: all three together]
    #[arg(long, value_enum, value_name = "WHAT")]
    #[serde(default)]
    pub by: Option<DevicesBy>,
}

/// What a row stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
#[allow(missing_docs)]
pub enum DevicesBy {
    Device,
    Browser,
    Os,
}

/// Which dimensions are told apart.
fn kept(by: Option<DevicesBy>) -> Kept {
    match by {
        None => ALL,
        Some(DevicesBy::Device) => [true, false, false],
        Some(DevicesBy::Browser) => [false, true, false],
        Some(DevicesBy::Os) => [false, false, true],
    }
}

/// One combination.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DevicesRow {
    /// desktop, mobile, tablet and the like; empty if unknown
    pub device: Option<String>,
    /// The browser
    pub browser: Option<String>,
    /// The operating system
    pub os: Option<String>,
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
        let kept = kept(self.by);
        let found = source
            .by(Cube::Device, kept, self.page.limit.fetch())
            .await?;
        let note = nothing(found.len());
        let rows = found.into_iter().map(|row| DevicesRow {
            device: kept[0].then(|| row.d1.clone()),
            browser: kept[1].then(|| row.d2.clone()),
            os: kept[2].then(|| row.d3.clone()),
            sessions: row.sessions,
            share: row.share(),
        });
        Ok(Answer::of(rows.collect())
            .cut(self.page.limit.rows())
            .over(source.frame.period())
            .with_note(note))
    }
}
