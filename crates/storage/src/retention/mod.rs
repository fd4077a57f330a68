//! Retention: removes what is older than it is to be kept.
//!
//! Detail goes by whole UTC days, of which each is a partition: it is detached
//! while everything goes on, then dropped. What grows without partitions is
//! deleted a few pages at a time. Rollups by hour and day stay for ever, so
//! totals do too; those by quarter of an hour are kept as long as questions ask
//! for them. Whatever is removed leaves an audit event in the same transaction.

mod audit;
mod days;
mod marks;
mod trim;
mod web;

use sqlx::{PgConnection, PgPool};
use systemprompt_config::Analytics;
use systemprompt_domain::period::QUARTERS_KEPT;
use time::{Duration, OffsetDateTime, UtcOffset};

use self::days::Taken;
pub use self::marks::detail_kept_from;
pub(crate) use self::marks::{DETAIL, QUARTERS, kept_from};
use crate::audit::AnchorFile;

/// One run at a time on all servers, the command line included.
const LOCK: i64 = 0x7265_7461_696e_6564;

/// Whoever reads or writes waits no longer than this for a lock that we wait
/// for; what cannot be had by then is left for the next run.
const SESSION: &str = "set lock_timeout = '1500ms'; set statement_timeout = '5min'";

/// A visit may go on into the next day; after that nobody needs the salt of a day.
const SALTS_KEPT: Duration = Duration::days(2);

/// For how many days things are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Requests and what belongs to them.
    pub detail_days: u32,
    /// The audit trail; `None`: for ever.
    pub audit_days: Option<u32>,
    /// Imported web traffic; `None`: for ever.
    pub imported_days: Option<u32>,
}

impl Retention {
    /// The same, with imported web traffic kept for so many days.
    #[must_use]
    pub const fn with_imported(self, imported_days: Option<u32>) -> Self {
        Self {
            imported_days,
            ..self
        }
    }
}

impl From<&Analytics> for Retention {
    fn from(analytics: &Analytics) -> Self {
        Self {
            detail_days: analytics.retention_days,
            audit_days: analytics.audit_retention_days,
            imported_days: None,
        }
    }
}

/// When something is removed, by whom, and where that is covered before the log loses
/// its beginning.
#[derive(Clone, Copy, Debug)]
pub struct Occasion<'a> {
    /// Now.
    pub now: OffsetDateTime,
    /// Who asked for it; `None`: the schedule.
    pub by: Option<&'a str>,
    /// The audit log's anchor on this machine.
    pub anchor: &'a AnchorFile,
}

/// What was removed from a table, or would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// The table.
    pub table: &'static str,
    /// Partitions that were dropped; none where rows were deleted.
    pub partitions: u32,
    /// Rows that went.
    pub rows: i64,
    /// The time of the oldest, or the beginning of its day.
    pub from: Option<OffsetDateTime>,
    /// The time of the newest, or the end of its day.
    pub to: Option<OffsetDateTime>,
}

impl Removed {
    fn add(&mut self, other: &Self) {
        self.partitions += other.partitions;
        self.rows += other.rows;
        // `None` is less than any time.
        self.from = [self.from, other.from].into_iter().flatten().min();
        self.to = self.to.max(other.to);
    }
}

/// What a run came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What was removed, by table.
    pub removed: Vec<Removed>,
    /// Partitions that somebody was using: the next run takes them.
    pub busy: Vec<String>,
}

impl Outcome {
    fn add(&mut self, removed: &Removed) {
        let known = self.removed.iter_mut().find(|r| r.table == removed.table);
        match known {
            Some(known) => known.add(removed),
            None => self.removed.push(removed.clone()),
        }
    }
}

impl Retention {
    /// From when on detail is kept at `now`: a UTC day goes when all of it is
    /// older. `None` if that is before all time.
    #[must_use]
    pub fn detail_from(&self, now: OffsetDateTime) -> Option<OffsetDateTime> {
        midnight_before(now, Duration::days(self.detail_days.into()))
    }

    /// From when on imported web traffic is kept; `None`: all of it is.
    fn imported_from(&self, now: OffsetDateTime) -> Option<OffsetDateTime> {
        midnight_before(now, Duration::days(self.imported_days?.into()))
    }

    /// Removes what is too old, and tells of each step. `None` where another
    /// process is about it.
    ///
    /// # Errors
    /// When the database fails; what was told is done, another run does the rest.
    pub async fn apply(
        &self,
        pool: &PgPool,
        occasion: Occasion<'_>,
        progress: impl FnMut(&Removed),
    ) -> Result<Option<Outcome>, sqlx::Error> {
        // The lock and the settings go with the connection, whatever happens.
        let mut db = pool.acquire().await?.detach();
        sqlx::raw_sql(SESSION).execute(&mut db).await?;
        let mine: bool = sqlx::query_scalar("select pg_try_advisory_lock($1)")
            .bind(LOCK)
            .fetch_one(&mut db)
            .await?;
        if !mine {
            return Ok(None);
        }
        let outcome = self.remove(&mut db, occasion, progress).await?;
        // A connection's end is noticed some time after it was closed.
        sqlx::query("select pg_advisory_unlock($1)")
            .bind(LOCK)
            .execute(&mut db)
            .await?;
        sqlx::Connection::close(db).await?;
        Ok(Some(outcome))
    }

    async fn remove(
        &self,
        db: &mut PgConnection,
        occasion: Occasion<'_>,
        mut progress: impl FnMut(&Removed),
    ) -> Result<Outcome, sqlx::Error> {
        let now = occasion.now;
        let mut outcome = Outcome::default();
        let mut told = |outcome: &mut Outcome, removed: &Removed| {
            progress(removed);
            outcome.add(removed);
        };
        if let Some(from) = self.detail_from(now) {
            marks::raise(db, DETAIL, from).await?;
            let mut stuck = None;
            let imported = self.imported_from(now);
            for day in web::imported(db, from, imported).await? {
                web::thin(db, day, occasion, |r| told(&mut outcome, r)).await?;
            }
            for partition in days::expired(db, from, imported).await? {
                if stuck == Some(partition.table) {
                    outcome.busy.push(partition.name);
                    continue;
                }
                match days::take(db, &partition, occasion).await? {
                    Taken::Removed(removed) => told(&mut outcome, &removed),
                    Taken::Busy => outcome.busy.push(partition.name),
                    Taken::Stuck => {
                        stuck = Some(partition.table);
                        outcome.busy.push(partition.name);
                    }
                }
            }
            for growing in trim::DETAIL {
                trim::take(db, growing, from, occasion, |r| told(&mut outcome, r)).await?;
            }
            web::forget(db, from.min(imported.unwrap_or(from)), imported).await?;
        }
        if let Some(from) = midnight_before(now, SALTS_KEPT) {
            for growing in trim::VISITORS {
                trim::take(db, growing, from, occasion, |r| told(&mut outcome, r)).await?;
            }
        }
        if let Some(from) = midnight_before(now, QUARTERS_KEPT) {
            marks::raise(db, QUARTERS, from).await?;
            for growing in trim::quarters() {
                trim::take(db, &growing, from, occasion, |r| told(&mut outcome, r)).await?;
            }
        }
        trim::take(db, &trim::CHECKPOINTS, now, occasion, |r| {
            told(&mut outcome, r);
        })
        .await?;
        for partition in self.expired_audit(db, now).await? {
            if !audit::announce(db, &partition, occasion).await? {
                outcome.busy.push(partition.name);
                break;
            }
            match days::take(db, &partition, occasion).await? {
                Taken::Removed(removed) => told(&mut outcome, &removed),
                Taken::Busy | Taken::Stuck => {
                    // The trail has no holes: it only ever loses its beginning.
                    outcome.busy.push(partition.name);
                    break;
                }
            }
        }
        Ok(outcome)
    }

    /// What [`apply`](Self::apply) would remove, without removing it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn preview(
        &self,
        pool: &PgPool,
        now: OffsetDateTime,
    ) -> Result<Outcome, sqlx::Error> {
        let mut db = pool.acquire().await?;
        let mut outcome = Outcome::default();
        let mut partitions = self.expired_audit(&mut db, now).await?;
        if let Some(from) = self.detail_from(now) {
            let imported = self.imported_from(now);
            partitions.extend(days::expired(&mut db, from, imported).await?);
            for growing in trim::DETAIL {
                let count = trim::count(&mut db, growing, from).await?;
                outcome.removed.extend(count);
            }
        }
        if let Some(from) = midnight_before(now, SALTS_KEPT) {
            for growing in trim::VISITORS {
                let count = trim::count(&mut db, growing, from).await?;
                outcome.removed.extend(count);
            }
        }
        if let Some(from) = midnight_before(now, QUARTERS_KEPT) {
            for growing in trim::quarters() {
                let count = trim::count(&mut db, &growing, from).await?;
                outcome.removed.extend(count);
            }
        }
        let count = trim::count(&mut db, &trim::CHECKPOINTS, now).await?;
        outcome.removed.extend(count);
        for partition in partitions {
            outcome.add(&days::count(&mut db, &partition).await?);
        }
        outcome.removed.sort_by_key(|removed| removed.table);
        Ok(outcome)
    }

    async fn expired_audit(
        &self,
        db: &mut PgConnection,
        now: OffsetDateTime,
    ) -> Result<Vec<crate::partitions::Partition>, sqlx::Error> {
        let kept = self.audit_days.map(|days| Duration::days(days.into()));
        match kept.and_then(|kept| now.checked_sub(kept)) {
            Some(before) => audit::expired(db, before).await,
            None => Ok(Vec::new()),
        }
    }
}

/// Says that quarters of an hour are kept no longer than retention keeps them: whoever
/// brings old days need not make any.
pub(crate) async fn raise_quarters(
    db: &mut PgConnection,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    match midnight_before(now, QUARTERS_KEPT) {
        Some(from) => marks::raise(db, QUARTERS, from).await,
        None => Ok(()),
    }
}

/// The beginning of the UTC day of so long ago.
fn midnight_before(now: OffsetDateTime, ago: Duration) -> Option<OffsetDateTime> {
    let then = now.to_offset(UtcOffset::UTC).checked_sub(ago)?;
    Some(then.date().midnight().assume_utc())
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_day_goes_when_all_of_it_is_older() {
        let keep = |detail_days| Retention {
            detail_days,
            audit_days: None,
            imported_days: None,
        };
        let day = datetime!(2026-11-23 00:00 UTC);
        for now in [
            datetime!(2026-11-24 00:00 UTC),
            datetime!(2026-11-24 23:59:59 UTC),
            datetime!(2026-11-25 01:59:59 +2),
        ] {
            assert_eq!(keep(1).detail_from(now), Some(day), "{now}");
        }
        assert_eq!(keep(u32::MAX).detail_from(day), None);
    }
}
