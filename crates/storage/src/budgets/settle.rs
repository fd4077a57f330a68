//! Settlement: in the transaction that stores requests, their reservations
//! leave the leases and their costs are spent.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use sqlx::PgConnection;
use systemprompt_budgets::{Rule, Rules, Subject};
use systemprompt_config::AlertScope;
use systemprompt_domain::Nanos;
use systemprompt_domain::event::RequestFinished;
use systemprompt_domain::ids::SpoolId;
use systemprompt_domain::period::Interval;
use time::{Duration, OffsetDateTime};

use super::in_force::Ruling;
use super::pause::{Pause, pause};
use super::rollups;
use super::rows::{self, Booking, Key, Locked, Opening};
use super::thresholds::{Measured, Watched};

/// How long after a period its thresholds are still told: requests may come
/// late, but nobody wants to hear of last year's days when its logs are read.
const NEWS: Duration = Duration::DAY.saturating_mul(7);
/// Accounts that are remembered; beyond, the database is asked again.
const REMEMBERED: usize = 1_000;

/// Settles requests by the budgets of a profile.
#[derive(Debug, Default)]
pub struct Settlement {
    ruling: Ruling,
    /// Up to which spend the thresholds of an account have been told.
    told: HashMap<(String, OffsetDateTime), Nanos>,
}

/// What a batch has settled; [`Settlement::committed`] takes it.
#[derive(Debug, Default)]
#[must_use = "when the transaction is committed, the settlement should hear of it"]
pub struct Settled {
    spent: Vec<((String, OffsetDateTime), Nanos)>,
    pauses: Vec<Pause>,
}

impl Settled {
    /// The budgets that begin to refuse, for the audit log.
    pub(crate) fn pauses(&self) -> impl Iterator<Item = crate::audit::Entry<'_>> {
        self.pauses.iter().map(Pause::entry)
    }
}

/// What a batch means for one account.
#[derive(Clone, Copy, Default)]
struct Entry<'a> {
    /// The budget and its period, if requests of the batch count for it.
    rule: Option<(&'a Rule, Interval)>,
    cost: i64,
    /// What of the cost rollups count for the budget.
    in_rollups: i64,
    released: i64,
}

impl<'a> Entry<'a> {
    fn add(&mut self, more: Self) {
        self.rule = more.rule.or(self.rule);
        self.cost = self.cost.saturating_add(more.cost);
        self.in_rollups = self.in_rollups.saturating_add(more.in_rollups);
        self.released = self.released.saturating_add(more.released);
    }
}

type Entries<'a> = BTreeMap<Key<'a>, Entry<'a>>;

impl Settlement {
    /// Settles by these budgets.
    #[must_use]
    pub fn new(rules: Arc<Rules>) -> Self {
        Self {
            ruling: Ruling::new(rules),
            told: HashMap::new(),
        }
    }

    /// Settles by these budgets from now on.
    pub(crate) fn adopt(&mut self, ruling: &Ruling) {
        if !self.ruling.is(ruling) {
            self.ruling = ruling.clone();
            // Each threshold is told once whatever is forgotten here.
            self.told.clear();
        }
    }

    /// Settles requests that the transaction behind `db` stores and has added
    /// to the rollups. It locks rows that every server needs: the less comes
    /// after it, the better.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn settle(
        &self,
        db: &mut PgConnection,
        spool: SpoolId,
        finished: &[&RequestFinished],
        now: OffsetDateTime,
    ) -> Result<Settled, sqlx::Error> {
        let entries = entries(&self.ruling, finished);
        if entries.is_empty() {
            return Ok(Settled::default());
        }
        open(db, &entries, now).await?;
        let keys: Vec<_> = entries.keys().copied().collect();
        let accounts = rows::lock(db, &keys).await?;
        let bookings: Vec<_> = accounts
            .iter()
            .map(|account| booking(account, &entries[&account.key()]))
            .collect();
        rows::book(db, Some(spool), &bookings).await?;
        let mut settled = Settled::default();
        for account in &accounts {
            let entry = &entries[&account.key()];
            let Some((rule, period)) = entry.rule else {
                continue;
            };
            let spent = Nanos(account.account.spent.0.saturating_add(entry.cost));
            let pause = self
                .follow_up(db, account, rule, period, spent, now)
                .await?;
            settled.pauses.extend(pause);
            let key = (account.budget.clone(), account.period_start);
            settled.spent.push((key, spent));
        }
        Ok(settled)
    }

    /// The transaction is committed: what it told need not be told again.
    pub fn committed(&mut self, settled: Settled) {
        if self.told.len() > REMEMBERED {
            self.told.clear();
        }
        self.told.extend(settled.spent);
    }

    /// Tells thresholds, and pauses the budget, if its spend reaches that.
    async fn follow_up(
        &self,
        db: &mut PgConnection,
        account: &Locked,
        rule: &Rule,
        period: Interval,
        spent: Nanos,
        now: OffsetDateTime,
    ) -> Result<Option<Pause>, sqlx::Error> {
        let refuses = rule.pauses() && spent >= rule.limit && now < period.until;
        let refuses = refuses && account.lifted(now).is_none();
        if now - NEWS < period.until {
            let key = (account.budget.clone(), account.period_start);
            let told = self.told.get(&key);
            let shares = rule.notify_at.iter().copied().filter(|share| {
                let part = rule.share(*share);
                spent >= part && told.is_none_or(|told| *told < part)
            });
            let measured = Measured {
                period,
                value: spent.to_usd(),
                paused_until: refuses.then_some(period.until),
                at: now,
            };
            Watched::from(rule).tell(db, &measured, shares).await?;
        }
        if refuses && !account.is_paused(rule) {
            return Ok(Some(pause(db, rule, period, spent, now).await?));
        }
        Ok(None)
    }
}

fn booking<'a>(account: &'a Locked, entry: &Entry<'_>) -> Booking<'a> {
    Booking {
        key: account.key(),
        cost: Nanos(entry.cost),
        released: Nanos(entry.released),
        limit: entry.rule.map(|(rule, _)| rule.limit),
    }
}

/// Makes the accounts that do not exist yet. The rollups hold this batch
/// already, and it is about to be booked.
async fn open(
    db: &mut PgConnection,
    entries: &Entries<'_>,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    // What is only released from has an account, or nothing to release.
    let counting: Vec<_> = entries
        .iter()
        .filter_map(|(key, entry)| entry.rule.map(|rule| (*key, rule, entry.in_rollups)))
        .collect();
    let keys: Vec<_> = counting.iter().map(|(key, ..)| *key).collect();
    let mut openings = Vec::new();
    for n in rows::missing(db, &keys).await? {
        let (_, (rule, period), in_rollups) = counting[n];
        let usage = rollups::usage(db, rule.scope.as_ref(), period, now).await?;
        openings.push(Opening {
            rule,
            period,
            spent: Nanos(usage.cost.0.saturating_sub(in_rollups)),
        });
    }
    if openings.is_empty() {
        return Ok(());
    }
    rows::open(db, &openings).await
}

fn entries<'a>(ruling: &'a Ruling, finished: &[&'a RequestFinished]) -> Entries<'a> {
    let mut entries = Entries::new();
    for rule in ruling.rules.iter() {
        // Most requests of a batch are of one period.
        let mut latest: Option<(Interval, Entry<'_>)> = None;
        let mut close = |latest: Option<(Interval, Entry<'a>)>| {
            if let Some((period, entry)) = latest {
                let key = (rule.name.as_str(), period.since);
                entries.entry(key).or_default().add(entry);
            }
        };
        for request in finished {
            let cost = request.cost.map_or(0, |cost| cost.0);
            let counts = cost != 0 && rule.applies(Subject::from(*request));
            let at = request.context.created_at;
            let released = match ruling.knew(&rule.name, at) {
                true => rule.reserved(&request.context).0,
                false => 0,
            };
            if !counts && released == 0 {
                continue;
            }
            let same = |(period, _): &(Interval, _)| period.since <= at && at < period.until;
            if !latest.as_ref().is_some_and(same) {
                close(latest.take());
                latest = rule.period(at).map(|period| (period, Entry::default()));
            }
            let Some((period, entry)) = &mut latest else {
                continue;
            };
            entry.released = entry.released.saturating_add(released);
            if counts {
                entry.rule = Some((rule, *period));
                entry.cost = entry.cost.saturating_add(cost);
                if is_in_rollups(rule, request) {
                    entry.in_rollups = entry.in_rollups.saturating_add(cost);
                }
            }
        }
        close(latest);
    }
    entries
}

/// Whether the rollups of a budget's scope count a request that the budget
/// counts: they know only one of its model's names.
fn is_in_rollups(rule: &Rule, request: &RequestFinished) -> bool {
    match &rule.scope {
        Some(AlertScope::Model(name)) => request.model() == Some(name),
        _ => true,
    }
}
