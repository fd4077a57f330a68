//! What an operator looks at: how long the log is, and how far it is covered.

use sqlx::PgPool;
use time::OffsetDateTime;
use uuid::Uuid;

use super::verify;

/// How the log stands. Nothing of it is checked: [`super::verify`] does that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Its id; none where there is no head.
    pub log: Option<Uuid>,
    /// How many events it has, those that retention dropped included.
    pub size: u64,
    /// How many of them retention dropped.
    pub dropped: u64,
    /// Events from before the log, which have no proof.
    pub before: u64,
    /// The last checkpoint: how many events it covers, and when it was made.
    pub checkpoint: Option<(u64, OffsetDateTime)>,
    /// How many checkpoints there are.
    pub checkpoints: u64,
    /// People that it names, and how many were erased.
    pub people: (u64, u64),
    /// Whether who writes the log may also take its fence down: then the tree
    /// alone protects it.
    pub owned: bool,
}

/// How the log stands.
///
/// # Errors
/// When the database fails.
pub async fn status(db: &PgPool) -> Result<Status, sqlx::Error> {
    let mut db = db.acquire().await?;
    let head = verify::head(&mut db).await?;
    let first = verify::first(&mut db).await?;
    let (before, checkpoints, people, erased, owned): (i64, i64, i64, i64, bool) = sqlx::query_as(
        "select (select count(*) from audit_events where seq < 0), \
             (select count(*) from audit_checkpoints), \
             (select count(*) from audit_people), \
             (select count(*) from audit_people where salt is null), \
             (select pg_has_role(relowner, 'usage') from pg_class \
              where oid = 'audit_events'::regclass)",
    )
    .fetch_one(&mut *db)
    .await?;
    let last: Option<(i64, OffsetDateTime)> =
        sqlx::query_as("select size, created_at from audit_checkpoints order by size desc limit 1")
            .fetch_optional(&mut *db)
            .await?;
    let size = head.as_ref().map_or(0, |head| head.size);
    Ok(Status {
        log: head.map(|head| head.log),
        size,
        dropped: first.unwrap_or(0),
        before: before.unsigned_abs(),
        checkpoint: last.map(|(size, at)| (size.unsigned_abs(), at)),
        checkpoints: checkpoints.unsigned_abs(),
        people: (people.unsigned_abs(), erased.unsigned_abs()),
        owned,
    })
}
