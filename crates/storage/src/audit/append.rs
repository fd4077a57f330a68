//! Appending: the one way into the log.

use std::collections::BTreeSet;
use std::sync::Arc;

use sqlx::PgConnection;
use systemprompt_audit::{Event, Frontier, Hash, Head, Keys, canon};
use time::OffsetDateTime;
use uuid::Uuid;

use super::checkpoint::{is_partition_end, store};
use super::entry::Entry;
use super::people::{self, People};
use super::ring::{self, LogError, StoredHead};
use crate::copy::{Json, Place, Rows};
use crate::writer::rollups::{Audited, Counts};

/// Appends an event to the log.
pub(crate) async fn append(db: &mut PgConnection, entry: Entry<'_>) -> Result<(), sqlx::Error> {
    append_all(db, &[entry]).await
}

/// Appends events to the log, in their order, and counts them. Everybody else
/// who appends waits until this transaction ends: it is to be the last of it.
pub(crate) async fn append_all(
    db: &mut PgConnection,
    entries: &[Entry<'_>],
) -> Result<(), sqlx::Error> {
    run(db, entries, How::Insert).await
}

/// The same for many events at once, in a transaction whose commit gives the log
/// back before it is on disk: whoever commits has to wait for [`synced`] before
/// anybody is told. So servers that append at once wait for one sync together
/// instead of for each other's, one after the other. A crash of the database in
/// between loses the end of what was committed and nothing before it.
///
/// Whoever gives it up before it is done must not use the connection again.
pub(crate) async fn append_batch(
    db: &mut PgConnection,
    entries: &[Entry<'_>],
) -> Result<(), sqlx::Error> {
    if entries.is_empty() {
        return Ok(());
    }
    // Over TCP each copy waits for a delayed acknowledgement, with the log locked.
    let (on_socket, _): (bool, String) = sqlx::query_as(
        "select inet_client_addr() is null, set_config('synchronous_commit', 'off', true)",
    )
    .fetch_one(&mut *db)
    .await?;
    let how = if on_socket { How::Copy } else { How::Insert };
    run(db, entries, how).await
}

/// Returns when everything that was committed before is on disk, and wherever
/// else the database's own setting of `synchronous_commit` wants it.
pub(crate) async fn synced(db: &mut PgConnection) -> Result<(), sqlx::Error> {
    // Only a transaction that writes waits for the disk. This writes a few bytes
    // that nobody reads, after everything that it is to wait for.
    sqlx::query("select pg_logical_emit_message(true, 'systemprompt', '')")
        .execute(db)
        .await?;
    Ok(())
}

/// By what rows go into the table.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    /// Any way a statement can end leaves the connection as it was.
    Insert,
    /// Cheaper for many rows, but not to be interrupted.
    Copy,
}

async fn run(db: &mut PgConnection, entries: &[Entry<'_>], how: How) -> Result<(), sqlx::Error> {
    if entries.is_empty() {
        return Ok(());
    }
    let names: BTreeSet<&str> = entries.iter().flat_map(Entry::people).collect();
    let mut people = people::known(db, &names).await?;
    let mut locked = None;
    if people.len() < names.len() {
        locked = Some(lock(db).await?);
        people = people::introduce(db, &names).await?;
    }
    // As little as possible is done while others wait.
    let columns = Columns::of(entries, &people);
    let rows = (how == How::Copy).then(|| columns.rows());
    let counts = Counts::of(entries.iter().map(|entry| Audited {
        at: entry.at,
        category: entry.category,
        event: entry.event,
        agent: entry.agent.unwrap_or_default(),
    }));
    let Locked { keys, mut tree } = match locked {
        Some(locked) => locked,
        None => lock(db).await?,
    };
    let first = tree.size();
    let mut ends = Vec::new();
    for leaf in &columns.leaves {
        tree.push(*leaf);
        if is_partition_end(tree.size()) {
            ends.push(tree.clone());
        }
    }
    let head = Head::seal(&keys, &tree);
    advance(db, first, &head, &counts).await?;
    match rows {
        Some(rows) => copy(db, rows, first).await?,
        None => columns.insert(db, first).await?,
    }
    for end in &ends {
        store(db, &keys, end).await?;
    }
    if !ends.is_empty() {
        // Whoever sees a checkpoint takes it for durable.
        sqlx::query("set local synchronous_commit to default")
            .execute(db)
            .await?;
    }
    Ok(())
}

/// The log, locked until the transaction ends.
pub(crate) struct Locked {
    keys: Arc<Keys>,
    tree: Frontier,
}

/// Locks the log. It is the last lock of a transaction.
pub(crate) async fn lock(db: &mut PgConnection) -> Result<Locked, sqlx::Error> {
    let found: Option<StoredHead> =
        sqlx::query_as("select log_id, size, frontier, mac from audit_head for update")
            .fetch_optional(db)
            .await?;
    let head = ring::head(found.ok_or(LogError::NoHead)?);
    let keys = ring::keys(head.log)?;
    let tree = head.open(&keys).map_err(LogError::Head)?;
    Ok(Locked { keys, tree })
}

/// Moves the locked head and counts the events that it moves over.
async fn advance(
    db: &mut PgConnection,
    first: u64,
    head: &Head,
    counts: &Counts<'_>,
) -> Result<(), sqlx::Error> {
    sqlx::query(include_str!("advance.sql"))
        .bind(signed(head.size))
        .bind(stored(&head.frontier))
        .bind(&head.mac)
        .bind(&counts.grain)
        .bind(&counts.bucket)
        .bind(&counts.category)
        .bind(&counts.event)
        .bind(&counts.agent)
        .bind(&counts.n)
        .bind(signed(first))
        .bind(signed(head.size - 1))
        .execute(db)
        .await?;
    Ok(())
}

/// Copies the events into the table, numbered from `first` on.
async fn copy(
    db: &mut PgConnection,
    (mut rows, numbers): (Rows, Vec<Place>),
    first: u64,
) -> Result<(), sqlx::Error> {
    for (place, number) in numbers.into_iter().zip(first..) {
        rows.set(place, signed(number));
    }
    rows.send(
        db,
        "copy audit_events (seq, id, created_at, category, event, outcome, user_id, agent, \
             token, trace_id, subject_id, state, detail, digest, body) \
         from stdin (format binary)",
    )
    .await
}

pub(super) fn stored(hashes: &[Hash]) -> Vec<&[u8]> {
    hashes.iter().map(|hash| hash.0.as_slice()).collect()
}

const fn signed(number: u64) -> i64 {
    number.cast_signed()
}

/// Events as rows, column by column, and the hashes of their texts.
#[derive(Default)]
struct Columns<'a> {
    id: Vec<Uuid>,
    at: Vec<OffsetDateTime>,
    category: Vec<&'a str>,
    event: Vec<&'a str>,
    outcome: Vec<&'a str>,
    user: Vec<Option<&'a str>>,
    agent: Vec<Option<&'a str>>,
    token: Vec<Option<&'a str>>,
    trace: Vec<Option<Uuid>>,
    subject: Vec<Option<Uuid>>,
    state: Vec<Option<&'a str>>,
    detail: Vec<Option<String>>,
    digest: Vec<Option<Vec<u8>>>,
    body: Vec<String>,
    leaves: Vec<Hash>,
}

impl<'a> Columns<'a> {
    fn of(entries: &[Entry<'a>], people: &'a People) -> Self {
        let mut columns = Self::default();
        for entry in entries {
            let detail = entry.detail.map(|detail| {
                let mut detail = detail.clone();
                if let Some(about) = detail.get_mut("user")
                    && let Some(name) = about.as_str().map(|name| people.of(name).to_owned())
                {
                    *about = name.into();
                }
                canon::text(&detail)
            });
            let user = entry.by.map(|name| people.of(name));
            let event = Event {
                id: Uuid::now_v7(),
                at: canon::moment(entry.at),
                category: entry.category,
                event: entry.event,
                outcome: entry.outcome,
                user,
                agent: entry.agent,
                token: entry.token,
                trace: entry.trace,
                subject: entry.subject,
                state: entry.state,
                detail: detail.as_deref(),
                digest: entry.digest,
            };
            let body = event.text();
            columns.id.push(event.id);
            columns.at.push(event.at);
            columns.leaves.push(Hash::leaf(body.as_bytes()));
            columns.body.push(body);
            columns.category.push(entry.category);
            columns.event.push(entry.event);
            columns.outcome.push(entry.outcome);
            columns.user.push(user);
            columns.agent.push(entry.agent);
            columns.token.push(entry.token);
            columns.trace.push(entry.trace);
            columns.subject.push(entry.subject);
            columns.state.push(entry.state);
            columns
                .digest
                .push(entry.digest.map(|digest| digest.to_vec()));
            columns.detail.push(detail);
        }
        columns
    }

    /// The events as `COPY` takes them, and where their numbers belong.
    fn rows(&self) -> (Rows, Vec<Place>) {
        let mut rows = Rows::with_capacity(self.id.len() * 768);
        let mut numbers = Vec::with_capacity(self.id.len());
        for n in 0..self.id.len() {
            rows.begin();
            numbers.push(rows.later());
            rows.value(self.id[n])
                .value(self.at[n])
                .value(self.category[n])
                .value(self.event[n])
                .value(self.outcome[n])
                .value(self.user[n])
                .value(self.agent[n])
                .value(self.token[n])
                .value(self.trace[n])
                .value(self.subject[n])
                .value(self.state[n])
                .value(self.detail[n].as_deref().map(Json))
                .value(self.digest[n].as_deref())
                .value(&self.body[n]);
        }
        (rows, numbers)
    }

    /// Inserts the events.
    async fn insert(&self, db: &mut PgConnection, first: u64) -> Result<(), sqlx::Error> {
        sqlx::query(include_str!("insert.sql"))
            .bind(signed(first))
            .bind(&self.id)
            .bind(&self.at)
            .bind(&self.category)
            .bind(&self.event)
            .bind(&self.outcome)
            .bind(&self.user)
            .bind(&self.agent)
            .bind(&self.token)
            .bind(&self.trace)
            .bind(&self.subject)
            .bind(&self.state)
            .bind(&self.detail)
            .bind(&self.digest)
            .bind(&self.body)
            .execute(db)
            .await?;
        Ok(())
    }
}
