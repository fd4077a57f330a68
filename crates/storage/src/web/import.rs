//! Traffic of the past, from access logs: stored in PostgreSQL at once, each line
//! once, however often it is brought.

use std::collections::{BTreeSet, HashSet};

use sqlx::{Connection, PgConnection, PgPool};
use systemprompt_domain::web::{Visit, WebEvent};
use time::{Date, OffsetDateTime, UtcOffset};
use uuid::Uuid;

use super::close::{Which, close};
use super::judge::Judge;
use super::salts::Salts;
use super::store::store;
use crate::partitions::Partitions;

/// One import at a time.
const LOCK: i64 = 0x0069_6d70_6f72_7473;

/// An import that is under way.
#[derive(Debug)]
pub struct Import {
    pool: PgPool,
    judge: Judge,
    partitions: Partitions,
    now: OffsetDateTime,
    /// Whether the logs have files that pages load: then their absence tells.
    assets: bool,
}

impl Import {
    /// Prepares to store through these connections.
    #[must_use]
    pub fn new(pool: PgPool, judge: Judge, now: OffsetDateTime) -> Self {
        Self {
            pool,
            judge,
            partitions: Partitions::default(),
            now,
            assets: false,
        }
    }

    /// The salts of days long past, and of the days before them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn salts(&self, days: &BTreeSet<Date>) -> Result<Salts, sqlx::Error> {
        let before = days.iter().filter_map(|day| day.previous_day());
        let days: BTreeSet<Date> = days.iter().copied().chain(before).collect();
        let days: Vec<Date> = days.into_iter().collect();
        let mut db = self.pool.acquire().await?;
        Salts::of_days(&mut db, &days, self.now).await
    }

    /// Stores requests, all of them or, with an error, none; answers how many
    /// were not there yet.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn store(&mut self, visits: Vec<Visit>) -> Result<usize, sqlx::Error> {
        self.assets |= visits.iter().any(|visit| self.judge.has_asset(visit));
        let date = |visit: &Visit| visit.at.to_offset(UtcOffset::UTC).date();
        let days: BTreeSet<Date> = visits.iter().map(date).collect();
        let mut db = self.pool.acquire().await?;
        self.partitions
            .ensure_web(&mut db, days.iter().copied())
            .await?;
        let mut tx = db.begin().await?;
        sqlx::query("select pg_advisory_xact_lock($1)")
            .bind(LOCK)
            .execute(&mut *tx)
            .await?;
        let known = known(&mut tx, &visits).await?;
        let fresh: Vec<Visit> = visits
            .into_iter()
            .filter(|visit| id_of(visit).is_some_and(|id| !known.contains(&id)))
            .collect();
        sqlx::query(
            "insert into imported_days (day, imported_at) select day, $2 from unnest($1::date[]) as d (day) \
             on conflict (day) do nothing",
        )
        .bind(days.into_iter().collect::<Vec<_>>())
        .bind(self.now)
        .execute(&mut *tx)
        .await?;
        store(&mut tx, &self.judge, &fresh, true, self.now).await?;
        tx.commit().await?;
        Ok(fresh.len())
    }

    /// Closes the sessions of what was imported; answers how many.
    ///
    /// # Errors
    /// When the database fails; a server closes them within the hour.
    pub async fn finish(&self) -> Result<u64, sqlx::Error> {
        let which = Which::Imported {
            assets_visible: self.assets,
        };
        let closed = close(&self.pool, &self.judge, which, self.now).await?;
        Ok(closed.unwrap_or_default())
    }
}

/// The id of the one request in an imported visit.
fn id_of(visit: &Visit) -> Option<Uuid> {
    match visit.events.first()? {
        WebEvent::Hit(hit) => Some(hit.id),
        WebEvent::View(_) | WebEvent::Engagement(_) => None,
    }
}

/// The requests that are stored already.
async fn known(db: &mut PgConnection, visits: &[Visit]) -> Result<HashSet<Uuid>, sqlx::Error> {
    let ids: Vec<Uuid> = visits.iter().filter_map(id_of).collect();
    let times: Vec<OffsetDateTime> = visits.iter().map(|visit| visit.at).collect();
    let known: Vec<Uuid> = sqlx::query_scalar(
        "select e.id from unnest($1::uuid[], $2::timestamptz[]) as e (id, created_at) \
         join page_views v on v.id = e.id and v.created_at = e.created_at \
         where v.created_at >= $3 and v.created_at <= $4",
    )
    .bind(&ids)
    .bind(&times)
    .bind(times.iter().min())
    .bind(times.iter().max())
    .fetch_all(db)
    .await?;
    Ok(known.into_iter().collect())
}
