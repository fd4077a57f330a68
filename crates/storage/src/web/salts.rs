//! The salts of visitor hashes: one random key a UTC day, the same on every server,
//! made a day ahead so that midnight needs no database, and gone two days later.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use sqlx::{PgConnection, PgPool};
use systemprompt_web::Salt;
use time::{Date, Duration, OffsetDateTime, UtcOffset};

/// A day's key, as it is stored.
type Key = [u8; 32];

/// The salts that a server hashes with, in memory.
#[derive(Debug, Default)]
pub struct Salts(RwLock<BTreeMap<Date, Key>>);

impl Salts {
    /// The salts of the days around `now`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn load(pool: &PgPool, now: OffsetDateTime) -> Result<Self, sqlx::Error> {
        let salts = Self::default();
        salts.refresh(pool, now).await?;
        Ok(salts)
    }

    /// Learns the salts of the days around `now`, making those of today and
    /// tomorrow if nobody has yet, and forgets others.
    ///
    /// # Errors
    /// When the database fails; the salts known so far stay.
    pub async fn refresh(&self, pool: &PgPool, now: OffsetDateTime) -> Result<(), sqlx::Error> {
        let mut db = pool.acquire().await?;
        let today = now.to_offset(UtcOffset::UTC).date();
        let around = |days| today.saturating_add(Duration::days(days));
        make(&mut db, &[today, around(1)], now).await?;
        let known = find(&mut db, &[around(-1), today, around(1)]).await?;
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = known;
        Ok(())
    }

    /// The salts of the day of `at` and of the day before. A day without one
    /// has none, which is the case where the database was away for days.
    #[must_use]
    pub fn of(&self, at: OffsetDateTime) -> Option<(Salt, Option<Salt>)> {
        let day = at.to_offset(UtcOffset::UTC).date();
        let salts = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let before = day.previous_day().and_then(|day| salts.get(&day).copied());
        Some((Salt::new(*salts.get(&day)?), before.map(Salt::new)))
    }

    /// The salts of days long past, for traffic that is imported: made where
    /// there are none any more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn of_days(
        db: &mut PgConnection,
        days: &[Date],
        now: OffsetDateTime,
    ) -> Result<Self, sqlx::Error> {
        make(db, days, now).await?;
        Ok(Self(RwLock::new(find(db, days).await?)))
    }
}

async fn make(
    db: &mut PgConnection,
    days: &[Date],
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    let random = || rand::random::<Key>().to_vec();
    sqlx::query(
        "insert into salts (day, salt, created_at) \
         select day, salt, $3 from unnest($1::date[], $2::bytea[]) as s (day, salt) \
         on conflict (day) do nothing",
    )
    .bind(days)
    .bind(days.iter().map(|_| random()).collect::<Vec<_>>())
    .bind(now)
    .execute(db)
    .await?;
    Ok(())
}

async fn find(db: &mut PgConnection, days: &[Date]) -> Result<BTreeMap<Date, Key>, sqlx::Error> {
    let rows: Vec<(Date, Vec<u8>)> =
        sqlx::query_as("select day, salt from salts where day = any($1)")
            .bind(days)
            .fetch_all(db)
            .await?;
    let salts = rows.into_iter();
    Ok(salts
        .filter_map(|(day, salt)| Some((day, salt.try_into().ok()?)))
        .collect())
}
