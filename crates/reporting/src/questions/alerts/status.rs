//! `alerts status`: how each alert stands.

use std::collections::HashMap;

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use systemprompt_config::Alert;
use time::OffsetDateTime;

use super::{figure, threshold};
use crate::ctx::Ctx;
use crate::error::Result;
use crate::figures::Time;
use crate::query::{Answer, Query};
use crate::questions::costs::{BudgetState, BudgetsRow, budgets};
use crate::questions::overview::Figure;

/// How each alert stands, and whether its messages arrive
///
/// An alert is ok, or its state says what was reached: warning, a part of the
/// threshold (notify_at); over, all of it; paused, requests are refused until
/// the period ends; resumed, somebody lifted the limit for a while. Costs are
/// those of the current period; other alerts show what was measured when they
/// were reached.
#[derive(Clone, Debug, Default, clap::Args, Serialize, Deserialize, JsonSchema)]
#[group(skip)]
pub struct Status {}

/// How an alert stands.
#[derive(Debug, Serialize, JsonSchema)]
pub struct StatusRow {
    /// Its name
    pub name: String,
    /// Whether its threshold holds
    pub state: BudgetState,
    /// What is measured now for costs, else what was when it was reached in the current period
    pub value: Option<Figure>,
    /// The value that sets it off
    pub threshold: Figure,
    /// What value and threshold count: usd, ratio, ms or count
    pub unit: &'static str,
    /// What it watches
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Whose requests count, as in `agent scout`; everybody's if none
    pub scope: Option<String>,
    /// When a part of the threshold was last reached
    pub reached_at: Option<Time>,
    /// Which part
    #[schemars(extend("x-unit" = "ratio"))]
    pub reached_share: Option<f64>,
    /// Messages still to be delivered
    #[schemars(extend("x-unit" = "count"))]
    pub waiting: i64,
    /// Messages delivered
    #[schemars(extend("x-unit" = "count"))]
    pub sent: i64,
    /// Messages that could not be delivered, or had no channel
    #[schemars(extend("x-unit" = "count"))]
    pub undelivered: i64,
    /// Why the latest message that did not arrive did not
    pub last_error: Option<String>,
    /// The alert's time zone
    pub timezone: String,
}

/// What is stored about an alert.
#[derive(Debug)]
struct Stored {
    alert: String,
    reached_at: Option<OffsetDateTime>,
    period_end: Option<OffsetDateTime>,
    share: Option<f64>,
    value: Option<String>,
    waiting: i64,
    sent: i64,
    undelivered: i64,
    last_error: Option<String>,
}

impl Stored {
    /// What the current period reached: a state and the value measured then.
    fn current(&self, now: OffsetDateTime) -> (BudgetState, Option<Decimal>) {
        let value = self.value.as_ref().and_then(|value| value.parse().ok());
        match (self.period_end, self.share) {
            (Some(end), Some(share)) if end > now && share < 1.0 => (BudgetState::Warning, value),
            (Some(end), Some(_)) if end > now => (BudgetState::Over, value),
            _ => (BudgetState::Ok, None),
        }
    }

    fn row(self, alert: &Alert, budget: Option<&BudgetsRow>, now: OffsetDateTime) -> StatusRow {
        let (threshold, unit) = threshold(alert);
        let (state, value) = budget.map_or_else(
            || self.current(now),
            |budget| (budget.state, Some(budget.spent)),
        );
        StatusRow {
            state,
            value: value.map(|value| figure(unit, value)),
            threshold,
            unit,
            kind: alert.kind.as_str(),
            scope: alert.scope.as_ref().map(ToString::to_string),
            reached_at: self.reached_at.map(Time),
            reached_share: self.share,
            waiting: self.waiting,
            sent: self.sent,
            undelivered: self.undelivered,
            last_error: self.last_error,
            timezone: alert.timezone.clone(),
            name: self.alert,
        }
    }
}

impl Query for Status {
    type Row = StatusRow;
    const PATH: &'static [&'static str] = &["alerts", "status"];
    const IN_DOLLARS: bool = true;

    async fn run(&self, ctx: &Ctx) -> Result<Answer<StatusRow>> {
        let alerts: HashMap<String, &Alert> = ctx
            .visible_alerts()
            .map(|alert| (alert.name(), alert))
            .collect();
        let names: Vec<String> = ctx.visible_alerts().map(Alert::name).collect();
        let budgets = budgets(ctx).await?;
        let stored = sqlx::query_file_as!(Stored, "src/questions/alerts/status.sql", &names)
            .fetch_all(&ctx.pool)
            .await?;
        let now = ctx.clock.now();
        let row = |stored: Stored| {
            let alert = alerts.get(&stored.alert)?;
            let budget = budgets.iter().find(|budget| budget.name == stored.alert);
            Some(stored.row(alert, budget, now))
        };
        let mut rows: Vec<StatusRow> = stored.into_iter().filter_map(row).collect();
        rows.sort_by_key(|row| names.iter().position(|name| *name == row.name));
        let none = "no alert is set: see analytics.alerts in the profile";
        let note = rows.is_empty().then(|| none.to_owned());
        Ok(Answer::of(rows).with_note(note))
    }
}
