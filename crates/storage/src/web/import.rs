//! Traffic of the past, from access logs: stored in PostgreSQL at once, each line
//! once, however often it is brought.
//!
//! Sessions are made in memory. One that is over is stored whole: its requests, its
//! row and what it adds to the counts in one transaction. So an import that breaks
//! off leaves no half session, and the next one stores what is missing.

mod assembly;
mod copy;
mod seen;

use std::collections::{BTreeSet, HashMap, HashSet};

use sqlx::{Connection, PgConnection, PgPool};
use systemprompt_domain::web::{Visit, WebEvent};
use time::{Date, Duration, OffsetDateTime, UtcOffset};
use uuid::Uuid;

use self::assembly::Assembly;
pub(super) use self::seen::Seen;
use super::bounds::Bounds;
use super::close;
use super::judge::Judge;
use super::reclassify::{REMEMBERED, count_visitors};
use super::rollups::{self, Closed};
use super::salts::Salts;
use crate::partitions::Partitions;
use crate::retention::raise_quarters;

/// One import at a time.
const LOCK: i64 = 0x0069_6d70_6f72_7473;
/// Requests whose sessions are stored together. The more there are, the fewer rows
/// of counts each one touches.
const REQUESTS: usize = 100_000;

/// An import that is under way. It holds a connection of its own.
#[derive(Debug)]
pub struct Import {
    db: PgConnection,
    partitions: Partitions,
    now: OffsetDateTime,
    assembly: Assembly,
    seen: Seen,
    /// When the newest request of a day is that is stored: whatever is later is new.
    newest: HashMap<Date, OffsetDateTime>,
    sessions: u64,
}

impl Import {
    /// Begins to store through a connection of its own; waits for another import to
    /// end.
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
        // What goes before a batch, such as partitions, is durable with it: its commit
        // alone waits for the disk.
        sqlx::query("set synchronous_commit = off")
            .execute(&mut db)
            .await?;
        // Logs are of days whose quarters of an hour are kept no more.
        raise_quarters(&mut db, now).await?;
        Ok(Self {
            db,
            partitions: Partitions::default(),
            now,
            assembly: Assembly::new(judge, bounds, now),
            seen: Seen::default(),
            newest: HashMap::new(),
            sessions: 0,
        })
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
        if self.assembly.waiting() >= REQUESTS {
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
        self.recount().await?;
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

    /// Stores the sessions that are over.
    async fn store(&mut self) -> Result<(), sqlx::Error> {
        let closed = self.assembly.over();
        if closed.is_empty() {
            return Ok(());
        }
        let days: BTreeSet<Date> = closed.iter().flat_map(days_of).collect();
        self.partitions
            .ensure_web(&mut self.db, days.iter().copied())
            .await?;
        for day in &days {
            if !self.seen.knows(*day) {
                let alone = is_alone(&mut self.db, *day, self.now).await?;
                self.seen.begin(*day, alone);
            }
        }
        let mut tx = self.db.begin().await?;
        sqlx::query("set local synchronous_commit = on")
            .execute(&mut *tx)
            .await?;
        close::lock(&mut tx, true).await?;
        note_days(&mut tx, &days, &self.seen, self.now).await?;
        copy::views(&mut tx, &closed).await?;
        copy::sessions(&mut tx, &closed).await?;
        rollups::add_imported(&mut tx, &closed, &mut self.seen).await?;
        tx.commit().await?;
        for view in closed.iter().flat_map(|(_, views)| views) {
            let newest = self.newest.get_mut(&utc_date(view.created_at));
            if let Some(newest) = newest {
                *newest = view.created_at.max(*newest);
            }
            self.assembly.forget(view.id);
        }
        self.sessions += closed.len() as u64;
        Ok(())
    }

    /// Counts the visitors of days again that are not this import's alone.
    async fn recount(&mut self) -> Result<(), sqlx::Error> {
        let days: Vec<Date> =
            sqlx::query_scalar("select day from imported_days where recount order by day")
                .fetch_all(&mut self.db)
                .await?;
        for day in days {
            let mut tx = self.db.begin().await?;
            close::lock(&mut tx, true).await?;
            count_visitors(&mut tx, day.midnight().assume_utc(), self.now).await?;
            sqlx::query("update imported_days set recount = false where day = $1")
                .bind(day)
                .execute(&mut *tx)
                .await?;
            tx.commit().await?;
        }
        Ok(())
    }
}

fn utc_date(at: OffsetDateTime) -> Date {
    at.to_offset(UtcOffset::UTC).date()
}

/// The days on which a session adds to something.
fn days_of((session, views): &Closed) -> impl Iterator<Item = Date> {
    let times = views.iter().map(|view| view.created_at);
    times.chain([session.started_at]).map(utc_date)
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

/// Whether nobody else adds visitors to a day: nothing was counted on it yet, and its
/// live traffic is over.
async fn is_alone(
    db: &mut PgConnection,
    day: Date,
    now: OffsetDateTime,
) -> Result<bool, sqlx::Error> {
    let since = day.midnight().assume_utc();
    if since > now - REMEMBERED {
        return Ok(false);
    }
    let counted: bool = sqlx::query_scalar(
        "select exists (select from web_day where cube = 'total' and bucket = $1) \
             or exists (select from page_day where cube = 'page' and bucket = $1)",
    )
    .bind(since)
    .fetch_one(db)
    .await?;
    Ok(!counted)
}

/// Notes that there is imported traffic of these days, and whose visitors are to be
/// counted again.
async fn note_days(
    db: &mut PgConnection,
    days: &BTreeSet<Date>,
    seen: &Seen,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into imported_days as d (day, imported_at, recount) \
         select day, $3, recount from unnest($1::date[], $2::bool[]) as n (day, recount) \
         on conflict (day) do update set recount = d.recount or excluded.recount",
    )
    .bind(days.iter().copied().collect::<Vec<_>>())
    .bind(
        days.iter()
            .map(|day| !seen.is_alone(*day))
            .collect::<Vec<_>>(),
    )
    .bind(now)
    .execute(db)
    .await?;
    Ok(())
}
