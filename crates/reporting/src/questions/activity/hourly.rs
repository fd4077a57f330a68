//! `activity hourly`: how much happened in each hour.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ctx::Ctx;
use crate::error::Result;
use crate::figures::Time;
use crate::params::{ActivityFilters, GroupBy, PeriodArgs};
use crate::query::{Answer, Query};
use crate::rollup::{Activities, Ranked};

/// How much was done in each hour
#[derive(Clone, Debug, Default, clap::Args, Serialize, Deserialize, JsonSchema)]
#[group(skip)]
pub struct Hourly {
    /// The period
    #[command(flatten)]
    #[serde(flatten)]
    pub period: PeriodArgs,
    /// Which activity counts
    #[command(flatten)]
    #[serde(flatten)]
    pub filters: ActivityFilters,
}

/// One hour.
#[derive(Debug, Serialize, JsonSchema)]
pub struct HourlyRow {
    /// When the hour begins
    pub bucket: Time,
    /// Everything that was done
    #[schemars(extend("x-unit" = "count"))]
    pub events: i64,
    /// Plugins, skills and agents of the marketplace that were made, changed or deleted
    #[schemars(extend("x-unit" = "count"))]
    pub edits: i64,
    /// Sign-ins that did not fail
    #[schemars(extend("x-unit" = "count"))]
    pub logins: i64,
    /// Errors, and whatever failed
    #[schemars(extend("x-unit" = "count"))]
    pub errors: i64,
}

impl Query for Hourly {
    type Row = HourlyRow;
    const PATH: &'static [&'static str] = &["activity", "hourly"];

    async fn run(&self, ctx: &Ctx) -> Result<Answer<HourlyRow>> {
        let source = Activities::of(ctx, &self.period, &self.filters, Ranked::Nothing)?;
        let source = source.trend(Some(GroupBy::Hour))?;
        let steps = source.by_step().await?;
        let rows = source.frame.steps().iter().zip(steps);
        let rows = rows.map(|(bucket, step)| HourlyRow {
            bucket: (*bucket).into(),
            events: step.events,
            edits: step.edits,
            logins: step.logins,
            errors: step.errors,
        });
        Ok(Answer::of(rows.collect())
            .over(source.frame.period())
            .with_note(source.frame.note()))
    }
}
