//! `activity skills`: which skills run most.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ctx::Ctx;
use crate::error::Result;
use crate::figures::{Time, ratio};
use crate::params::{ActivityFilters, Page, PeriodArgs};
use crate::query::{Answer, Query};
use crate::rollup::{Activities, Ranked};

use super::nothing;

/// The most used skills
#[derive(Clone, Debug, Default, clap::Args, Serialize, Deserialize, JsonSchema)]
#[group(skip)]
pub struct Skills {
    /// The period
    #[command(flatten)]
    #[serde(flatten)]
    pub period: PeriodArgs,
    /// Only runs of this user (can be repeated)
    #[arg(long = "user", value_name = "USER")]
    #[serde(default, rename = "user")]
    pub users: Vec<String>,
    /// How many rows
    #[command(flatten)]
    #[serde(flatten)]
    pub page: Page,
}

/// One skill.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SkillsRow {
    /// The skill; empty if it was not named
    pub skill: String,
    /// How often it ran
    #[schemars(extend("x-unit" = "count"))]
    pub runs: i64,
    /// Runs that failed
    #[schemars(extend("x-unit" = "count"))]
    pub failed: i64,
    /// The part of its runs that failed
    #[schemars(extend("x-unit" = "ratio"))]
    pub failed_share: Option<f64>,
    /// When the last quarter, hour or day in which it ran began
    pub last_run: Time,
}

impl Query for Skills {
    type Row = SkillsRow;
    const PATH: &'static [&'static str] = &["activity", "skills"];

    async fn run(&self, ctx: &Ctx) -> Result<Answer<SkillsRow>> {
        let filters = ActivityFilters {
            users: self.users.clone(),
            ..ActivityFilters::default()
        };
        let source = Activities::of(ctx, &self.period, &filters, Ranked::Entities)?;
        let skills = source.skills(self.page.limit.fetch()).await?;
        let note = nothing(skills.len());
        let rows = skills.into_iter().map(|skill| SkillsRow {
            skill: skill.name,
            runs: skill.runs,
            failed: skill.failed,
            failed_share: ratio(skill.failed, skill.runs),
            last_run: skill.last_bucket.into(),
        });
        Ok(Answer::of(rows.collect())
            .cut(self.page.limit.rows())
            .over(source.frame.period())
            .with_note(note))
    }
}
