//! The keys of this process. The head says which log it is of, and so which keys
//! it takes: whatever appends need not be told, and cannot use others.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use sqlx::{PgConnection, PgPool};
use systemprompt_audit::{Frontier, Hash, Head, KeyError, Keys, Kind};
use uuid::Uuid;

static RING: RwLock<BTreeMap<Uuid, Arc<Keys>>> = RwLock::new(BTreeMap::new());

/// Why nothing can be appended to a database's log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The key file cannot be used.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// This machine does not have the keys.
    #[error(
        "the keys of the database's audit log ({log}) are not in {}: copy the file from the server that made it, or name it with audit.keys",
        .file.display()
    )]
    NoKeys {
        /// The log's id.
        log: Uuid,
        /// Where its keys should be.
        file: PathBuf,
    },
    /// The key file is of another log.
    #[error(
        "{} has keys of another audit log than the database's ({log}): put that one's key file there, or name it with audit.keys",
        .file.display()
    )]
    OtherKeys {
        /// The log's id.
        log: Uuid,
        /// The key file.
        file: PathBuf,
    },
    /// There is a log, but no head.
    #[error(
        "the audit log has lost its head (table audit_head), without which nothing is recorded; `systemprompt infra audit verify` says what is left: restore the database from a backup"
    )]
    NoHead,
    /// Somebody without the keys changed the head.
    #[error(
        "the audit log cannot be appended to: {0}; `systemprompt infra audit verify` says what is left"
    )]
    Head(Kind),
    /// The database fails.
    #[error("the audit log: {0}")]
    Database(#[from] sqlx::Error),
}

impl From<LogError> for sqlx::Error {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Database(error) => error,
            other => Self::InvalidArgument(other.to_string()),
        }
    }
}

/// Opens a database's log with the keys in a file, so that this process can
/// append to it. A database without a log gets one, and a missing file its keys.
///
/// # Errors
/// When the keys do not fit, or the database fails.
pub async fn open(db: &PgPool, file: &Path) -> Result<Arc<Keys>, LogError> {
    let mut db = db.acquire().await?;
    if let Some(log) = log_of(&mut db).await? {
        if let Some(keys) = of(log) {
            return Ok(keys);
        }
        if !file.exists() {
            let file = file.to_owned();
            return Err(LogError::NoKeys { log, file });
        }
        return fitting(Keys::load_or_make(file)?, log, file);
    }
    let begun = "select exists (select from audit_events where seq >= 0) \
                 or exists (select from audit_checkpoints)";
    if sqlx::query_scalar(begun).fetch_one(&mut *db).await? {
        return Err(LogError::NoHead);
    }
    let keys = Keys::load_or_make(file)?;
    make_head(&mut db, &keys).await?;
    // Another server may have been faster.
    let log = log_of(&mut db).await?.ok_or(LogError::NoHead)?;
    fitting(keys, log, file)
}

/// Begins a database's log with these keys, if it has none.
///
/// # Errors
/// When the database fails.
pub async fn begin(db: &PgPool, keys: &Keys) -> Result<(), sqlx::Error> {
    make_head(&mut *db.acquire().await?, keys).await?;
    enroll(keys.clone());
    Ok(())
}

/// The keys, which are those of `log`.
fn fitting(keys: Keys, log: Uuid, file: &Path) -> Result<Arc<Keys>, LogError> {
    if keys.log() == log {
        Ok(enroll(keys))
    } else {
        let file = file.to_owned();
        Err(LogError::OtherKeys { log, file })
    }
}

fn enroll(keys: Keys) -> Arc<Keys> {
    let keys = Arc::new(keys);
    let mut ring = RING.write().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(ring.entry(keys.log()).or_insert(keys))
}

/// The keys of a log, which this process has to have.
pub(super) fn keys(log: Uuid) -> Result<Arc<Keys>, LogError> {
    of(log).ok_or_else(|| LogError::NoKeys {
        log,
        file: "keys/audit".into(),
    })
}

/// The keys of a log, if this process has them.
pub(super) fn of(log: Uuid) -> Option<Arc<Keys>> {
    let ring = RING.read().unwrap_or_else(PoisonError::into_inner);
    ring.get(&log).map(Arc::clone)
}

async fn log_of(db: &mut PgConnection) -> Result<Option<Uuid>, sqlx::Error> {
    sqlx::query_scalar("select log_id from audit_head")
        .fetch_optional(db)
        .await
}

async fn make_head(db: &mut PgConnection, keys: &Keys) -> Result<(), sqlx::Error> {
    let head = Head::seal(keys, &Frontier::default());
    sqlx::query(
        "insert into audit_head (log_id, size, frontier, mac) values ($1, 0, '{}', $2) \
         on conflict do nothing",
    )
    .bind(head.log)
    .bind(&head.mac)
    .execute(db)
    .await?;
    Ok(())
}

/// A row of hashes as `audit_head` and `audit_checkpoints` keep it.
pub(super) fn hashes(stored: Vec<Vec<u8>>) -> Option<Vec<Hash>> {
    let hash = |bytes: Vec<u8>| bytes.try_into().ok().map(Hash);
    stored.into_iter().map(hash).collect()
}

/// The head as it is stored.
pub(super) fn head((log, size, frontier, mac): StoredHead) -> Head {
    Head {
        log,
        size: size.cast_unsigned(),
        // One hash too many fits no size.
        frontier: hashes(frontier).unwrap_or_else(|| vec![Hash::empty(); 65]),
        mac,
    }
}

/// `log_id, size, frontier, mac` of `audit_head`.
pub(super) type StoredHead = (Uuid, i64, Vec<Vec<u8>>, Vec<u8>);
