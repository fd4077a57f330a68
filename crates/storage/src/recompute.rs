//! Prices stored requests again, with the prices that are in force now.
//!
//! Each UTC day is one transaction: the rows' new costs, their old ones in
//! `cost_corrections`, the differences in rollups and conversations, and an
//! audit event. A run that was stopped is finished by running it again: what is
//! right already does not change.
//!
//! Usage that was imported in sums is priced again row by row.
//!
//! A day whose detail is incomplete (sampled or expired) is left as it was.
//! Rollups could not be priced instead: they do not tell apart service tiers,
//! prompt sizes, calls and other models, and each request is rounded by itself.

mod day;
mod imported;
mod rows;
mod tally;

use std::sync::Arc;

use sqlx::PgPool;
use systemprompt_budgets::{Rules, Subject};
use systemprompt_domain::period::Interval;
use systemprompt_domain::{Clock, Nanos};
use systemprompt_pricing::Catalogue;
use time::{Date, OffsetDateTime, UtcOffset};
use uuid::Uuid;

pub use self::tally::{Left, Models, Outcome, Tally};
use crate::prices;

/// The database failed in the middle.
#[derive(Debug, thiserror::Error)]
#[error(
    "the database failed: {0}; the days that were reported are done, the same command does the rest"
)]
pub struct RecomputeError(#[from] sqlx::Error);

/// Which requests to price again.
#[derive(Clone, Debug)]
pub struct Selection {
    /// When they arrived.
    pub period: Interval,
    /// As which models they were asked for or served; empty: all.
    pub models: Vec<String>,
    /// The provider they went to; `None`: any.
    pub provider: Option<String>,
}

/// A run over stored requests.
#[derive(Debug)]
pub struct Recompute<'a> {
    /// The database; its connections must allow statements of some seconds.
    pub pool: &'a PgPool,
    /// The prices in force.
    pub catalogue: &'a Catalogue,
    /// The budgets that count the requests.
    pub rules: &'a Rules,
    /// Which requests.
    pub selection: Selection,
    /// Whether to change nothing and only tell what would change.
    pub dry_run: bool,
    /// Who asked for it.
    pub by: Option<&'a str>,
    /// When corrections are said to happen.
    pub clock: Clock,
}

/// A request whose cost changed, or an hour of imported usage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// When it arrived: the period its cost belongs to.
    pub created_at: OffsetDateTime,
    /// The provider it went to.
    pub provider: Arc<str>,
    /// The model that was asked for.
    pub requested_model: Option<Arc<str>>,
    /// The model that answered, where the provider said.
    pub served_model: Option<Arc<str>>,
    /// The agent it was made by.
    pub agent: Option<Arc<str>>,
    /// The user it was made for.
    pub user: Option<Arc<str>>,
    /// The conversation it belongs to.
    pub conversation: Option<Arc<str>>,
    /// How many requests it is: one, or those of the hour.
    pub requests: i64,
    /// What it costs more than before, in nano-dollars; all of it where it had
    /// no price.
    pub delta_nanos: i64,
    /// Its tokens, where it had no price before.
    pub newly_priced: Option<i64>,
}

impl Change {
    /// The model that answers and rollups group by.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        self.served_model
            .as_deref()
            .or(self.requested_model.as_deref())
    }

    /// What budgets ask about a request.
    fn subject(&self) -> Subject<'_> {
        Subject {
            provider: &self.provider,
            requested_model: self.requested_model.as_deref(),
            served_model: self.served_model.as_deref(),
            agent: self.agent.as_deref(),
            user: self.user.as_deref(),
        }
    }
}

/// A day that is done.
#[derive(Clone, Copy, Debug)]
pub struct DayDone {
    /// The day (UTC).
    pub day: Date,
    /// How many days are done, this one included.
    pub done: usize,
    /// How many days there are.
    pub days: usize,
    /// How many requests have another cost.
    pub changed: u64,
    /// What they cost more.
    pub difference: Nanos,
    /// Whether the day was left as it was.
    pub left: bool,
}

impl Recompute<'_> {
    /// Goes through the period day by day and says so after each.
    ///
    /// # Errors
    /// If the database fails. Days that were reported are done.
    pub async fn run(&self, mut progress: impl FnMut(DayDone)) -> Result<Outcome, RecomputeError> {
        let run = Uuid::now_v7();
        if !self.dry_run {
            // Costs refer to them.
            prices::keep(self.pool, self.catalogue, self.clock.now()).await?;
        }
        let days = self.days().await?;
        let mut outcome = Outcome::default();
        for (nth, day) in days.iter().enumerate() {
            let done = self.day(*day, run).await?;
            let sum = done.tally.total();
            progress(DayDone {
                day: *day,
                done: nth + 1,
                days: days.len(),
                changed: sum.changed,
                difference: sum.new - sum.old,
                left: done.left.is_some(),
            });
            outcome.days += 1;
            outcome.models.add(done.tally);
            outcome.left.extend(done.left);
        }
        Ok(outcome)
    }

    /// The days of the period that have requests.
    async fn days(&self) -> Result<Vec<Date>, sqlx::Error> {
        let Interval { since, until } = self.selection.period;
        let days: Vec<OffsetDateTime> = sqlx::query_scalar(
            "select bucket from usage_day where cube = 'total' and bucket >= $1 and bucket < $2 \
             order by bucket",
        )
        .bind(start_of(since.to_offset(UtcOffset::UTC).date()))
        .bind(until)
        .fetch_all(self.pool)
        .await?;
        let date = |day: OffsetDateTime| day.to_offset(UtcOffset::UTC).date();
        Ok(days.into_iter().map(date).collect())
    }
}

fn start_of(day: Date) -> OffsetDateTime {
    day.midnight().assume_utc()
}
