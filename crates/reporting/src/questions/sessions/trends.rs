//! `sessions trends`: sessions and engagement, step by step.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ctx::Ctx;
use crate::error::Result;
use crate::figures::Time;
use crate::params::{GroupBy, PeriodArgs, WebFilters};
use crate::query::{Answer, Query};
use crate::rollup::Visits;

/// Sessions, page views and engagement, step by step
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
    /// Sessions that began in it
    #[schemars(extend("x-unit" = "count"))]
    pub sessions: i64,
    /// Visitors who had not come before on that UTC day
    #[schemars(extend("x-unit" = "count"))]
    pub daily_visitors: i64,
    /// Page views of these sessions
    #[schemars(extend("x-unit" = "count"))]
    pub page_views: i64,
    /// Sessions with ten engaged seconds or two pages, of all
    #[schemars(extend("x-unit" = "ratio"))]
    pub engaged_share: Option<f64>,
    /// Engaged seconds to a tracked session
    #[schemars(extend("x-unit" = "seconds"))]
    pub avg_engaged_seconds: Option<f64>,
    /// Clicks
    #[schemars(extend("x-unit" = "count"))]
    pub clicks: i64,
}

impl Query for Trends {
    type Row = TrendsRow;
    const PATH: &'static [&'static str] = &["sessions", "trends"];

    async fn run(&self, ctx: &Ctx) -> Result<Answer<TrendsRow>> {
        let source = Visits::of(ctx, &self.period, &self.filters)?.trend(self.group_by)?;
        let steps = source.by_step().await?;
        let rows = source.frame.steps().iter().zip(steps);
        let rows = rows.map(|(bucket, step)| TrendsRow {
            bucket: (*bucket).into(),
            sessions: step.sessions,
            daily_visitors: step.visitors,
            page_views: step.pages,
            engaged_share: step.engaged_share(),
            avg_engaged_seconds: step.average_engaged_seconds(),
            clicks: step.clicks,
        });
        Ok(Answer::of(rows.collect())
            .over(source.frame.period())
            .with_note(source.frame.note()))
    }
}
