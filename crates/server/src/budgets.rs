//! Budgets at the gateway: whether a request may go, decided in memory from
//! leases, and the leases themselves, taken from and given back to PostgreSQL.

mod held;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::PgPool;
use systemprompt_budgets::{Estimates, Outlook, Rule, Rules, Subject};
use systemprompt_config::Reserve;
use systemprompt_domain::Nanos;
use systemprompt_domain::event::{RequestContext, RequestFinished, Reserved};
use systemprompt_domain::ids::SpoolId;
use systemprompt_pricing::Catalogue;

use self::held::Held;
use crate::swap::Swap;

/// How often leases are looked at that nobody uses.
const ROUND: Duration = Duration::from_secs(1);

/// The budgets that pause requests.
#[derive(Clone, Debug)]
pub(crate) struct Budgets(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    held: Swap<Vec<Arc<Held>>>,
    store: Store,
    estimates: Mutex<Estimates>,
}

/// Where leases come from.
#[derive(Clone, Debug)]
struct Store {
    pool: PgPool,
    spool: SpoolId,
    /// How often PostgreSQL was asked.
    asked: Arc<AtomicU64>,
}

/// Why a request may not go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The budget's name.
    pub(crate) budget: String,
    pub(crate) reason: Reason,
}

/// What stands in a request's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// It does not fit into what is left of the period, which ends after this
    /// time.
    Exhausted(Duration),
    /// What is left is reserved for requests under way.
    Busy,
    /// The lease in hand is used up, and the database cannot be asked for more.
    Unknown,
}

impl Budgets {
    pub(crate) fn new(rules: &Rules, pool: PgPool, spool: SpoolId) -> Self {
        let pausing = rules.iter().filter(|rule| rule.pauses());
        Self(Arc::new(Inner {
            held: Swap::new(pausing.cloned().map(Held::new).map(Arc::new).collect()),
            store: Store {
                pool,
                spool,
                asked: Arc::default(),
            },
            estimates: Mutex::default(),
        }))
    }

    /// Holds requests to other budgets from now on. What is leased for one that
    /// still counts the same requests is kept, the rest is given back.
    pub(crate) async fn replace(&self, rules: &Rules) {
        let before = self.0.held.current();
        let held = |rule: &Rule| {
            let old = before.iter().find(|held| held.rule().counts_like(rule));
            match old {
                Some(held) if held.rule() == rule => Arc::clone(held),
                Some(held) => Arc::new(held.under(rule.clone())),
                None => Arc::new(Held::new(rule.clone())),
            }
        };
        let held: Vec<_> = rules
            .iter()
            .filter(|rule| rule.pauses())
            .map(held)
            .collect();
        self.0.held.replace(held.clone());
        for old in before.iter() {
            if !held.iter().any(|held| Arc::ptr_eq(held, old)) {
                old.give_back_all(&self.0.store).await;
            }
        }
    }

    /// The first budget that counts a request.
    pub(crate) fn covering(&self, context: &RequestContext) -> Option<String> {
        let subject = Subject::from(context);
        let held = self.0.held.current();
        let held = held.iter().find(|held| held.rule().applies(subject))?;
        Some(held.rule().name.clone())
    }

    /// Sets aside what a request is taken to cost in every budget that counts
    /// it, or in none.
    pub(crate) async fn reserve(
        &self,
        context: &RequestContext,
        max_tokens: Option<u64>,
        catalogue: &Catalogue,
    ) -> Result<Reserved, Refusal> {
        let subject = Subject::from(context);
        let outlook = Outlook {
            provider: &context.provider,
            model: context.requested_model.as_deref(),
            agent: context.agent.as_deref(),
            at: context.created_at,
            bytes: context.request_bytes,
            max_tokens,
        };
        let mut reserved = Reserved::default();
        let all = self.0.held.current();
        let counting = || all.iter().filter(|held| held.rule().applies(subject));
        for (n, held) in counting().enumerate() {
            let reserve = held.rule().reserve;
            let amount = amount(&mut reserved, reserve);
            // Budgets that estimate alike are told the same.
            if *amount == Nanos::ZERO {
                *amount = self.estimate(catalogue, &outlook, reserve);
            }
            let at = context.created_at;
            if let Err(reason) = held.reserve(&self.0.store, *amount, at).await {
                for before in counting().take(n) {
                    before.release(at, *self::amount(&mut reserved, before.rule().reserve));
                }
                return Err(Refusal {
                    budget: held.rule().name.clone(),
                    reason,
                });
            }
        }
        Ok(reserved)
    }

    /// What to set aside. What has no price takes the least there is: where
    /// nothing is left it may not go either.
    fn estimate(&self, catalogue: &Catalogue, outlook: &Outlook<'_>, reserve: Reserve) -> Nanos {
        let estimates = self.0.estimates.lock();
        let estimates = estimates.unwrap_or_else(PoisonError::into_inner);
        estimates
            .reservation(catalogue, outlook, reserve)
            .max(Nanos(1))
    }

    /// Learns from a request how much such requests get.
    pub(crate) fn learn(&self, finished: &RequestFinished) {
        let context = &finished.context;
        let output = finished.usage.tokens.output_total();
        let idle = self.0.held.current().is_empty();
        let (false, Some(model)) = (idle, &context.requested_model) else {
            return;
        };
        if output > 0 {
            let estimates = self.0.estimates.lock();
            estimates.unwrap_or_else(PoisonError::into_inner).learn(
                context.agent.as_deref(),
                model,
                output,
            );
        }
    }

    /// How often PostgreSQL was asked about a lease.
    pub(crate) fn asked(&self) -> u64 {
        self.0.store.asked.load(Ordering::Relaxed)
    }

    /// Gives back what nobody uses, for ever.
    pub(crate) async fn tend(self) {
        let mut round = tokio::time::interval(ROUND);
        round.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            round.tick().await;
            for held in self.0.held.current().iter() {
                held.give_back_idle(&self.0.store).await;
            }
        }
    }

    /// Gives back everything that is not reserved: the server stops.
    pub(crate) async fn close(&self) {
        for held in self.0.held.current().iter() {
            held.give_back_all(&self.0.store).await;
        }
    }
}

/// The part of an estimate that a budget goes by.
const fn amount(reserved: &mut Reserved, reserve: Reserve) -> &mut Nanos {
    match reserve {
        Reserve::Typical => &mut reserved.typical,
        Reserve::WorstCase => &mut reserved.worst_case,
    }
}
