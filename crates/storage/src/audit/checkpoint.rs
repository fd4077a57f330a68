//! Checkpoints: what the log's key says of it, in the database and, one line
//! each, in a file outside of it (the anchor).

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use sqlx::{Connection as _, PgConnection, PgPool};
use systemprompt_audit::{Anchor, Checkpoint, Frontier, Head, Keys};
use tokio::time::sleep;

use super::append::stored;
use super::ring::{self, LogError, StoredHead};
use crate::partitions::AUDIT_PARTITION;

/// How often a log that grew is covered.
const ROUND: Duration = Duration::from_secs(60);
/// An anchor that says nothing for longer leaves it open whether anybody looks.
const SILENCE: u64 = 3_600;
/// How long an anchor grows: some five weeks at a line a minute.
const MOST_BYTES: u64 = 8 << 20;
/// Held by whoever makes a checkpoint.
const LOCK: i64 = 0x6368_6563_6b70;

/// Why there is no checkpoint.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The log cannot be signed.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The anchor cannot be written.
    #[error("the audit log's anchor {}: {}", .0.display(), .1)]
    Anchor(PathBuf, #[source] io::Error),
}

impl From<sqlx::Error> for CheckpointError {
    fn from(error: sqlx::Error) -> Self {
        Self::Log(error.into())
    }
}

/// A checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// How many events it covers.
    pub size: u64,
    /// What was signed.
    pub note: String,
    /// Whether it was not there before.
    pub new: bool,
}

/// Whether a log of that size fills its partitions: retention may cut it there,
/// so the event that makes it so brings a checkpoint.
#[must_use]
pub const fn is_partition_end(size: u64) -> bool {
    size > 0 && size.is_multiple_of(AUDIT_PARTITION.cast_unsigned())
}

/// Covers everything that was appended with a checkpoint, and writes it to the
/// anchor, unless both have it. `None` where another process is about it.
///
/// # Errors
/// When the head is not the key's, the database fails, or the anchor cannot be
/// written; then the next one writes it.
pub async fn checkpoint(
    db: &PgPool,
    keys: &Keys,
    anchor: &AnchorFile,
) -> Result<Option<Made>, CheckpointError> {
    let mut db = db.acquire().await?;
    let mut tx = db.begin().await?;
    let mine: bool = sqlx::query_scalar("select pg_try_advisory_xact_lock($1)")
        .bind(LOCK)
        .fetch_one(&mut *tx)
        .await?;
    if !mine {
        return Ok(None);
    }
    let tree = head(&mut tx).await?.open(keys).map_err(LogError::Head)?;
    let (note, new) = store(&mut tx, keys, &tree).await?;
    tx.commit().await?;
    anchor.note(&note).map_err(|error| anchor.failed(error))?;
    Ok(Some(Made {
        size: tree.size(),
        note,
        new,
    }))
}

/// The same with this process's keys, after whoever is about it now: until it returns,
/// what was appended before is covered.
pub(crate) async fn checkpoint_waiting(
    db: &mut PgConnection,
    anchor: &AnchorFile,
) -> Result<(), sqlx::Error> {
    let mut tx = db.begin().await?;
    sqlx::query("select pg_advisory_xact_lock($1)")
        .bind(LOCK)
        .execute(&mut *tx)
        .await?;
    let head = head(&mut tx).await?;
    let keys = ring::keys(head.log)?;
    let tree = head.open(&keys).map_err(LogError::Head)?;
    let (note, _) = store(&mut tx, &keys, &tree).await?;
    tx.commit().await?;
    let noted = anchor.note(&note);
    noted.map_err(|error| sqlx::Error::Io(io::Error::other(anchor.failed(error))))
}

/// Signs a checkpoint and keeps it, unless there is one of that size; what was signed,
/// and whether it is new.
pub(super) async fn store(
    db: &mut PgConnection,
    keys: &Keys,
    tree: &Frontier,
) -> Result<(String, bool), sqlx::Error> {
    let note = Checkpoint::sign(keys, tree);
    let inserted = sqlx::query(
        "insert into audit_checkpoints (size, note, frontier, created_at) \
         values ($1, $2, $3, clock_timestamp()) on conflict (size) do nothing",
    )
    .bind(tree.size().cast_signed())
    .bind(&note)
    .bind(stored(tree.hashes()))
    .execute(db)
    .await?;
    Ok((note, inserted.rows_affected() == 1))
}

/// The head, without keeping others from appending.
async fn head(db: &mut PgConnection) -> Result<Head, LogError> {
    let head: Option<StoredHead> =
        sqlx::query_as("select log_id, size, frontier, mac from audit_head")
            .fetch_optional(db)
            .await?;
    Ok(ring::head(head.ok_or(LogError::NoHead)?))
}

/// Covers the log at once and then every minute, for ever. Any number of servers
/// may do so; each has an anchor of its own.
pub async fn tend(db: PgPool, keys: Arc<Keys>, anchor: AnchorFile) {
    loop {
        if let Err(error) = checkpoint(&db, &keys, &anchor).await {
            tracing::warn!(%error, "the audit log has no new checkpoint");
        }
        sleep(ROUND).await;
    }
}

/// The anchor: a file of checkpoints outside the database, one a line.
#[derive(Clone, Debug)]
pub struct AnchorFile(PathBuf);

impl AnchorFile {
    /// The anchor in this file, which is made when there is something to write.
    #[must_use]
    pub const fn new(file: PathBuf) -> Self {
        Self(file)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Its lines; none if there is no such file. A last line without an end was
    /// cut off by a crash and says nothing.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn lines(&self) -> io::Result<Vec<String>> {
        let bytes = match fs::read(&self.0) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        // What is no text is no line of ours: the verifier will say so.
        let text = String::from_utf8_lossy(&bytes);
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        Ok(whole.lines().map(str::to_owned).collect())
    }

    fn failed(&self, error: io::Error) -> CheckpointError {
        CheckpointError::Anchor(self.0.clone(), error)
    }

    /// Appends a checkpoint, unless it is the last line and was written within
    /// the hour.
    fn note(&self, note: &str) -> io::Result<()> {
        let Some(line) = Anchor::of(note).map(|anchor| format!("{anchor}\n")) else {
            return Ok(());
        };
        let folder = self.0.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        // Held while the file is written or replaced by a shorter one.
        let held = File::open(folder)?;
        held.lock()?;
        let made = !self.0.exists();
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o644)
            .open(&self.0)?;
        let end = whole_lines(&mut file)?;
        if end >= line.len() as u64 {
            file.seek(SeekFrom::Start(end - line.len() as u64))?;
            let mut last = vec![0; line.len()];
            file.read_exact(&mut last)?;
            let said = file.metadata()?.modified()?;
            let silent = SystemTime::now().duration_since(said).unwrap_or_default();
            if last == line.as_bytes() && silent.as_secs() < SILENCE {
                return Ok(());
            }
        }
        file.set_len(end)?;
        file.seek(SeekFrom::Start(end))?;
        file.write_all(line.as_bytes())?;
        file.sync_all()?;
        let grown = end + line.len() as u64 > MOST_BYTES;
        if grown {
            self.thin()?;
        }
        if made || grown {
            held.sync_all()?;
        }
        Ok(())
    }

    /// Replaces the file by one without lines that newer ones make superfluous: whoever
    /// checks the log against a line checks all that came before it. So the newer half
    /// stays, and of the older one every tenth, to tell where to look.
    fn thin(&self) -> io::Result<()> {
        let lines = self.lines()?;
        let older = lines.len() / 2;
        let kept = lines
            .iter()
            .enumerate()
            .filter(|(n, _)| *n >= older || n % 10 == 0);
        let text: String = kept.map(|(_, line)| format!("{line}\n")).collect();
        let new = self.0.with_added_extension("new");
        fs::write(&new, text)?;
        File::open(&new)?.sync_all()?;
        fs::rename(&new, &self.0)
    }
}

/// Where the last whole line ends: what follows was cut off by a crash.
fn whole_lines(file: &mut File) -> io::Result<u64> {
    /// Longer than any line of ours.
    const TAIL: u64 = 4_096;
    let length = file.metadata()?.len();
    let start = length.saturating_sub(TAIL);
    file.seek(SeekFrom::Start(start))?;
    let mut tail = Vec::new();
    file.take(TAIL).read_to_end(&mut tail)?;
    let end = tail.iter().rposition(|byte| *byte == b'\n');
    Ok(end.map_or(if start == 0 { 0 } else { length }, |at| {
        start + at as u64 + 1
    }))
}

#[cfg(test)]
mod tests {
    use systemprompt_audit::Hash;

    use super::*;

    #[test]
    fn the_anchor_does_not_grow_for_ever() {
        let folder = tempfile::tempdir().expect("a folder");
        let anchor = AnchorFile::new(folder.path().join("anchor"));
        let keys = Keys::generate();
        let mut tree = Frontier::default();
        let mut next = || {
            tree.push(Hash::leaf(b"event"));
            Checkpoint::sign(&keys, &tree)
        };
        let line = Anchor::of(&next()).expect("a line").to_string();
        // As good as full: what was written long ago, told apart by its first word.
        let full = usize::try_from(MOST_BYTES).expect("fits") / line.len();
        let old: String = (0..full)
            .map(|n| format!("{n} {}\n", &line[..line.len() - 8]))
            .collect();
        fs::write(anchor.path(), &old).expect("written");
        let (mut longest, mut last) = (0, String::new());
        while longest < MOST_BYTES {
            last = next();
            anchor.note(&last).expect("written");
            let before = longest;
            longest = fs::metadata(anchor.path()).expect("there").len();
            if longest < before {
                break;
            }
        }
        let lines = anchor.lines().expect("read");
        let half = full / 2;
        assert!(
            lines.len() > half && lines.len() < half * 6 / 5 + 100,
            "{}",
            lines.len()
        );
        assert!(
            lines[0].starts_with("0 ") && lines[1].starts_with("10 "),
            "{lines:?}"
        );
        let newest = Anchor::of(&last).expect("a line").to_string();
        assert_eq!(lines.last(), Some(&newest), "the newest is never lost");
        assert!(!folder.path().join("anchor.new").exists());
    }

    #[test]
    fn the_anchor_says_each_checkpoint_once_and_mends_what_a_crash_cut_off() {
        let folder = tempfile::tempdir().expect("a folder");
        let anchor = AnchorFile::new(folder.path().join("audit/anchor"));
        assert!(anchor.lines().expect("none yet").is_empty());
        let keys = Keys::generate();
        let mut tree = Frontier::default();
        let mut notes = Vec::new();
        for _ in 0..3 {
            let note = Checkpoint::sign(&keys, &tree);
            anchor.note(&note).expect("written");
            anchor.note(&note).expect("written already");
            notes.push(note);
            tree.push(Hash::leaf(b"event"));
        }
        let lines = || anchor.lines().expect("read");
        let expected: Vec<String> = notes
            .iter()
            .filter_map(|note| Anchor::of(note).map(|anchor| anchor.to_string()))
            .collect();
        assert_eq!(lines(), expected);
        let mut file = OpenOptions::new()
            .append(true)
            .open(anchor.path())
            .expect("there");
        file.write_all(b"systemprompt/audit/0193 17 cut")
            .expect("written");
        assert_eq!(lines(), expected, "a line without an end says nothing");
        anchor.note(&notes[0]).expect("written");
        assert_eq!(lines().len(), 4);
        // An hour later the same is worth saying again.
        let hour = SystemTime::now() - Duration::from_secs(2 * SILENCE);
        file.set_modified(hour).expect("set back");
        anchor.note(&notes[0]).expect("written");
        assert_eq!(lines().len(), 5);
    }
}
