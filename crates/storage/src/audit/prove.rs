//! Proofs that an event is in the log, for those who have no access to it.

use serde::{Deserialize, Serialize};
use sqlx::{Connection as _, PgConnection, PgPool};
use systemprompt_audit::{
    Checkpoint, Frontier, Hash, NoteError, Prover, PublicKey, check_inclusion,
};
use systemprompt_domain::ids::time_of;
use uuid::Uuid;

use super::{read, verify};

/// Clocks of servers differ by no more than this.
const CLOCKS: time::Duration = time::Duration::minutes(1);

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    /// The log has no such event.
    #[error("the audit log has no event {0}; `systemprompt analytics audit list` shows them")]
    Unknown(String),
    /// The event has no proof.
    #[error("event {0} was recorded before the log was begun, so nothing proves it")]
    Before(i64),
    /// No checkpoint covers the event yet.
    #[error("no checkpoint covers event {0} yet; run `systemprompt infra audit checkpoint`")]
    Uncovered(u64),
    /// The log was tampered with.
    #[error("the log is not sound: run `systemprompt infra audit verify`")]
    Unsound,
    /// The database fails.
    #[error("the audit log: {0}")]
    Database(#[from] sqlx::Error),
}

/// A proof that the log has an event. It can be checked without the database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// The event's text, as it was hashed.
    pub event: String,
    /// Its number.
    pub index: u64,
    /// How many events the checkpoint covers.
    pub size: u64,
    /// The hashes of RFC 6962, 2.1.1, in base64.
    pub inclusion: Vec<String>,
    /// The signed checkpoint.
    pub checkpoint: String,
    /// The log's public key.
    pub key: String,
}

/// Why a proof proves nothing.
#[derive(Debug, thiserror::Error)]
pub enum Disproof {
    /// Its checkpoint is not the key's.
    #[error("its checkpoint {0}")]
    Checkpoint(#[from] NoteError),
    /// The checkpoint covers another number of events.
    #[error("its checkpoint covers {0} events")]
    OtherSize(u64),
    /// The hashes do not lead from the event to the root.
    #[error("its hashes do not lead from the event to the checkpoint's root")]
    Hashes,
}

impl Proof {
    /// Checks it against the log's public key.
    ///
    /// # Errors
    /// Why it proves nothing.
    pub fn check(&self, key: &PublicKey) -> Result<(), Disproof> {
        let checkpoint = Checkpoint::open(&self.checkpoint, key)?;
        if checkpoint.size != self.size {
            return Err(Disproof::OtherSize(checkpoint.size));
        }
        let hashes = self.inclusion.iter().map(|hash| Hash::from_base64(hash));
        let hashes: Option<Vec<Hash>> = hashes.collect();
        let leaf = Hash::leaf(self.event.as_bytes());
        let root = checkpoint.root;
        let proven = hashes
            .is_some_and(|hashes| check_inclusion(leaf, self.index, self.size, root, &hashes));
        if proven {
            Ok(())
        } else {
            Err(Disproof::Hashes)
        }
    }
}

/// Proves an event, given by its number or its id, and tells how many of how many events
/// were hashed for it.
///
/// # Errors
/// When there is no such event, no checkpoint covers it, or the database fails.
pub async fn prove(
    db: &PgPool,
    key: &PublicKey,
    event: &str,
    progress: impl FnMut(u64, u64),
) -> Result<Proof, ProveError> {
    let mut db = db.acquire().await?.detach();
    let mut tx = db.begin().await?;
    sqlx::raw_sql(
        "set transaction isolation level repeatable read, read only; \
         set local statement_timeout = 0",
    )
    .execute(&mut *tx)
    .await?;
    let proof = find_and_prove(&mut tx, key, event, progress).await;
    drop(tx);
    let _ = db.close_hard().await;
    proof
}

async fn find_and_prove(
    db: &mut PgConnection,
    key: &PublicKey,
    event: &str,
    mut progress: impl FnMut(u64, u64),
) -> Result<Proof, ProveError> {
    let unknown = || ProveError::Unknown(event.to_owned());
    let index = match (event.parse::<i64>(), event.parse::<Uuid>()) {
        (Ok(number), _) => u64::try_from(number).map_err(|_| ProveError::Before(number))?,
        (_, Ok(id)) => find(db, id).await?.ok_or_else(unknown)?,
        _ => return Err(unknown()),
    };
    let body: Option<String> = sqlx::query_scalar("select body from audit_events where seq = $1")
        .bind(index.cast_signed())
        .fetch_optional(&mut *db)
        .await?;
    let body = body.ok_or_else(unknown)?;
    let covering: Option<(i64, String)> = sqlx::query_as(
        "select size, note from audit_checkpoints where size > $1 order by size limit 1",
    )
    .bind(index.cast_signed())
    .fetch_optional(&mut *db)
    .await?;
    let (size, note) = covering.ok_or(ProveError::Uncovered(index))?;
    let size = size.cast_unsigned();
    let floor = match verify::first(db).await? {
        Some(first) if first > 0 => {
            let hashes = verify::checkpoint(db, first).await?;
            let (hashes, _) = hashes.ok_or(ProveError::Unsound)?;
            Frontier::new(first, hashes).map_err(|_| ProveError::Unsound)?
        }
        _ => Frontier::default(),
    };
    let mut prover = Prover::inclusion(index, size, &floor).map_err(|_| unknown())?;
    read::texts(db, floor.size(), size, |seq, text| {
        prover.push(seq, Hash::leaf(text.as_bytes()));
        progress(seq.saturating_sub(floor.size()), size - floor.size());
        true
    })
    .await?;
    let inclusion = prover.finish().ok_or(ProveError::Unsound)?;
    let proof = Proof {
        event: body,
        index,
        size,
        inclusion: inclusion.iter().map(ToString::to_string).collect(),
        checkpoint: note,
        key: key.to_string(),
    };
    // Whoever tampered with the log does not get a proof of it.
    proof.check(key).map_err(|_| ProveError::Unsound)?;
    Ok(proof)
}

/// The number of the event with that id. There is no index of ids: they rise
/// with the numbers, but for what clocks differ, so the place is found by halves.
async fn find(db: &mut PgConnection, id: Uuid) -> Result<Option<u64>, sqlx::Error> {
    let Some(at) = time_of(id) else {
        return Ok(None);
    };
    let Some(first) = verify::first(db).await? else {
        return Ok(None);
    };
    let size = verify::head(db).await?.map_or(0, |head| head.size);
    let mut ends = [0; 2];
    for (end, bound) in ends.iter_mut().zip([at - CLOCKS, at + CLOCKS]) {
        let (mut low, mut high) = (first, size);
        while low < high {
            let middle = low + (high - low) / 2;
            let there: Option<Option<Uuid>> =
                sqlx::query_scalar("select id from audit_events where seq = $1")
                    .bind(middle.cast_signed())
                    .fetch_optional(&mut *db)
                    .await?;
            let recorded = there.flatten().and_then(time_of);
            if recorded.is_some_and(|recorded| recorded < bound) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        *end = low;
    }
    let found: Option<i64> = sqlx::query_scalar(
        "select seq from audit_events where seq >= $1 and seq <= $2 and id = $3 limit 1",
    )
    .bind(ends[0].cast_signed())
    .bind(ends[1].cast_signed())
    .bind(id)
    .fetch_optional(db)
    .await?;
    Ok(found.map(i64::cast_unsigned))
}
