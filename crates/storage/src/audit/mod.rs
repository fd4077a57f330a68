//! The audit log in PostgreSQL: events are appended here and nowhere else,
//! covered by signed checkpoints, verified and proved. `docs/audit-log.md` has
//! the format, `systemprompt-audit` the tree.
//!
//! The head is one row that whoever appends locks until the commit: its order is
//! the log's. So that nobody deadlocks, locks are taken in one order: rows and
//! rollups, conversations, accounts of budgets, and last the head; people and the
//! counts of audit events are written only under it. What is appended goes into
//! the transaction that changes something, as its last statement. Batches give the
//! head back before their commit is on disk, and wait for that afterwards.

mod append;
mod checkpoint;
pub(crate) mod digest;
mod entry;
mod export;
mod people;
mod prove;
mod read;
mod ring;
mod sample;
mod status;
mod verify;

use sqlx::PgConnection;

pub(crate) use self::append::{append, append_all, append_batch, lock, synced};
pub(crate) use self::checkpoint::checkpoint_waiting;
pub use self::checkpoint::{AnchorFile, CheckpointError, Made, checkpoint, is_partition_end, tend};
pub(crate) use self::entry::Entry;
pub use self::export::{ExportError, Exported, Wanted, export};
pub use self::people::{Erased, erase};
pub use self::prove::{Proof, ProveError, prove};
pub use self::ring::{LogError, begin, open};
#[doc(hidden)]
pub use self::sample::append_sample;
pub use self::status::{Status, status};
pub use self::verify::{Faults, Options, Verdict, verify, verify_in};

/// How many events the log has.
pub(crate) async fn size(db: &mut PgConnection) -> Result<i64, sqlx::Error> {
    let size: Option<i64> = sqlx::query_scalar("select size from audit_head")
        .fetch_optional(db)
        .await?;
    Ok(size.unwrap_or_default())
}
