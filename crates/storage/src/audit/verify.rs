//! Verifying the log as it is stored: head, checkpoints and anchor, then every
//! event, as of one moment, while others go on appending.

use std::collections::BTreeSet;

use serde_json::Value;
use sqlx::{Connection as _, PgConnection, PgPool};
use systemprompt_audit::{
    Checkpoint, Finding, Floor, Frontier, Head, Keys, Kind, Row, Summary, Verifier,
};
use uuid::Uuid;

use super::ring::{self, StoredHead};
use super::{people, read};
use crate::writer::rows;

/// Events whose requests are looked up together.
const PAGE: i64 = 2_000;
/// Faults that are told, of each kind: whoever has so many need not read on.
const MOST: usize = 1_000;
/// Events after which progress is told.
const STEP: u64 = 50_000;

/// What is verified.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options<'a> {
    /// Lines of anchors.
    pub anchors: &'a [String],
    /// Events before this checkpoint are left out.
    pub from: Option<u64>,
    /// Whether the rows of requests are compared with their digests, too.
    pub rows: bool,
}

/// What came of it.
#[derive(Debug)]
pub enum Verdict {
    /// The log is sound.
    Sound {
        /// What it has.
        summary: Summary,
        /// Rows of requests that were compared.
        rows: u64,
        /// Events of requests whose rows are not there: sampling left them out,
        /// or retention removed them.
        gone: u64,
    },
    /// It is not.
    Unsound(Faults),
}

/// What is wrong with a log.
#[derive(Debug, Default)]
pub struct Faults {
    /// In the log itself. Behind the first that is about its events there may be
    /// more.
    pub findings: Vec<Finding>,
    /// Requests whose rows are not those that were recorded, by the numbers of
    /// their events.
    pub rows: Vec<(u64, Uuid)>,
    /// Pseudonyms that were given to somebody else, or forgotten without an event
    /// that says so.
    pub people: Vec<String>,
}

impl Faults {
    fn is_none(&self) -> bool {
        self.findings.is_empty() && self.rows.is_empty() && self.people.is_empty()
    }
}

impl From<Finding> for Faults {
    fn from(finding: Finding) -> Self {
        Self {
            findings: vec![finding],
            ..Self::default()
        }
    }
}

/// Verifies the log. Progress is told by events: so many of so many.
///
/// # Errors
/// When the database fails; what is wrong with the log is an answer.
pub async fn verify(
    db: &PgPool,
    keys: &Keys,
    options: Options<'_>,
    progress: impl FnMut(u64, u64),
) -> Result<Verdict, sqlx::Error> {
    // After a finding there may be rows on their way, so it is not given back.
    let mut db = db.acquire().await?.detach();
    let mut tx = db.begin().await?;
    sqlx::raw_sql(
        "set transaction isolation level repeatable read, read only; \
         set local statement_timeout = 0; set local idle_in_transaction_session_timeout = 0",
    )
    .execute(&mut *tx)
    .await?;
    let verdict = verify_in(&mut tx, keys, options, progress).await;
    drop(tx);
    let _ = db.close_hard().await;
    verdict
}

/// Verifies the log as a transaction sees it, which should see one moment. After a
/// finding its connection is of no more use: rows may still be on their way.
///
/// # Errors
/// When the database fails.
pub async fn verify_in(
    db: &mut PgConnection,
    keys: &Keys,
    options: Options<'_>,
    mut progress: impl FnMut(u64, u64),
) -> Result<Verdict, sqlx::Error> {
    let head = head(db).await?;
    let size = head.as_ref().map_or(0, |head| head.size);
    let mut verifier = match Verifier::new(keys, head.as_ref()) {
        Ok(verifier) => verifier,
        Err(finding) => return Ok(Verdict::Unsound(finding.into())),
    };
    let mut faults = Faults::default();
    let floor = first(db).await?.filter(|first| *first > 0);
    let from = options.from.filter(|from| Some(*from) > floor);
    let start = from.or(floor).unwrap_or(0);
    if start > 0 {
        let checkpoint = checkpoint(db, start).await?;
        let floor = Floor {
            size: start,
            checkpoint,
        };
        let begun = match from {
            Some(_) => verifier.begin(floor),
            None => verifier.floor(floor),
        };
        if let Err(finding) = begun {
            return Ok(Verdict::Unsound(finding.into()));
        }
    }
    let checkpoints: Vec<(i64, String, Vec<Vec<u8>>)> =
        sqlx::query_as("select size, note, frontier from audit_checkpoints order by size")
            .fetch_all(&mut *db)
            .await?;
    for (size, text, hashes) in checkpoints {
        let size = size.cast_unsigned();
        let checked = verifier.checkpoint(size, &text);
        let checked = checked.and_then(|()| frontier(keys, size, &text, hashes));
        faults.findings.extend(checked.err());
    }
    for line in options.anchors {
        faults.findings.extend(verifier.anchor(line).err());
    }

    let (mut runs, mut erased) = (BTreeSet::new(), BTreeSet::new());
    let mut ended = true;
    read::rows(db, start, |row| {
        let result = verifier.row(row);
        // The text of a changed column is sound: what follows can be judged.
        let goes_on = match &result {
            Err(finding) => matches!(finding.kind, Kind::ColumnDiffers { .. }),
            Ok(()) => true,
        };
        let goes_on = goes_on && faults.findings.len() < MOST;
        ended = goes_on;
        faults.findings.extend(result.err());
        runs.extend(told(row, "costs_recomputed", "run").and_then(|run| run.parse::<Uuid>().ok()));
        erased.extend(told(row, "user_erased", "erased"));
        if row.seq % STEP == 0 {
            progress(row.seq, size);
        }
        goes_on
    })
    .await?;
    if !ended {
        return Ok(Verdict::Unsound(faults));
    }
    let summary = match verifier.finish() {
        Ok(summary) => summary,
        Err(finding) => {
            faults.findings.push(finding);
            return Ok(Verdict::Unsound(faults));
        }
    };
    // Of what was left out it is not known who was erased by it.
    let erased = (start == 0).then_some(&erased);
    faults.people = people::unsound(db, erased).await?;
    let (mut rows, mut gone) = (0, 0);
    if options.rows {
        let progress = |done| progress(done, size);
        (rows, gone) = compare(db, start, &runs, &mut faults.rows, progress).await?;
    }
    if faults.is_none() {
        Ok(Verdict::Sound {
            summary,
            rows,
            gone,
        })
    } else {
        Ok(Verdict::Unsound(faults))
    }
}

pub(super) async fn head(db: &mut PgConnection) -> Result<Option<Head>, sqlx::Error> {
    let head: Option<StoredHead> =
        sqlx::query_as("select log_id, size, frontier, mac from audit_head")
            .fetch_optional(db)
            .await?;
    Ok(head.map(ring::head))
}

/// The first number that the log still has.
pub(super) async fn first(db: &mut PgConnection) -> Result<Option<u64>, sqlx::Error> {
    let first: Option<i64> =
        sqlx::query_scalar("select seq from audit_events where seq >= 0 order by seq limit 1")
            .fetch_optional(db)
            .await?;
    Ok(first.map(i64::cast_unsigned))
}

/// The hashes and the note of the checkpoint of that size.
pub(super) async fn checkpoint(
    db: &mut PgConnection,
    size: u64,
) -> Result<Option<(Vec<systemprompt_audit::Hash>, String)>, sqlx::Error> {
    let stored: Option<(Vec<Vec<u8>>, String)> =
        sqlx::query_as("select frontier, note from audit_checkpoints where size = $1")
            .bind(size.cast_signed())
            .fetch_optional(db)
            .await?;
    // What is no hash fits no size.
    Ok(stored.map(|(hashes, note)| (ring::hashes(hashes).unwrap_or_default(), note)))
}

/// Compares the rows of requests that are still there with what the log, which is
/// sound, says of them from `from` on; answers how many there are, and how many
/// are gone.
async fn compare(
    db: &mut PgConnection,
    from: u64,
    runs: &BTreeSet<Uuid>,
    faults: &mut Vec<(u64, Uuid)>,
    mut progress: impl FnMut(u64),
) -> Result<(u64, u64), sqlx::Error> {
    let (mut compared, mut gone) = (0, 0);
    let mut next = from.cast_signed();
    loop {
        let page: Vec<(i64, Uuid, Vec<u8>)> = sqlx::query_as(
            "select seq, subject_id, digest from audit_events \
             where seq >= $1 and digest is not null and subject_id is not null \
             order by seq limit $2",
        )
        .bind(next)
        .bind(PAGE)
        .fetch_all(&mut *db)
        .await?;
        let Some((last, ..)) = page.last() else {
            return Ok((compared, gone));
        };
        next = last + 1;
        let ids: Vec<Uuid> = page.iter().map(|(_, id, _)| *id).collect();
        let found = rows::digests(db, &ids, runs).await?;
        for (seq, id, digest) in page {
            match found.get(&id) {
                None => gone += 1,
                Some(stored) => {
                    compared += 1;
                    let same = stored.is_some_and(|stored| digest == stored);
                    if !same && faults.len() < MOST {
                        faults.push((seq.cast_unsigned(), id));
                    }
                }
            }
        }
        progress(next.cast_unsigned());
    }
}

/// What an event of that name says of `member`.
fn told(row: &Row<'_>, event: &str, member: &str) -> Option<String> {
    if row.columns.event != event {
        return None;
    }
    let detail: Value = serde_json::from_str(row.columns.detail?).ok()?;
    Some(detail.get(member)?.as_str()?.to_owned())
}

/// Whether the hashes that are kept with a sound checkpoint have its root:
/// retention will need them.
fn frontier(keys: &Keys, size: u64, note: &str, hashes: Vec<Vec<u8>>) -> Result<(), Finding> {
    let fault = |kind| Finding { seq: size, kind };
    let hashes = ring::hashes(hashes).unwrap_or_default();
    let tree = Frontier::new(size, hashes).map_err(|_| fault(Kind::FloorMisshapen))?;
    let stated = Checkpoint::open(note, keys.public()).map(|checkpoint| checkpoint.root);
    if stated == Ok(tree.root()) {
        Ok(())
    } else {
        Err(fault(Kind::FloorForged))
    }
}
