//! `audit stats`: how often what happened.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ctx::Ctx;
use crate::error::Result;
use crate::figures::change;
use crate::params::{AuditFilters, Page, PeriodArgs};
use crate::query::{Answer, Query};
use crate::rollup::Trail;

use super::nothing;

/// Audit events by what happened, against the period before
#[derive(Clone, Debug, Default, clap::Args, Serialize, Deserialize, JsonSchema)]
#[group(skip)]
pub struct Stats {
    /// The period
    #[command(flatten)]
    #[serde(flatten)]
    pub period: PeriodArgs,
    /// Which events
    #[command(flatten)]
    #[serde(flatten)]
    pub filters: AuditFilters,
    /// How many rows
    #[command(flatten)]
    #[serde(flatten)]
    pub page: Page,
}

/// One kind of event.
#[derive(Debug, Serialize, JsonSchema)]
pub struct StatsRow {
    /// What part of the trail it belongs to
    pub category: String,
    /// What happened
    pub event: String,
    /// How often
    #[schemars(extend("x-unit" = "count"))]
    pub events: i64,
    /// How often in the period before
    #[schemars(extend("x-unit" = "count"))]
    pub previous_events: i64,
    /// The change against the period before
    #[schemars(extend("x-unit" = "ratio"))]
    pub change: Option<f64>,
}

impl Query for Stats {
    type Row = StatsRow;
    const PATH: &'static [&'static str] = &["audit", "stats"];

    async fn run(&self, ctx: &Ctx) -> Result<Answer<StatsRow>> {
        let trail = Trail::of(ctx, &self.period, &self.filters)?;
        let before = trail.previous()?.happened().await?;
        let before: HashMap<_, _> = before
            .into_iter()
            .map(|before| ((before.category, before.event), before.events))
            .collect();
        let happened = trail.happened().await?;
        let note = nothing(happened.len());
        let rows = happened.into_iter().map(|now| {
            let key = (now.category, now.event);
            let previous_events = before.get(&key).copied().unwrap_or_default();
            StatsRow {
                category: key.0,
                event: key.1,
                events: now.events,
                previous_events,
                change: change(now.events as f64, previous_events as f64),
            }
        });
        // Kinds are few, so all are fetched.
        Ok(Answer::of(rows.collect())
            .cut(self.page.limit.rows())
            .over(trail.frame.period())
            .with_note(note))
    }
}
