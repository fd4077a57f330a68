//! Conversations, added up by when they began and whose they are.

use rust_decimal::Decimal;
use systemprompt_domain::period::{Grain, Interval};
use time::{Duration, OffsetDateTime};

use super::frame::steps;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::figures::{Amount, Spent, mean};
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
    pub priced: Amount,
    /// Their requests with usage for which no price is known.
    pub unpriced: i64,
    pub duration_us: i64,
}

impl Conversations {
    const fn spent(&self) -> Spent {
        Spent::of(self.priced, self.unpriced)
    }

    /// What their requests cost, in the currency of the profile.
    pub(crate) fn cost(&self) -> Option<Decimal> {
        self.spent().rounded()
    }

    /// The cost divided by the conversations.
    pub(crate) fn average_cost(&self) -> Option<Decimal> {
        self.spent().mean(self.conversations)
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
        let tiles = Tiles::of(self);
        let of_agents =
            by_agent || !self.agents.is_empty() || self.ctx.scope.only_agent().is_some();
        let rows = sqlx::query_file_as!(
            Conversations,
            "src/rollup/conversations.sql",
            self.ctx.scope.only_agent(),
            &begins(&tiles.days),
            &ends(&tiles.days),
            &begins(&tiles.hours),
            &ends(&tiles.hours),
            &begins(&tiles.edges),
            &ends(&tiles.edges),
            self.steps(),
            by_agent,
            self.agents,
            self.users,
            &currency.rates_in_order(),
            &currency.changes(),
            if of_agents { "agent" } else { "total" },
        );
        Ok(rows.fetch_all(&self.ctx.pool).await?)
    }
}

/// An interval cut into what rollups have by day and by hour, and the rest, of
/// which conversations are read one by one. No tile belongs to two steps.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tiles {
    days: Vec<Interval>,
    hours: Vec<Interval>,
    edges: Vec<Interval>,
}

impl Tiles {
    fn of(begun: &Begun<'_>) -> Self {
        // Nothing begins in the future, where there may be no next day.
        let until = begun
            .interval
            .until
            .min(begun.ctx.clock.now() + Duration::DAY);
        let interval = Interval {
            since: begun.interval.since.min(until),
            until,
        };
        if begun.users.is_empty() {
            Self::cut(interval, &begun.steps)
        } else {
            // No rollup knows users.
            Self {
                edges: vec![interval],
                ..Self::default()
            }
        }
    }

    fn cut(Interval { since, until }: Interval, steps: &[OffsetDateTime]) -> Self {
        let mut tiles = Self::default();
        let inner = steps.iter().filter(|step| since < **step && **step < until);
        let mut from = since;
        for to in inner.chain([&until]) {
            tiles.add(from, *to);
            from = *to;
        }
        tiles
    }

    fn add(&mut self, from: OffsetDateTime, to: OffsetDateTime) {
        let hours = Grain::Hour.ceil(from).min(to)..Grain::Hour.floor(to).max(from);
        if hours.start >= hours.end {
            return push(&mut self.edges, from, to);
        }
        push(&mut self.edges, from, hours.start);
        push(&mut self.edges, hours.end, to);
        let days = Grain::Day.ceil(hours.start)..Grain::Day.floor(hours.end);
        if days.start >= days.end {
            return push(&mut self.hours, hours.start, hours.end);
        }
        push(&mut self.hours, hours.start, days.start);
        push(&mut self.days, days.start, days.end);
        push(&mut self.hours, days.end, hours.end);
    }
}

/// Adds an interval that is not empty; one that goes on from the last is part of it.
fn push(tiles: &mut Vec<Interval>, since: OffsetDateTime, until: OffsetDateTime) {
    match tiles.last_mut() {
        _ if since >= until => {}
        Some(last) if last.until == since => last.until = until,
        _ => tiles.push(Interval { since, until }),
    }
}

fn begins(tiles: &[Interval]) -> Vec<OffsetDateTime> {
    tiles.iter().map(|tile| tile.since).collect()
}

fn ends(tiles: &[Interval]) -> Vec<OffsetDateTime> {
    tiles.iter().map(|tile| tile.until).collect()
}

#[cfg(test)]
mod tests {
    use systemprompt_domain::period::{Step, buckets};
    use time::macros::datetime;

    use super::*;

    fn interval(since: OffsetDateTime, until: OffsetDateTime) -> Interval {
        Interval { since, until }
    }

    #[test]
    fn what_is_whole_is_not_read_one_by_one() {
        let (since, until) = (
            datetime!(2026-11-01 10:20 UTC),
            datetime!(2026-11-25 03:05 UTC),
        );
        let tiles = Tiles::cut(interval(since, until), &[]);
        let expected = Tiles {
            days: vec![interval(
                datetime!(2026-11-02 0:00 UTC),
                datetime!(2026-11-25 0:00 UTC),
            )],
            hours: vec![
                interval(
                    datetime!(2026-11-01 11:00 UTC),
                    datetime!(2026-11-02 0:00 UTC),
                ),
                interval(
                    datetime!(2026-11-25 0:00 UTC),
                    datetime!(2026-11-25 03:00 UTC),
                ),
            ],
            edges: vec![
                interval(since, datetime!(2026-11-01 11:00 UTC)),
                interval(datetime!(2026-11-25 03:00 UTC), until),
            ],
        };
        assert_eq!(tiles, expected);
        let short = interval(
            datetime!(2026-11-01 10:20 UTC),
            datetime!(2026-11-01 10:50 UTC),
        );
        assert_eq!(Tiles::cut(short, &[]).edges, [short]);
    }

    #[test]
    fn tiles_cover_everything_once_and_no_tile_two_steps() {
        let whole = interval(
            datetime!(2026-10-20 10:20 UTC),
            datetime!(2026-11-25 03:05 UTC),
        );
        for zone in ["UTC", "Asia/Kolkata", "Europe/Berlin"] {
            for step in [Step::Hour, Step::Day, Step::Week] {
                let steps = buckets(whole, step, &zone.parse().expect("a zone"));
                let tiles = Tiles::cut(whole, &steps);
                let mut all = [&tiles.days[..], &tiles.hours, &tiles.edges].concat();
                all.sort_by_key(|tile| tile.since);
                assert_eq!(all[0].since, whole.since);
                assert_eq!(all[all.len() - 1].until, whole.until);
                for pair in all.windows(2) {
                    assert_eq!(pair[0].until, pair[1].since, "{zone} {step:?}");
                }
                for edge in &steps[1..] {
                    let within = |tiles: &[Interval], grain: Grain| {
                        let inside = |tile: &Interval| tile.since < *edge && *edge < tile.until;
                        tiles.iter().any(inside) && !grain.is_edge(*edge)
                    };
                    assert!(!within(&tiles.days, Grain::Day) && !within(&tiles.hours, Grain::Hour));
                }
            }
        }
    }
}
