//! Conversations, added up by when they began and whose they are.

use rust_decimal::Decimal;
use systemprompt_domain::period::Interval;
use time::OffsetDateTime;

use super::frame::steps;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::figures::{Amount, mean};
use crate::kept;
use crate::params::{GroupBy, Owners, PeriodArgs};
use crate::query::PeriodUsed;

/// Conversations added up. A conversation counts where it began, with all its
/// requests, later ones included.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conversations {
    /// Which step of a trend, from 1; 0 without steps.
    pub step: i32,
    /// Empty where it is not known, or was not asked for.
    pub agent: String,
    pub conversations: i64,
    /// Those that no client named.
    pub derived: i64,
    pub requests: i64,
    pub input_tokens: i64,
    pub output_tokens: i64,
    /// What their priced requests cost, at the rate of the UTC day on which each
    /// conversation began: rows do not tell on which days it went on.
    pub spent: Amount,
    pub duration_us: i64,
}

impl Conversations {
    /// What their priced requests cost, in the currency of the profile.
    pub(crate) fn cost(&self) -> Decimal {
        self.spent.rounded()
    }

    /// The cost divided by the conversations.
    pub(crate) fn average_cost(&self) -> Option<Decimal> {
        self.spent.mean(self.conversations)
    }

    /// Requests to a conversation.
    pub(crate) fn average_requests(&self) -> Option<f64> {
        mean(self.requests, self.conversations)
    }

    /// Tokens to a conversation, input and output.
    pub(crate) fn average_tokens(&self) -> Option<f64> {
        mean(self.input_tokens + self.output_tokens, self.conversations)
    }
}

/// The conversations that began in an interval.
#[derive(Clone, Debug)]
pub(crate) struct Begun<'a> {
    ctx: &'a Ctx,
    interval: Interval,
    agents: &'a [String],
    users: &'a [String],
    steps: Vec<OffsetDateTime>,
}

impl<'a> Begun<'a> {
    /// Those of an interval that another answer covers.
    pub(crate) const fn within(ctx: &'a Ctx, interval: Interval, agents: &'a [String]) -> Self {
        Self {
            ctx,
            interval,
            agents,
            users: &[],
            steps: Vec::new(),
        }
    }

    /// Those of a period, to the moment: each is a row with a time of its own.
    pub(crate) fn of(ctx: &'a Ctx, period: &PeriodArgs, owners: &'a Owners) -> Result<Self> {
        let interval = period.interval(ctx.clock.now())?;
        Ok(Self {
            users: &owners.users,
            ..Self::within(ctx, interval, &owners.agents)
        })
    }

    /// Those of a period, step by step.
    pub(crate) fn trend(
        ctx: &'a Ctx,
        period: &PeriodArgs,
        owners: &'a Owners,
        group_by: Option<GroupBy>,
    ) -> Result<Self> {
        let begun = Self::of(ctx, period, owners)?;
        Ok(Self {
            steps: steps(begun.interval, &period.timezone, group_by)?,
            ..begun
        })
    }

    /// Those of the period of equal length before.
    pub(crate) fn previous(&self) -> Result<Self> {
        let interval = self.interval.previous().ok_or_else(Error::nothing_before)?;
        Ok(Self {
            interval,
            ..self.clone()
        })
    }

    /// The period that is answered.
    pub(crate) fn period(&self, args: &PeriodArgs) -> PeriodUsed {
        PeriodUsed::of(self.interval, &args.timezone)
    }

    /// What is missing because it is no longer kept.
    pub(crate) async fn note(&self) -> Result<Option<String>> {
        kept::conversations(self.ctx, self.interval.since).await
    }

    /// Where the steps of a trend begin.
    pub(crate) fn steps(&self) -> &[OffsetDateTime] {
        &self.steps
    }

    /// All together.
    pub(crate) async fn total(&self) -> Result<Conversations> {
        Ok(self.sums(false).await?.pop().unwrap_or_default())
    }

    /// One row for each agent that began any, in order of their names.
    pub(crate) async fn by_agent(&self) -> Result<Vec<Conversations>> {
        self.sums(true).await
    }

    /// One row for each step of a trend, in order, empty ones included.
    pub(crate) async fn by_step(&self) -> Result<Vec<Conversations>> {
        let mut rows = vec![Conversations::default(); self.steps.len()];
        for sums in self.sums(false).await? {
            let place = usize::try_from(sums.step - 1)
                .ok()
                .and_then(|step| rows.get_mut(step));
            *place.expect("the first step begins no later than the period") = sums;
        }
        Ok(rows)
    }

    async fn sums(&self, by_agent: bool) -> Result<Vec<Conversations>> {
        let currency = &self.ctx.settings.currency;
        let rows = sqlx::query_file_as!(
            Conversations,
            "src/rollup/conversations.sql",
            self.ctx.scope.only_agent(),
            self.interval.since,
            self.interval.until,
            self.agents,
            self.users,
            self.steps(),
            by_agent,
            &currency.rates_in_order(),
            &currency.changes(),
        );
        Ok(rows.fetch_all(&self.ctx.pool).await?)
    }
}
