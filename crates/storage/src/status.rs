//! How the database is: what an operator looks at first.

use sqlx::{FromRow, PgPool};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::MIGRATOR;
use crate::retention::{DETAIL, kept_from};

/// How the database is.
#[derive(Clone, Debug)]
pub struct Status {
    /// PostgreSQL's version, as it says it.
    pub version: String,
    /// Where it is reached: the folder of its socket, or an address with a port.
    pub address: String,
    /// The database's name.
    pub database: String,
    /// What it takes up on disk, indexes included.
    pub bytes: i64,
    /// The migrations, in order.
    pub migrations: Vec<Migration>,
    /// How far each spool was stored.
    pub spools: Vec<SpoolPosition>,
    /// Records that could not be stored.
    pub dead_letters: i64,
    /// Requests whose end is not stored yet.
    pub open_requests: i64,
    /// When the oldest request with detail arrived.
    pub oldest: Option<OffsetDateTime>,
    /// When the newest one did.
    pub newest: Option<OffsetDateTime>,
    /// From when on detail is complete, once retention removed some.
    pub kept_from: Option<OffsetDateTime>,
}

/// A migration of this program's version.
#[derive(Clone, Debug)]
pub struct Migration {
    /// Its number, which begins with its date.
    pub version: i64,
    /// What it is about.
    pub description: String,
    /// When it was applied.
    pub applied_at: Option<OffsetDateTime>,
}

/// How far a spool was stored.
#[derive(Clone, Debug, FromRow)]
pub struct SpoolPosition {
    /// The spool; each server has its own.
    pub spool_id: Uuid,
    /// Which of its lanes.
    pub lane: String,
    /// The segment, counted from 1.
    pub segment: i64,
    /// The byte in it.
    pub position: i64,
    /// When something was stored last.
    pub updated_at: OffsetDateTime,
}

#[derive(FromRow)]
struct Figures {
    version: String,
    address: String,
    database: String,
    bytes: i64,
    dead_letters: i64,
    open_requests: i64,
    oldest: Option<OffsetDateTime>,
    newest: Option<OffsetDateTime>,
}

/// Looks how the database is.
///
/// # Errors
/// When the database fails.
pub async fn status(pool: &PgPool) -> Result<Status, sqlx::Error> {
    let mut db = pool.acquire().await?;
    let figures: Figures = sqlx::query_as(
        "select current_setting('server_version') as version, \
             coalesce(host(inet_server_addr()) || ' ' || inet_server_port(), \
                 case when pg_has_role('pg_read_all_settings', 'usage') \
                      then current_setting('unix_socket_directories') end, \
                 'a Unix socket') as address, \
             current_database()::text as database, \
             pg_database_size(current_database()) as bytes, \
             (select count(*) from dead_letters) as dead_letters, \
             (select count(*) from open_requests) as open_requests, \
             (select min(created_at) from ai_requests) as oldest, \
             (select max(created_at) from ai_requests) as newest",
    )
    .fetch_one(&mut *db)
    .await?;
    let applied: Vec<(i64, OffsetDateTime)> =
        sqlx::query_as("select version, installed_on from _sqlx_migrations where success")
            .fetch_all(&mut *db)
            .await?;
    let spools = sqlx::query_as(
        "select spool_id, lane, segment, position, updated_at from spool_cursors \
         order by updated_at desc, spool_id, lane",
    )
    .fetch_all(&mut *db)
    .await?;
    let migrations = MIGRATOR.iter().map(|migration| Migration {
        version: migration.version,
        description: migration.description.to_string(),
        applied_at: applied
            .iter()
            .find(|(version, _)| *version == migration.version)
            .map(|(_, at)| *at),
    });
    Ok(Status {
        version: figures.version,
        address: figures.address,
        database: figures.database,
        bytes: figures.bytes,
        migrations: migrations.collect(),
        spools,
        dead_letters: figures.dead_letters,
        open_requests: figures.open_requests,
        oldest: figures.oldest,
        newest: figures.newest,
        kept_from: kept_from(&mut db, DETAIL).await?,
    })
}
