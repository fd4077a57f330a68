//! `traffic devices`: what visitors use.

use clap::ValueEnum;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ctx::Ctx;
use crate::error::Result;
use crate::params::{Page, PeriodArgs, WebFilters};
use crate::query::{Answer, Query};
use crate::rollup::Cube;

use super::sessions_by;

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

// In the order of the cube's dimensions.
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
        let asked = (&self.period, &self.filters, self.page.limit);
        let by = self.by.map(|by| by as usize);
        sessions_by(
            ctx,
            asked,
            Cube::Device,
            by,
            |[device, browser, os], row| DevicesRow {
                device,
                browser,
                os,
                sessions: row.sessions,
                share: row.share(),
            },
        )
        .await
    }
}
