//! `traffic sources`: where sessions come from.

use clap::ValueEnum;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ctx::Ctx;
use crate::error::Result;
use crate::params::{Page, PeriodArgs, WebFilters};
use crate::query::{Answer, Query};
use crate::rollup::Cube;

use super::sessions_by;

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
    /// What a row stands for [default: all three together]
    #[arg(long, value_enum, value_name = "WHAT")]
    #[serde(default)]
    pub by: Option<SourcesBy>,
}

// In the order of the cube's dimensions.
/// What a row stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
#[allow(missing_docs)]
pub enum SourcesBy {
    Channel,
    Source,
    Referrer,
}

/// One source.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SourcesRow {
    /// The channel, such as organic_search, ai_assistant or direct; none if rows do not tell it
    pub channel: Option<String>,
    /// What the link says it is, else the host that the browser came from; empty if direct
    pub source: Option<String>,
    /// The host that the browser came from
    pub referrer: Option<String>,
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
        let asked = (&self.period, &self.filters, self.page.limit);
        let by = self.by.map(|by| by as usize);
        sessions_by(
            ctx,
            asked,
            Cube::Source,
            by,
            |[channel, source, referrer], row| SourcesRow {
                channel,
                source,
                referrer,
                sessions: row.sessions,
                visitors: row.visitors,
                engaged_share: row.engaged_share(),
            },
        )
        .await
    }
}
