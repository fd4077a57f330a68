//! The budgets that requests are settled by: replaced as a whole, between two
//! batches, when a running server reads its profile again.

use std::collections::HashMap;
use std::sync::Arc;

use systemprompt_budgets::Rules;
use time::OffsetDateTime;
use tokio::sync::{RwLock, RwLockReadGuard};

/// The budgets in force. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct RulesInForce(Arc<RwLock<Ruling>>);

/// Budgets, and since when those are counted as they are that were not always.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ruling {
    pub(super) rules: Arc<Rules>,
    since: Arc<HashMap<String, OffsetDateTime>>,
}

impl RulesInForce {
    /// These budgets, since this spool's holder started.
    #[must_use]
    pub fn new(rules: Arc<Rules>) -> Self {
        Self(Arc::new(RwLock::new(Ruling::new(rules))))
    }

    /// Other budgets from `now` on. Waits for the batch that is being stored: no
    /// request may count for neither the old nor the new ones.
    pub async fn replace(&self, rules: Arc<Rules>, now: OffsetDateTime) {
        let mut ruling = self.0.write().await;
        let began = |rule| match ruling.rules.iter().any(|old| old.counts_like(rule)) {
            true => ruling.since.get(&rule.name).copied(),
            false => Some(now),
        };
        let since = rules
            .iter()
            .filter_map(|rule| Some((rule.name.clone(), began(rule)?)));
        let since = Arc::new(since.collect());
        *ruling = Ruling { rules, since };
    }

    /// The budgets for one batch; they stay until the guard is gone.
    pub(crate) async fn hold(&self) -> RwLockReadGuard<'_, Ruling> {
        self.0.read().await
    }
}

impl Ruling {
    pub(super) fn new(rules: Arc<Rules>) -> Self {
        let since = Arc::default();
        Self { rules, since }
    }

    /// Whether both are the same.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.rules, &other.rules)
    }

    /// Whether a budget can have set something aside for a request of that
    /// moment. What it set aside when it counted otherwise stays leased until the
    /// server starts again: too much is held, never too little.
    pub(super) fn knew(&self, budget: &str, at: OffsetDateTime) -> bool {
        self.since.get(budget).is_none_or(|since| at >= *since)
    }
}
