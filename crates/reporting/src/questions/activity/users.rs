//! `activity users`: who does most.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ctx::Ctx;
use crate::error::Result;
use crate::figures::Time;
use crate::params::{ActivityFilters, Page, PeriodArgs};
use crate::query::{Answer, Query};
use crate::rollup::{Activities, Ranked};

use super::nothing;

/// The most active users: those with the most edits and tool calls first
#[derive(Clone, Debug, Default, clap::Args, Serialize, Deserialize, JsonSchema)]
#[group(skip)]
pub struct Users {
    /// The period
    #[command(flatten)]
    #[serde(flatten)]
    pub period: PeriodArgs,
    /// Which activity counts
    #[command(flatten)]
    #[serde(flatten)]
    pub filters: ActivityFilters,
    /// How many rows
    #[command(flatten)]
    #[serde(flatten)]
    pub page: Page,
}

/// One user.
#[derive(Debug, Serialize, JsonSchema)]
pub struct UsersRow {
    /// The user
    pub user: String,
    /// Everything the user did
    #[schemars(extend("x-unit" = "count"))]
    pub events: i64,
    /// Plugins, skills and agents of the marketplace that the user made, changed or deleted
    #[schemars(extend("x-unit" = "count"))]
    pub edits: i64,
    /// Tool calls
    #[schemars(extend("x-unit" = "count"))]
    pub tool_uses: i64,
    /// Prompts that were reported
    #[schemars(extend("x-unit" = "count"))]
    pub prompts: i64,
    /// Sign-ins that did not fail
    #[schemars(extend("x-unit" = "count"))]
    pub logins: i64,
    /// Errors, and whatever failed
    #[schemars(extend("x-unit" = "count"))]
    pub errors: i64,
    /// When the last quarter of an hour with anything began; the day, more than eight days back
    pub last_active: Time,
}

impl Query for Users {
    type Row = UsersRow;
    const PATH: &'static [&'static str] = &["activity", "users"];

    async fn run(&self, ctx: &Ctx) -> Result<Answer<UsersRow>> {
        let source = Activities::of(ctx, &self.period, &self.filters, Ranked::Users)?;
        let users = source.users(self.page.limit.fetch()).await?;
        let note = nothing(users.len());
        let rows = users.into_iter().map(|user| UsersRow {
            user: user.name,
            events: user.events,
            edits: user.edits,
            tool_uses: user.tool_uses,
            prompts: user.prompts,
            logins: user.logins,
            errors: user.errors,
            last_active: user.last_bucket.into(),
        });
        Ok(Answer::of(rows.collect())
            .cut(self.page.limit.rows())
            .over(source.frame.period())
            .with_note(note))
    }
}
