//! Log lines of servers: kept by the batch, read by the page.

use serde::Serialize;
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgPool, Row};
use systemprompt_domain::TraceId;
use time::{OffsetDateTime, UtcOffset};
use uuid::Uuid;

use crate::open::took_too_long;
use crate::partitions::Partitions;

/// How much a line matters, the most first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Something is lost or broken.
    Error,
    /// Something went wrong and was dealt with.
    Warn,
    /// What the server does.
    Info,
}

impl Level {
    /// Every level, in order.
    pub const ALL: [Self; 3] = [Self::Error, Self::Warn, Self::Info];

    /// Its name in the database and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
        }
    }
}

/// One line of a server's log.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// Its own id; a `UUIDv7`.
    pub id: Uuid,
    /// When it was said.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// How much it matters.
    pub level: Level,
    /// The module that said it.
    pub target: String,
    /// What it says. Nothing in it has to be escaped for a terminal or a log.
    pub message: String,
    /// The trace that was worked on.
    #[serde(serialize_with = "as_trace")]
    pub trace_id: Option<Uuid>,
    /// The request that was worked on.
    pub request_id: Option<Uuid>,
    /// What it says besides, by name; an object.
    pub fields: Option<Value>,
}

/// As everywhere, trace ids have no hyphens.
fn as_trace<S: serde::Serializer>(id: &Option<Uuid>, serializer: S) -> Result<S::Ok, S::Error> {
    id.map(|id| TraceId(id).to_string()).serialize(serializer)
}

impl FromRow<'_, PgRow> for Line {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let level: &str = row.try_get("level")?;
        let level = Level::ALL.into_iter().find(|known| known.as_str() == level);
        Ok(Self {
            id: row.try_get("id")?,
            created_at: row
                .try_get::<OffsetDateTime, _>("created_at")?
                .to_offset(UtcOffset::UTC),
            level: level.ok_or_else(|| sqlx::Error::Decode("an unknown level".into()))?,
            target: row.try_get("target")?,
            message: row.try_get("message")?,
            trace_id: row.try_get("trace_id")?,
            request_id: row.try_get("request_id")?,
            fields: row.try_get("fields")?,
        })
    }
}

/// Where a server's lines are kept.
#[derive(Debug)]
pub struct Logs {
    pool: PgPool,
    partitions: Partitions,
}

impl Logs {
    /// Keeps lines through these connections.
    #[must_use]
    pub fn new(pool: PgPool) -> Self {
        Self {
            pool,
            partitions: Partitions::default(),
        }
    }

    /// Keeps lines, each once however often it is given.
    ///
    /// # Errors
    /// When the database cannot be reached, or refuses them.
    pub async fn append(&mut self, lines: &[Line]) -> Result<(), sqlx::Error> {
        let mut db = self.pool.acquire().await?;
        let day = |line: &Line| line.created_at.to_offset(UtcOffset::UTC).date();
        let now = OffsetDateTime::now_utc();
        self.partitions
            .ensure(&mut db, lines.iter().map(day), now)
            .await?;
        let column = |of: fn(&Line) -> &str| lines.iter().map(of).collect::<Vec<_>>();
        let id = |of: fn(&Line) -> Option<Uuid>| lines.iter().map(of).collect::<Vec<_>>();
        sqlx::query(include_str!("logs/append.sql"))
            .bind(lines.iter().map(|line| line.id).collect::<Vec<_>>())
            .bind(lines.iter().map(|line| line.created_at).collect::<Vec<_>>())
            .bind(column(|line| line.level.as_str()))
            .bind(column(|line| &line.target))
            .bind(column(|line| &line.message))
            .bind(id(|line| line.trace_id))
            .bind(id(|line| line.request_id))
            .bind(lines.iter().map(|line| &line.fields).collect::<Vec<_>>())
            .execute(&mut *db)
            .await?;
        Ok(())
    }
}

/// Which end of a period is read first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// From the end of the period back.
    NewestFirst,
    /// As it happened.
    OldestFirst,
}

/// Which lines are wanted: those that match everything that is given.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The first moment.
    pub since: OffsetDateTime,
    /// The first moment that no longer counts.
    pub until: OffsetDateTime,
    /// The least level: what matters less is left out.
    pub level: Level,
    /// A part of the target.
    pub target: Option<String>,
    /// The first and the last trace id.
    pub trace: Option<[Uuid; 2]>,
    /// Text in the message or the fields, in either case.
    pub text: Option<String>,
}

/// Why lines cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LogsError {
    /// There are too many to look at.
    #[error("reading the log lines took too long: ask about a shorter period (--since, --until)")]
    TooLong,
    /// The database fails.
    #[error("the log lines cannot be read: {0}")]
    Database(sqlx::Error),
}

impl From<sqlx::Error> for LogsError {
    fn from(error: sqlx::Error) -> Self {
        if took_too_long(&error) {
            Self::TooLong
        } else {
            Self::Database(error)
        }
    }
}

/// Reads at most `limit` lines, from beyond the line `after`.
///
/// # Errors
/// When the database fails or takes too long.
pub async fn read(
    pool: &PgPool,
    wanted: &Wanted,
    order: Order,
    after: Option<&Line>,
    limit: usize,
) -> Result<Vec<Line>, LogsError> {
    let sql = match order {
        Order::NewestFirst => concat!(
            include_str!("logs/read.sql"),
            "and ($8::timestamptz is null or (created_at, id) < ($8, $9::uuid)) \
             order by created_at desc, id desc limit $10"
        ),
        Order::OldestFirst => concat!(
            include_str!("logs/read.sql"),
            "and ($8::timestamptz is null or (created_at, id) > ($8, $9::uuid)) \
             order by created_at, id limit $10"
        ),
    };
    let levels = Level::ALL
        .into_iter()
        .filter(|level| *level <= wanted.level);
    let [first, last] = wanted.trace.map_or([None; 2], |ids| ids.map(Some));
    let lines = sqlx::query_as(sql)
        .bind(wanted.since)
        .bind(wanted.until)
        .bind(levels.map(Level::as_str).collect::<Vec<_>>())
        .bind(&wanted.target)
        .bind(first)
        .bind(last)
        .bind(&wanted.text)
        .bind(after.map(|line| line.created_at))
        .bind(after.map(|line| line.id))
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(pool)
        .await?;
    Ok(lines)
}
