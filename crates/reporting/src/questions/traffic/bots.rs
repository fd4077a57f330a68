//! `traffic bots`: who comes that is no person.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ctx::Ctx;
use crate::error::Result;
use crate::params::{Class, Page, PeriodArgs, WebFilters};
use crate::query::{Answer, Query};
use crate::rollup::{Cube, Visits};

use super::nothing;

/// Bots by class, kind and operator, with their part of all sessions; without --class, all bots
#[derive(Clone, Debug, Default, clap::Args, Serialize, Deserialize, JsonSchema)]
#[group(skip)]
pub struct Bots {
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

/// One kind of bot of one operator.
#[derive(Debug, Serialize, JsonSchema)]
pub struct BotsRow {
    /// The class
    pub class: String,
    /// The kind, such as search, ai_training or seo; empty if it does not say
    pub kind: String,
    /// Who runs it; its name where nobody knows
    pub operator: String,
    /// What it calls itself
    pub name: String,
    /// Sessions
    #[schemars(extend("x-unit" = "count"))]
    pub sessions: i64,
    /// Requests
    #[schemars(extend("x-unit" = "count"))]
    pub requests: i64,
    /// The part of all sessions, those of people among them
    #[schemars(extend("x-unit" = "ratio"))]
    pub share: Option<f64>,
}

impl Query for Bots {
    type Row = BotsRow;
    const PATH: &'static [&'static str] = &["traffic", "bots"];

    async fn run(&self, ctx: &Ctx) -> Result<Answer<BotsRow>> {
        // Asked for bots, people are none of the answer.
        let class = match self.filters.class {
            Class::Human => Class::Bots,
            class => class,
        };
        let sites = self.filters.sites.clone();
        let filters = WebFilters { class, sites };
        let source = Visits::of(ctx, &self.period, &filters)?;
        let found = source
            .by_with_class(Cube::Bot, self.page.limit.fetch())
            .await?;
        let everything = WebFilters {
            class: Class::All,
            sites: filters.sites.clone(),
        };
        let all = Visits::of(ctx, &self.period, &everything)?.total().await?;
        let note = nothing(found.len());
        let rows = found.into_iter().map(|row| BotsRow {
            share: crate::figures::ratio(row.sessions, all.sessions),
            class: row.class,
            kind: row.d1,
            operator: row.d2,
            name: row.d3,
            sessions: row.sessions,
            requests: row.requests,
        });
        Ok(Answer::of(rows.collect())
            .cut(self.page.limit.rows())
            .over(source.frame.period())
            .with_note(note))
    }
}
