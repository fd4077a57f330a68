//! The expired beginning of the audit trail. What is left must still be provable
//! without it, so it ends where a checkpoint was signed, or does not go.

use serde_json::json;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use time::OffsetDateTime;

use super::Occasion;
use super::days::{applied, unless_busy};
use crate::audit::{append, checkpoint_waiting};
use crate::partitions::{self, AUDIT_PARTITION, Part, Partition};

/// The partitions at the beginning of the trail of which all events are older
/// than `before` and whose end is a checkpoint.
pub(super) async fn expired(
    db: &mut PgConnection,
    before: OffsetDateTime,
) -> Result<Vec<Partition>, sqlx::Error> {
    let mut expired = Vec::new();
    for partition in partitions::list(db).await? {
        let Some(end) = end(&partition) else {
            continue;
        };
        // What was recorded before the log needs no proof.
        let provable = end == 0 || is_checkpoint(db, end).await?;
        if !(provable && is_older(db, &partition, before).await?) {
            break;
        }
        expired.push(partition);
    }
    Ok(expired)
}

/// The number of the first event after a partition of the trail.
fn end(partition: &Partition) -> Option<i64> {
    match partition.part {
        Part::Range(n) => Some((n + 1).saturating_mul(AUDIT_PARTITION)),
        Part::Day(_) => None,
    }
}

/// Appends, once, where the trail is about to begin: a verifier has to meet that
/// event, as somebody else who drops partitions could not have made it. It comes
/// first, in case only a part of the rest is done, and it is covered by a checkpoint
/// here and in the anchor before anything goes. `false` where somebody else has been
/// making checkpoints for too long.
pub(super) async fn announce(
    db: &mut PgConnection,
    partition: &Partition,
    occasion: Occasion<'_>,
) -> Result<bool, sqlx::Error> {
    let Some(end) = end(partition).filter(|end| *end > 0) else {
        return Ok(true);
    };
    let said: bool = sqlx::query_scalar(
        "select exists (select from audit_events \
             where seq >= $1 and category = 'administration' and event = 'retention_applied' \
               and detail -> 'audit_floor' = to_jsonb($1))",
    )
    .bind(end)
    .fetch_one(&mut *db)
    .await?;
    if said {
        // By a run that was interrupted, perhaps before it was covered.
        return unless_busy(checkpoint_waiting(db, occasion.anchor).await);
    }
    let detail = json!({
        "table": partition.table,
        "partition": partition.name,
        "audit_floor": end,
    });
    let mut tx = db.begin().await?;
    append(&mut tx, applied(occasion, &detail)).await?;
    tx.commit().await?;
    unless_busy(checkpoint_waiting(db, occasion.anchor).await)
}

/// Whether a checkpoint was signed over the trail up to `end`.
async fn is_checkpoint(db: &mut PgConnection, end: i64) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select exists (select from audit_checkpoints where size = $1)")
        .bind(end)
        .fetch_one(db)
        .await
}

/// Whether a partition has events, all of them older.
async fn is_older(
    db: &mut PgConnection,
    partition: &Partition,
    before: OffsetDateTime,
) -> Result<bool, sqlx::Error> {
    let sql = format!("select max(created_at) from {}", partition.name);
    let newest: Option<OffsetDateTime> =
        sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(db).await?;
    Ok(newest.is_some_and(|newest| newest < before))
}
