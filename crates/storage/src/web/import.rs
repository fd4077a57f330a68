//! Traffic of the past, from access logs: stored in PostgreSQL at once, each line
//! once, however often it is brought.
//!
//! Sessions are made in memory. One that is over is stored whole: its requests, its
//! row and what it adds to the counts in one transaction. So an import that breaks
//! off leaves no half session, and the next one stores what is missing. While some are
//! being stored the next are made.

mod assembly;
mod copy;
mod seen;
mod store;

use std::collections::{BTreeSet, HashMap, HashSet};

use sqlx::{Connection, PgConnection, PgPool};
use systemprompt_domain::web::{Visit, WebEvent};
use time::{Date, Duration, OffsetDateTime, UtcOffset};
use tokio::task::JoinHandle;
use uuid::Uuid;

use self::assembly::Assembly;
pub(super) use self::seen::Seen;
use self::store::{Store, Stored};
use super::bounds::Bounds;
use super::judge::Judge;
use super::salts::Salts;

/// One import at a time.
const LOCK: i64 = 0x0069_6d70_6f72_7473;
/// Requests whose sessions are stored together, unless said. The more there are, the
/// fewer rows of counts each one touches.
const REQUESTS: usize = 100_000;

/// An import that is under way. It holds two connections of its own.
#[derive(Debug)]
pub struct Import {
    /// Asks what is there already.
    db: PgConnection,
    now: OffsetDateTime,
    assembly: Assembly,
    storing: Storing,
    /// So many requests are stored together.
    batch: usize,
    /// When the newest request of a day is that is stored: whatever is later is new.
    newest: HashMap<Date, OffsetDateTime>,
    sessions: u64,
}

/// What stores sessions.
#[derive(Debug)]
enum Storing {
    Idle(Box<Store>),
    Busy(JoinHandle<Result<(Box<Store>, Stored), sqlx::Error>>),
    /// It failed, and the import with it.
    Gone,
}

impl Import {
    /// Begins to store through connections of its own; waits for another import to
    /// end. What is taken is stored by a task of the runtime that this is called on.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn begin(
        pool: &PgPool,
        judge: Judge,
        bounds: Bounds,
        now: OffsetDateTime,
    ) -> Result<Self, sqlx::Error> {
        // The lock goes with the connection.
        let mut db = pool.acquire().await?.detach();
        sqlx::query("select pg_advisory_lock($1)")
            .bind(LOCK)
            .execute(&mut db)
            .await?;
        let store = Store::begin(pool.acquire().await?.detach(), now).await?;
        Ok(Self {
            db,
            now,
            assembly: Assembly::new(judge, bounds, now),
            storing: Storing::Idle(Box::new(store)),
            batch: REQUESTS,
            newest: HashMap::new(),
            sessions: 0,
        })
    }

    /// Stores sessions as soon as those that are over have so many requests.
    #[must_use]
    pub const fn in_batches_of(mut self, requests: usize) -> Self {
        self.batch = requests;
        self
    }

    /// The salts of days long past, and of the days before them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn salts(&mut self, days: &BTreeSet<Date>) -> Result<Salts, sqlx::Error> {
        let before = days.iter().filter_map(|day| day.previous_day());
        let days: BTreeSet<Date> = days.iter().copied().chain(before).collect();
        let days: Vec<Date> = days.into_iter().collect();
        Salts::of_days(&mut self.db, &days, self.now).await
    }

    /// Takes requests, which are best in the order of their times; answers how many
    /// were not there yet. They are stored when their sessions are over.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn take(&mut self, visits: Vec<Visit>) -> Result<usize, sqlx::Error> {
        let mut fresh = self.fresh(visits).await?;
        let n = fresh.len();
        fresh.sort_by_key(|visit| visit.at);
        for visit in &fresh {
            self.assembly.take(visit);
        }
        self.assembly.end_those_over();
        if self.assembly.waiting() >= self.batch {
            self.store().await?;
        }
        Ok(n)
    }

    /// Ends all sessions and stores what is left; answers how many sessions there
    /// were.
    ///
    /// # Errors
    /// When the database fails; what was stored is, and another import does the
    /// rest.
    pub async fn finish(mut self) -> Result<u64, sqlx::Error> {
        self.assembly.end_all();
        self.store().await?;
        self.stored().await?.finish().await?;
        self.db.close().await?;
        Ok(self.sessions)
    }

    /// The requests that are neither stored nor waiting for it.
    async fn fresh(&mut self, visits: Vec<Visit>) -> Result<Vec<Visit>, sqlx::Error> {
        let days: BTreeSet<Date> = visits.iter().map(|visit| utc_date(visit.at)).collect();
        for day in days {
            if !self.newest.contains_key(&day) {
                let newest = newest(&mut self.db, day).await?;
                self.newest.insert(day, newest);
            }
        }
        let (mut ids, mut times) = (Vec::new(), Vec::new());
        for visit in &visits {
            if let Some(id) = id_of(visit)
                && visit.at <= self.newest[&utc_date(visit.at)]
            {
                ids.push(id);
                times.push(visit.at);
            }
        }
        let known = known(&mut self.db, &ids, &times).await?;
        let visits = visits.into_iter();
        Ok(visits
            .filter(|visit| {
                id_of(visit).is_some_and(|id| !known.contains(&id) && self.assembly.note(id))
            })
            .collect())
    }

    /// Has the sessions that are over stored, once those before them are.
    async fn store(&mut self) -> Result<(), sqlx::Error> {
        let store = self.stored().await?;
        let over = self.assembly.over();
        self.storing = Storing::Busy(tokio::spawn(store.store(over)));
        Ok(())
    }

    /// Waits until what was given to be stored is.
    async fn stored(&mut self) -> Result<Box<Store>, sqlx::Error> {
        let storing = std::mem::replace(&mut self.storing, Storing::Gone);
        let (store, stored) = match storing {
            Storing::Idle(store) => return Ok(store),
            Storing::Busy(task) => task.await.map_err(|_| sqlx::Error::WorkerCrashed)??,
            Storing::Gone => return Err(sqlx::Error::WorkerCrashed),
        };
        self.sessions += stored.sessions;
        for (id, at) in stored.requests {
            if let Some(newest) = self.newest.get_mut(&utc_date(at)) {
                *newest = at.max(*newest);
            }
            self.assembly.forget(id);
        }
        Ok(store)
    }
}

fn utc_date(at: OffsetDateTime) -> Date {
    at.to_offset(UtcOffset::UTC).date()
}

/// The id of the one request in an imported visit.
fn id_of(visit: &Visit) -> Option<Uuid> {
    match visit.events.first()? {
        WebEvent::Hit(hit) => Some(hit.id),
        WebEvent::View(_) | WebEvent::Engagement(_) => None,
    }
}

/// When the newest request of a day is that is stored; long ago, if there is none.
async fn newest(db: &mut PgConnection, day: Date) -> Result<OffsetDateTime, sqlx::Error> {
    let since = day.midnight().assume_utc();
    let newest: Option<OffsetDateTime> = sqlx::query_scalar(
        "select max(created_at) from page_views where created_at >= $1 and created_at < $2",
    )
    .bind(since)
    .bind(since + Duration::DAY)
    .fetch_one(db)
    .await?;
    Ok(newest.unwrap_or(OffsetDateTime::UNIX_EPOCH))
}

/// The requests that are stored already.
async fn known(
    db: &mut PgConnection,
    ids: &[Uuid],
    times: &[OffsetDateTime],
) -> Result<HashSet<Uuid>, sqlx::Error> {
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let known: Vec<Uuid> = sqlx::query_scalar(
        "select e.id from unnest($1::uuid[], $2::timestamptz[]) as e (id, created_at) \
         join page_views v on v.id = e.id and v.created_at = e.created_at \
         where v.created_at >= $3 and v.created_at <= $4",
    )
    .bind(ids)
    .bind(times)
    .bind(times.iter().min())
    .bind(times.iter().max())
    .fetch_all(db)
    .await?;
    Ok(known.into_iter().collect())
}
