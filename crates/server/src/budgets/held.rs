//! One budget as this server holds it: a lease for each period it is used in.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use systemprompt_budgets::{Lease, Rule};
use systemprompt_domain::Nanos;
use systemprompt_domain::period::Interval;
use systemprompt_storage::budgets::{self, Leased};
use time::OffsetDateTime;

use super::{Reason, Store};

/// How long a request may wait for the database.
const PATIENCE: Duration = Duration::from_secs(2);
/// A refusal holds for as long without the database being asked again: others'
/// reservations may come to less, or somebody may lift the limit.
const REFUSAL_HOLDS: Duration = Duration::from_secs(1);
/// An unused lease is given back after this time while much is left, and after
/// the other when others may be waiting for it.
const IDLE: Duration = Duration::from_secs(30);
const IDLE_WHILE_SCARCE: Duration = Duration::from_secs(2);

/// One budget.
#[derive(Debug)]
pub(super) struct Held {
    rule: Rule,
    periods: Mutex<BTreeMap<OffsetDateTime, Holding>>,
    /// Held while the database is asked: those who wait find what the first one
    /// brought.
    asking: tokio::sync::Mutex<()>,
}

/// What is held in one period.
#[derive(Debug)]
struct Holding {
    lease: Lease,
    until: OffsetDateTime,
    used: Instant,
    /// The least that was refused, and when.
    refused: Option<(Nanos, Reason, Instant)>,
    /// A lease that was granted above the limit ends with the lifting.
    lifted_until: Option<OffsetDateTime>,
}

impl Held {
    pub(super) const fn new(rule: Rule) -> Self {
        Self {
            rule,
            periods: Mutex::new(BTreeMap::new()),
            asking: tokio::sync::Mutex::const_new(()),
        }
    }

    /// The same leases under a rule that counts the same requests.
    pub(super) fn under(&self, rule: Rule) -> Self {
        let mut periods = std::mem::take(&mut *self.periods());
        // What was refused under the old limit may fit into the new one.
        periods
            .values_mut()
            .for_each(|holding| holding.refused = None);
        Self {
            rule,
            periods: Mutex::new(periods),
            asking: tokio::sync::Mutex::const_new(()),
        }
    }

    pub(super) const fn rule(&self) -> &Rule {
        &self.rule
    }

    /// Sets an amount aside for a request that began at a moment.
    pub(super) async fn reserve(
        &self,
        store: &Store,
        amount: Nanos,
        at: OffsetDateTime,
    ) -> Result<(), Reason> {
        let period = self.period(at).ok_or(Reason::Unknown)?;
        if let Some(answer) = self.at_once(period, amount, at) {
            return answer;
        }
        let _asking = self.asking.lock().await;
        if let Some(answer) = self.at_once(period, amount, at) {
            return answer;
        }
        self.ask(store, period, amount, at).await
    }

    /// The period a moment belongs to. The calendar is asked only where nothing
    /// is held yet.
    fn period(&self, at: OffsetDateTime) -> Option<Interval> {
        let periods = self.periods();
        let held = periods.range(..=at).next_back();
        let held = held.filter(|(_, holding)| at < holding.until);
        held.map(|(since, holding)| Interval {
            since: *since,
            until: holding.until,
        })
        .or_else(|| self.rule.period(at))
    }

    /// The answer that needs nobody else; `None` if there is none.
    fn at_once(
        &self,
        period: Interval,
        amount: Nanos,
        at: OffsetDateTime,
    ) -> Option<Result<(), Reason>> {
        let mut periods = self.periods();
        let holding = periods.get_mut(&period.since)?;
        if holding.lifted_until.is_some_and(|until| until <= at) {
            return None;
        }
        if holding.lease.reserve(amount) {
            holding.used = Instant::now();
            return Some(Ok(()));
        }
        let (least, reason, when) = holding.refused?;
        (amount >= least && when.elapsed() < REFUSAL_HOLDS).then_some(Err(reason))
    }

    /// Asks the database for more, and reserves from it.
    async fn ask(
        &self,
        store: &Store,
        period: Interval,
        amount: Nanos,
        at: OffsetDateTime,
    ) -> Result<(), Reason> {
        store.asked.fetch_add(1, Ordering::Relaxed);
        let lease = budgets::lease(&store.pool, &self.rule, period, amount, store.spool, at);
        // A grant whose answer comes too late stays lent to this server until
        // it starts again; nobody may spend it meanwhile.
        let answer = match tokio::time::timeout(PATIENCE, lease).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => {
                tracing::warn!(budget = self.rule.name, %error, "the budget cannot be asked");
                return Err(Reason::Unknown);
            }
            Err(_) => {
                tracing::warn!(budget = self.rule.name, "the budget does not answer");
                return Err(Reason::Unknown);
            }
        };
        let mut periods = self.periods();
        let holding = periods
            .entry(period.since)
            .or_insert_with(|| Holding::new(period));
        let reason = match answer {
            Leased::Granted { amount: granted } => {
                holding.lifted_until = None;
                holding.grant(granted);
                None
            }
            Leased::Lifted {
                amount: granted,
                until,
            } => {
                holding.lifted_until = Some(until);
                holding.grant(granted);
                None
            }
            Leased::Busy => Some(Reason::Busy),
            Leased::Exhausted { first } => {
                if first {
                    tracing::warn!(budget = self.rule.name, until = %period.until, "requests are paused: the budget is used up");
                }
                let left = (period.until - at).max(time::Duration::SECOND);
                Some(Reason::Exhausted(left.unsigned_abs()))
            }
        };
        if let Some(reason) = reason {
            holding.refused = Some((amount, reason, Instant::now()));
            return Err(reason);
        }
        holding.refused = None;
        let reserved = holding.lease.reserve(amount);
        debug_assert!(reserved, "a grant is at least what was needed");
        reserved.then_some(()).ok_or(Reason::Busy)
    }

    /// Takes back what was set aside for a request that does not go.
    pub(super) fn release(&self, at: OffsetDateTime, amount: Nanos) {
        let mut periods = self.periods();
        let holding = periods.range_mut(..=at).next_back();
        if let Some((_, holding)) = holding.filter(|(_, holding)| at < holding.until) {
            holding.lease.release(amount);
        }
    }

    /// Gives back leases that nobody uses any more.
    pub(super) async fn give_back_idle(&self, store: &Store) {
        let now = OffsetDateTime::now_utc();
        let idle = |holding: &Holding| {
            let scarce = holding.lease.is_scarce(self.rule.limit) || holding.refused.is_some();
            let patience = if scarce { IDLE_WHILE_SCARCE } else { IDLE };
            holding.until <= now
                || holding.lifted_until.is_some_and(|until| until <= now)
                || holding.used.elapsed() > patience
        };
        self.give_back(store, idle).await;
    }

    pub(super) async fn give_back_all(&self, store: &Store) {
        self.give_back(store, |_| true).await;
    }

    async fn give_back(&self, store: &Store, which: impl Fn(&Holding) -> bool) {
        let unused: Vec<_> = {
            let mut periods = self.periods();
            let chosen = periods.extract_if(.., |_, holding| which(holding));
            chosen
                .map(|(period, mut holding)| (period, holding.lease.give_up()))
                .filter(|(_, amount)| *amount > Nanos::ZERO)
                .collect()
        };
        for (period, amount) in unused {
            store.asked.fetch_add(1, Ordering::Relaxed);
            let name = &self.rule.name;
            let back = budgets::give_back(&store.pool, name, period, amount, store.spool);
            let done = tokio::time::timeout(PATIENCE, back).await;
            if !matches!(done, Ok(Ok(()))) {
                // It stays lent until this server starts again.
                tracing::warn!(budget = name, "a lease could not be given back");
            }
        }
    }

    fn periods(&self) -> MutexGuard<'_, BTreeMap<OffsetDateTime, Holding>> {
        self.periods.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Holding {
    fn new(period: Interval) -> Self {
        Self {
            lease: Lease::empty(period.since),
            until: period.until,
            used: Instant::now(),
            refused: None,
            lifted_until: None,
        }
    }

    fn grant(&mut self, amount: Nanos) {
        self.lease.grant(amount);
        self.used = Instant::now();
    }
}
