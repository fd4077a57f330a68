//! Corrections: requests that were priced anew.

use std::collections::BTreeMap;

use sqlx::PgConnection;
use systemprompt_budgets::{Rule, Rules, Subject};
use systemprompt_domain::Nanos;
use time::OffsetDateTime;

use super::rows::{self, Booking, Key};

/// A request, or several of one hour, that now cost something else.
#[derive(Clone, Copy, Debug)]
pub struct Change<'a> {
    /// Whose requests, and to what.
    pub subject: Subject<'a>,
    /// When they began.
    pub created_at: OffsetDateTime,
    /// What they cost more; negative if they cost less.
    pub delta: Nanos,
}

/// Adds changes to the accounts that exist. An account that is made later
/// starts with what the rollups say then.
///
/// # Errors
/// When the database fails.
pub async fn correct(
    db: &mut PgConnection,
    rules: &Rules,
    changes: &[Change<'_>],
) -> Result<(), sqlx::Error> {
    let mut sums: BTreeMap<Key<'_>, (&Rule, i64)> = BTreeMap::new();
    for rule in rules.iter() {
        for change in changes.iter().filter(|c| rule.applies(c.subject)) {
            let Some(period) = rule.period(change.created_at) else {
                continue;
            };
            let sum = sums.entry((&rule.name, period.since)).or_insert((rule, 0));
            sum.1 = sum.1.saturating_add(change.delta.0);
        }
    }
    let keys: Vec<_> = sums.keys().copied().collect();
    let accounts = rows::lock(db, &keys).await?;
    let bookings: Vec<_> = accounts
        .iter()
        .map(|account| {
            let (rule, delta) = sums[&account.key()];
            Booking {
                key: account.key(),
                cost: Nanos(delta),
                released: Nanos::ZERO,
                limit: Some(rule.limit),
            }
        })
        .collect();
    rows::book(db, None, &bookings).await
}
