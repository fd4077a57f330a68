//! `costs budgets`: how each budget stands in its current period.

use std::collections::HashMap;

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use systemprompt_budgets::Rule;
use systemprompt_config::Action;
use systemprompt_domain::Nanos;
use systemprompt_domain::period::Interval;
use time::OffsetDateTime;

use crate::ctx::Ctx;
use crate::elapsed::Elapsed;
use crate::error::Result;
use crate::figures::{Time, ratio};
use crate::query::{Answer, Query};

/// How each budget stands in its current hour, day, week or month
///
/// A budget is an alert on costs. It is ok, or in the state warning: a part of
/// its limit is spent (notify_at); over: all of it; paused: requests are refused
/// until the period ends; resumed: somebody lifted the limit for a while.
#[derive(Clone, Debug, Default, clap::Args, Serialize, Deserialize, JsonSchema)]
#[group(skip)]
pub struct Budgets {}

/// How a budget stands in its current period.
#[derive(Debug, Serialize, JsonSchema)]
pub struct BudgetsRow {
    /// The name of the alert that sets it
    pub name: String,
    /// Whether it holds
    pub state: BudgetState,
    /// What the period's requests cost so far
    #[schemars(extend("x-unit" = "usd"))]
    pub spent: Decimal,
    /// What they may cost
    #[schemars(extend("x-unit" = "usd"))]
    pub limit: Decimal,
    /// The part of the limit that is spent
    #[schemars(extend("x-unit" = "ratio"))]
    pub share: Option<f64>,
    /// What may still be spent, reserved amounts included
    #[schemars(extend("x-unit" = "usd"))]
    pub left: Decimal,
    /// What servers hold of it for requests under way and to come
    #[schemars(extend("x-unit" = "usd"))]
    pub reserved: Decimal,
    /// The part of the limit that is spent over the part of the period that is over: above 100 % it will not last
    #[schemars(extend("x-unit" = "ratio"))]
    pub pace: Option<f64>,
    /// What the period comes to if it goes on alike; none in its first twentieth
    #[schemars(extend("x-unit" = "usd"))]
    pub forecast: Option<Decimal>,
    /// When the period began
    pub period_start: Time,
    /// When it ends
    pub period_end: Time,
    /// The time zone that decides so
    pub timezone: String,
    /// What is limited: the cost of an hour, a day, a week or a month
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Whose requests count, as in `agent scout`; everybody's if none
    pub scope: Option<String>,
    /// What happens when the limit is reached
    pub actions: Vec<Action>,
    /// When requests were first refused, or the limit was reached
    pub paused_at: Option<Time>,
    /// Until when somebody lifted the limit
    pub resumed_until: Option<Time>,
}

/// Whether a budget holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum BudgetState {
    /// Nothing to tell
    Ok,
    /// A part of the limit is spent at which somebody is told
    Warning,
    /// Requests are refused until the period ends
    Paused,
    /// The limit is lifted for a while
    Resumed,
    /// More is spent than was allowed, and nothing is refused
    Over,
}

/// A period as it is stored.
#[derive(Debug)]
struct Stored {
    budget: String,
    limit_nanos: i64,
    spent_nanos: i64,
    leased_nanos: i64,
    paused_at: Option<OffsetDateTime>,
    resumed_until: Option<OffsetDateTime>,
}

impl Stored {
    /// A period of which nothing is stored yet.
    fn untouched(rule: &Rule) -> Self {
        Self {
            budget: rule.name.clone(),
            limit_nanos: rule.limit.0,
            spent_nanos: 0,
            leased_nanos: 0,
            paused_at: None,
            resumed_until: None,
        }
    }

    fn state(&self, rule: &Rule, now: OffsetDateTime) -> BudgetState {
        let reached = |limit: Nanos| self.spent_nanos >= limit.0;
        // A limit that was raised since does not pause any more.
        let refused = self.paused_at.is_some() && self.limit_nanos >= rule.limit.0;
        let lifted = self.resumed_until.is_some_and(|until| until > now);
        match rule.pauses() {
            true if lifted => BudgetState::Resumed,
            true if refused || reached(rule.limit) => BudgetState::Paused,
            false if reached(rule.limit) => BudgetState::Over,
            _ if rule
                .notify_at
                .iter()
                .any(|share| reached(rule.share(*share))) =>
            {
                BudgetState::Warning
            }
            _ => BudgetState::Ok,
        }
    }

    fn row(self, rule: &Rule, period: Interval, now: OffsetDateTime) -> BudgetsRow {
        let (spent, limit) = (self.spent_nanos, rule.limit.0);
        let elapsed = Elapsed::of(period, now);
        BudgetsRow {
            name: rule.name.clone(),
            state: self.state(rule, now),
            spent: Nanos(spent).to_usd(),
            limit: Nanos(limit).to_usd(),
            share: ratio(spent, limit),
            left: Nanos(limit.saturating_sub(spent).max(0)).to_usd(),
            reserved: Nanos(self.leased_nanos).to_usd(),
            pace: elapsed.pace(spent, limit),
            forecast: elapsed.forecast(spent).map(|end| Nanos(end).to_usd()),
            period_start: period.since.into(),
            period_end: period.until.into(),
            timezone: rule.zone.to_string(),
            kind: rule.kind.as_str(),
            scope: rule.scope.as_ref().map(ToString::to_string),
            actions: rule.actions.clone(),
            paused_at: self.paused_at.map(Time),
            resumed_until: self.resumed_until.map(Time),
        }
    }
}

/// Every budget that the caller may see, in the profile's order.
pub(crate) async fn budgets(ctx: &Ctx) -> Result<Vec<BudgetsRow>> {
    let now = ctx.clock.now();
    let rules = ctx.visible_alerts().filter_map(Rule::from_alert);
    let current: Vec<(Rule, Interval)> = rules
        .filter_map(|rule| rule.period(now).map(|period| (rule, period)))
        .collect();
    let names: Vec<String> = current.iter().map(|(rule, _)| rule.name.clone()).collect();
    let starts: Vec<OffsetDateTime> = current.iter().map(|(_, period)| period.since).collect();
    let stored = sqlx::query_file_as!(Stored, "src/questions/costs/budgets.sql", &names, &starts)
        .fetch_all(&ctx.pool)
        .await?;
    let mut stored: HashMap<String, Stored> = stored
        .into_iter()
        .map(|stored| (stored.budget.clone(), stored))
        .collect();
    let row = |(rule, period): (Rule, Interval)| {
        let kept = stored.remove(&rule.name);
        kept.unwrap_or_else(|| Stored::untouched(&rule))
            .row(&rule, period, now)
    };
    Ok(current.into_iter().map(row).collect())
}

impl Query for Budgets {
    type Row = BudgetsRow;
    const PATH: &'static [&'static str] = &["costs", "budgets"];
    const IN_DOLLARS: bool = true;

    async fn run(&self, ctx: &Ctx) -> Result<Answer<BudgetsRow>> {
        let rows = budgets(ctx).await?;
        let none = "no budget is set: an alert on costs is one (analytics.alerts in the profile)";
        let note = rows.is_empty().then(|| none.to_owned());
        Ok(Answer::of(rows).with_note(note))
    }
}
