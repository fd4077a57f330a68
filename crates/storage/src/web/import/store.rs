//! Storing sessions that are over, a batch in a transaction.

use std::collections::BTreeSet;

use sqlx::{Connection, PgConnection};
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use super::seen::Seen;
use super::{copy, utc_date};
use crate::partitions::Partitions;
use crate::retention::raise_quarters;
use crate::web::close;
use crate::web::reclassify::{REMEMBERED, count_visitors};
use crate::web::rollups::{self, Closed};

/// What stores them, through a connection of its own.
#[derive(Debug)]
pub(super) struct Store {
    db: PgConnection,
    partitions: Partitions,
    seen: Seen,
    now: OffsetDateTime,
}

/// What a batch was.
#[derive(Debug, Default)]
pub(super) struct Stored {
    pub(super) sessions: u64,
    /// Its requests, and their times.
    pub(super) requests: Vec<(Uuid, OffsetDateTime)>,
}

impl Store {
    pub(super) async fn begin(
        mut db: PgConnection,
        now: OffsetDateTime,
    ) -> Result<Self, sqlx::Error> {
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
            seen: Seen::default(),
            now,
        })
    }

    /// Stores sessions.
    pub(super) async fn store(
        mut self: Box<Self>,
        closed: Vec<Closed>,
    ) -> Result<(Box<Self>, Stored), sqlx::Error> {
        if closed.is_empty() {
            return Ok((self, Stored::default()));
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
        let views = closed.iter().flat_map(|(_, views)| views);
        let stored = Stored {
            sessions: closed.len() as u64,
            requests: views.map(|view| (view.id, view.created_at)).collect(),
        };
        Ok((self, stored))
    }

    /// Counts the visitors of days again that are not this import's alone, and ends.
    pub(super) async fn finish(mut self) -> Result<(), sqlx::Error> {
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
        self.db.close().await
    }
}

/// The days on which a session adds to something.
fn days_of((session, views): &Closed) -> impl Iterator<Item = Date> {
    let times = views.iter().map(|view| view.created_at);
    times.chain([session.started_at]).map(utc_date)
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
