//! The rows of `budget_periods` and `budget_leases`: how they are made, locked
//! and changed.

use sqlx::{PgConnection, Row};
use systemprompt_budgets::{Account, Rule};
use systemprompt_domain::Nanos;
use systemprompt_domain::ids::SpoolId;
use systemprompt_domain::period::Interval;
use time::OffsetDateTime;

/// What an account is found by: the budget's name and the period's beginning.
pub(super) type Key<'a> = (&'a str, OffsetDateTime);

/// An account, locked until the transaction ends.
#[derive(Clone, Debug)]
pub(super) struct Locked {
    pub(super) budget: String,
    pub(super) period_start: OffsetDateTime,
    pub(super) account: Account,
    limit: Nanos,
    paused_at: Option<OffsetDateTime>,
    resumed_until: Option<OffsetDateTime>,
}

impl Locked {
    pub(super) fn key(&self) -> Key<'_> {
        (&self.budget, self.period_start)
    }

    /// Whether it is known that the limit was reached. A limit that was raised
    /// since was not.
    pub(super) fn is_paused(&self, rule: &Rule) -> bool {
        self.paused_at.is_some() && self.limit >= rule.limit
    }

    /// Until when the limit does not count, if it does not now.
    pub(super) fn lifted(&self, now: OffsetDateTime) -> Option<OffsetDateTime> {
        self.resumed_until.filter(|until| *until > now)
    }
}

/// Locks those of the accounts that exist.
pub(super) async fn lock(
    db: &mut PgConnection,
    keys: &[Key<'_>],
) -> Result<Vec<Locked>, sqlx::Error> {
    let rows = sqlx::query(
        "select p.budget, p.period_start, p.spent_nanos, p.leased_nanos, p.limit_nanos, \
             p.paused_at, p.resumed_until \
         from budget_periods p \
         join unnest($1::text[], $2::timestamptz[]) as k (budget, period_start) \
             using (budget, period_start) \
         order by p.budget, p.period_start \
         for update of p",
    )
    .bind(keys.iter().map(|key| key.0).collect::<Vec<_>>())
    .bind(keys.iter().map(|key| key.1).collect::<Vec<_>>())
    .fetch_all(db)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Locked {
                budget: row.try_get(0)?,
                period_start: row.try_get(1)?,
                account: Account {
                    spent: Nanos(row.try_get(2)?),
                    leased: Nanos(row.try_get(3)?),
                },
                limit: Nanos(row.try_get(4)?),
                paused_at: row.try_get(5)?,
                resumed_until: row.try_get(6)?,
            })
        })
        .collect()
}

/// Which of the accounts do not exist yet, in the order of the keys.
pub(super) async fn missing(
    db: &mut PgConnection,
    keys: &[Key<'_>],
) -> Result<Vec<usize>, sqlx::Error> {
    let numbers: Vec<i64> = sqlx::query_scalar(
        "select k.n \
         from unnest($1::text[], $2::timestamptz[]) with ordinality as k (budget, period_start, n) \
         where not exists ( \
             select from budget_periods p \
             where p.budget = k.budget and p.period_start = k.period_start) \
         order by k.n",
    )
    .bind(keys.iter().map(|key| key.0).collect::<Vec<_>>())
    .bind(keys.iter().map(|key| key.1).collect::<Vec<_>>())
    .fetch_all(db)
    .await?;
    let index = |n| usize::try_from(n - 1_i64).expect("ordinals begin at 1");
    Ok(numbers.into_iter().map(index).collect())
}

/// An account that is about to be made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opening<'a> {
    pub(super) rule: &'a Rule,
    pub(super) period: Interval,
    pub(super) spent: Nanos,
}

/// Makes accounts, in the order given; one that another server made meanwhile
/// stays as it is.
pub(super) async fn open(
    db: &mut PgConnection,
    openings: &[Opening<'_>],
) -> Result<(), sqlx::Error> {
    let of = |f: fn(&Opening<'_>) -> i64| openings.iter().map(f).collect::<Vec<_>>();
    let times = |f: fn(&Opening<'_>) -> OffsetDateTime| openings.iter().map(f).collect::<Vec<_>>();
    sqlx::query(
        "insert into budget_periods \
             (budget, period_start, period_end, limit_nanos, spent_nanos, leased_nanos) \
         select *, 0 \
         from unnest($1::text[], $2::timestamptz[], $3::timestamptz[], $4::bigint[], $5::bigint[]) \
         on conflict (budget, period_start) do nothing",
    )
    .bind(
        openings
            .iter()
            .map(|o| o.rule.name.as_str())
            .collect::<Vec<_>>(),
    )
    .bind(times(|o| o.period.since))
    .bind(times(|o| o.period.until))
    .bind(of(|o| o.rule.limit.0))
    .bind(of(|o| o.spent.0))
    .execute(db)
    .await?;
    Ok(())
}

/// What changes in a locked account.
#[derive(Clone, Copy, Debug)]
pub(super) struct Booking<'a> {
    pub(super) key: Key<'a>,
    /// What was spent.
    pub(super) cost: Nanos,
    /// What leaves the holder's lease; never more than is in it.
    pub(super) released: Nanos,
    /// The limit as it is configured, if it is.
    pub(super) limit: Option<Nanos>,
}

/// Changes locked accounts, and the leases that a holder has on them.
pub(super) async fn book(
    db: &mut PgConnection,
    holder: Option<SpoolId>,
    bookings: &[Booking<'_>],
) -> Result<(), sqlx::Error> {
    if bookings.is_empty() {
        return Ok(());
    }
    sqlx::query(include_str!("book.sql"))
        .bind(bookings.iter().map(|b| b.key.0).collect::<Vec<_>>())
        .bind(bookings.iter().map(|b| b.key.1).collect::<Vec<_>>())
        .bind(bookings.iter().map(|b| b.cost.0).collect::<Vec<_>>())
        .bind(bookings.iter().map(|b| b.released.0).collect::<Vec<_>>())
        .bind(
            bookings
                .iter()
                .map(|b| b.limit.map(|limit| limit.0))
                .collect::<Vec<_>>(),
        )
        .bind(holder.map(|spool| spool.0))
        .execute(db)
        .await?;
    Ok(())
}
