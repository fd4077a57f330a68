//! The cursor: how far a spool has been stored, kept by the database itself.

use sqlx::{PgConnection, PgPool, Row};
use systemprompt_capture::{Position, Spool};
use systemprompt_domain::ids::SpoolId;
use time::OffsetDateTime;

use super::WriterError;

/// A cursor that does not fit its spool.
#[derive(Debug, thiserror::Error)]
pub enum CursorError {
    /// Segments that were never stored are gone.
    #[error(
        "the database has stored the spool up to segment {stored}, but its oldest segment is \
         {oldest}: events in between are missing; start once with --accept-gap to go on without them"
    )]
    Behind {
        /// Segment in the database.
        stored: u64,
        /// First segment on disk.
        oldest: u64,
    },
    /// The database knows more than the disk.
    #[error(
        "the database has stored the spool up to segment {stored}, but its newest segment is \
         {newest}: the spool folder is older than the database; start once with --accept-gap to \
         go on with new events"
    )]
    Ahead {
        /// Segment in the database.
        stored: u64,
        /// Newest segment on disk.
        newest: u64,
    },
    /// Somebody else moved the cursor.
    #[error("another process is storing the same spool; stop it first")]
    Contested,
}

/// Where to go on. A spool that the database does not know starts at its first
/// segment.
pub(super) async fn find(
    pool: &PgPool,
    spool: &Spool,
    accept_gap: bool,
) -> Result<Position, WriterError> {
    let oldest = spool.oldest();
    let newest = spool.durable_end();
    let stored = read(&mut *pool.acquire().await?, spool).await?;
    let start = stored.unwrap_or(Position {
        segment: 1,
        offset: oldest.offset,
    });
    let problem = if start.segment < oldest.segment {
        Some(CursorError::Behind {
            stored: start.segment,
            oldest: oldest.segment,
        })
    } else if start > newest {
        Some(CursorError::Ahead {
            stored: start.segment,
            newest: newest.segment,
        })
    } else {
        None
    };
    let position = match problem {
        None => start,
        Some(problem) if !accept_gap => return Err(problem.into()),
        Some(problem) => {
            tracing::warn!(%problem, "going on, as --accept-gap says");
            if start < oldest { oldest } else { newest }
        }
    };
    if stored != Some(position) {
        sqlx::query(
            "insert into spool_cursors (spool_id, lane, segment, position, updated_at) \
             values ($1, $2, $3, $4, now()) \
             on conflict (spool_id, lane) do update set \
                 segment = excluded.segment, position = excluded.position, updated_at = now()",
        )
        .bind(spool.id().0)
        .bind(spool.lane())
        .bind(position.segment.cast_signed())
        .bind(position.offset.cast_signed())
        .execute(pool)
        .await?;
    }
    Ok(position)
}

async fn read(db: &mut PgConnection, spool: &Spool) -> Result<Option<Position>, sqlx::Error> {
    let row = sqlx::query(
        "select segment, position from spool_cursors where spool_id = $1 and lane = $2",
    )
    .bind(spool.id().0)
    .bind(spool.lane())
    .fetch_optional(db)
    .await?;
    row.map(|row| {
        Ok(Position {
            segment: row.try_get::<i64, _>(0)?.cast_unsigned(),
            offset: row.try_get::<i64, _>(1)?.cast_unsigned(),
        })
    })
    .transpose()
}

/// What moving the cursor came to.
pub(super) enum Moved {
    /// It moved: the batch is ours to store.
    Yes,
    /// It is there already: an earlier attempt was committed after all, and
    /// only its answer was lost.
    Already,
}

/// Moves the cursor inside the batch's transaction. While more visits wait, it says
/// up to when they are stored: sessions of later ones may go on.
pub(super) async fn advance(
    db: &mut PgConnection,
    spool: &Spool,
    (from, next): (Position, Position),
    stored_to: Option<OffsetDateTime>,
    now: OffsetDateTime,
) -> Result<Moved, WriterError> {
    let done = sqlx::query(
        "update spool_cursors set segment = $5, position = $6, updated_at = $7, stored_to = $8 \
         where spool_id = $1 and lane = $2 and segment = $3 and position = $4",
    )
    .bind(spool.id().0)
    .bind(spool.lane())
    .bind(from.segment.cast_signed())
    .bind(from.offset.cast_signed())
    .bind(next.segment.cast_signed())
    .bind(next.offset.cast_signed())
    .bind(now)
    .bind(stored_to)
    .execute(&mut *db)
    .await?;
    if done.rows_affected() == 1 {
        return Ok(Moved::Yes);
    }
    match read(db, spool).await? {
        Some(position) if position == next => Ok(Moved::Already),
        _ => Err(CursorError::Contested.into()),
    }
}

/// Forgets a spool's position.
pub(super) async fn forget(db: &PgPool, spool: SpoolId) -> Result<(), sqlx::Error> {
    sqlx::query("delete from spool_cursors where spool_id = $1")
        .bind(spool.0)
        .execute(db)
        .await?;
    Ok(())
}
