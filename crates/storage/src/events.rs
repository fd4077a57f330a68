//! Events that other services report: stored and counted in one transaction,
//! each once, however often it is sent.
//!
//! An event whose time is the one in its id is found by its row. Any other id,
//! and that of every audit event, is remembered in `seen_ids`.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::Value;
use sqlx::{Connection as _, PgConnection, PgPool};
use systemprompt_domain::activity::{Activity, Word};
use systemprompt_domain::reported::{AuditReport, LATE, Reported};
use systemprompt_domain::tool::{ToolCalled, ToolsListed};
use systemprompt_domain::web::Visit;
use systemprompt_domain::{Clock, Sampling, TraceId};
use time::{OffsetDateTime, UtcOffset};
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::audit::{self, Entry};
use crate::partitions::Partitions;
use crate::tools;
use crate::web::{self, Bounds, JudgeInForce};
use crate::writer::{conversations, rollups};

/// How long an id without a row is known again: as long as one that came in
/// time can still be sent, and a day.
const REMEMBERED: time::Duration = LATE.saturating_add(time::Duration::DAY);
/// A batch that takes longer is given up; its sender tries again.
const PATIENCE: Duration = Duration::from_secs(10);
/// Held while ids are looked up whose repeat may be under way elsewhere.
const LOCK: i64 = 0x6576_656e_7473;

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is in the database.
    Stored,
    /// It was there already, or earlier in the batch.
    Duplicate,
}

/// Stores events that other services report.
#[derive(Debug)]
pub struct Events {
    pool: PgPool,
    clock: Clock,
    /// Whose tool calls keep their detail.
    sampling: Sampling,
    partitions: Mutex<Partitions>,
    /// What requests to web sites are judged by, and which of their pages and
    /// sources are told apart.
    judge: JudgeInForce,
    bounds: Mutex<Bounds>,
}

impl Events {
    /// Stores through these connections.
    #[must_use]
    pub fn new(pool: PgPool, clock: Clock) -> Self {
        Self {
            pool,
            clock,
            sampling: Sampling::ALL,
            partitions: Mutex::default(),
            judge: JudgeInForce::default(),
            bounds: Mutex::default(),
        }
    }

    /// The same, which keeps the detail of a part of the tool calls alone, as it
    /// is kept of AI requests. Everything is counted.
    #[must_use]
    pub const fn with_sampling(mut self, sampling: Sampling) -> Self {
        self.sampling = sampling;
        self
    }

    /// The same, which judges web traffic by these rules, and tells so many of its
    /// pages and sources apart.
    #[must_use]
    pub fn with_web(mut self, judge: JudgeInForce, bounds: Bounds) -> Self {
        self.judge = judge;
        self.bounds = Mutex::new(bounds);
        self
    }

    /// Where "now" comes from: events that arrive are stamped with it.
    #[must_use]
    pub const fn clock(&self) -> Clock {
        self.clock
    }

    /// Stores a batch: all of it or, with an error, nothing. The outcomes are in
    /// the order of the events. Their names and texts have no NUL.
    ///
    /// # Errors
    /// When the database fails or takes too long.
    pub async fn store(&self, events: &[&Reported]) -> Result<Vec<Outcome>, sqlx::Error> {
        let mut db = self.pool.acquire().await?;
        let stored = tokio::time::timeout(PATIENCE, self.attempt(&mut db, events)).await;
        match stored.unwrap_or(Err(sqlx::Error::PoolTimedOut)) {
            Ok(outcomes) => Ok(outcomes),
            Err(error) => {
                // Whatever state the connection is in, nobody should get it again.
                let _ = db.detach().close_hard().await;
                Err(error)
            }
        }
    }

    async fn attempt(
        &self,
        db: &mut PgConnection,
        events: &[&Reported],
    ) -> Result<Vec<Outcome>, sqlx::Error> {
        let now = self.clock.now();
        let days = events.iter().map(|event| event.source().stamp.at);
        let days: HashSet<_> = days.map(|at| at.to_offset(UtcOffset::UTC).date()).collect();
        self.partitions.lock().await.ensure(db, days, now).await?;
        let mut tx = db.begin().await?;
        let mut fresh = new_ids(&mut tx, events, now).await?;
        // One that comes twice in the batch is new the first time.
        let first: Vec<bool> = events
            .iter()
            .map(|event| fresh.remove(&id_of(event)))
            .collect();
        let mut new: Vec<&Reported> = events
            .iter()
            .zip(&first)
            .filter_map(|(event, new)| new.then_some(*event))
            .collect();
        // In one order, so that two servers that get the same batch wait for
        // each other instead of deadlocking.
        new.sort_unstable_by_key(|event| id_of(event));
        let stored = self.insert(&mut tx, &new, now).await?;
        tx.commit().await?;
        let outcome = |(event, new): (&&Reported, bool)| match new && stored.contains(&id_of(event))
        {
            true => Outcome::Stored,
            false => Outcome::Duplicate,
        };
        Ok(events.iter().zip(first).map(outcome).collect())
    }

    /// Inserts events with different ids; answers the ids of those that were not
    /// there yet.
    async fn insert(
        &self,
        db: &mut PgConnection,
        events: &[&Reported],
        now: OffsetDateTime,
    ) -> Result<HashSet<Uuid>, sqlx::Error> {
        let activity: Vec<&Activity> = events
            .iter()
            .filter_map(|event| match event {
                Reported::Activity(activity) => Some(activity),
                _ => None,
            })
            .collect();
        let mut stored: HashSet<Uuid> = insert_activity(db, &activity).await?.into_iter().collect();
        let counted: Vec<_> = activity
            .into_iter()
            .filter(|one| stored.contains(&one.source.stamp.id.0))
            .collect();
        rollups::add_activity(db, &counted).await?;

        let remember: Vec<_> = events
            .iter()
            .copied()
            .filter(|event| match event {
                Reported::Activity(activity) => {
                    let stamp = activity.source.stamp;
                    !stamp.is_in_id() && stored.contains(&stamp.id.0)
                }
                // By its row, or by its id among those of calls without one.
                Reported::Tool(report) => !report.source.stamp.is_in_id(),
                Reported::Audit(_) | Reported::Tools(_) | Reported::Page(_) => true,
            })
            .collect();
        let remembered: HashSet<Uuid> = remember_ids(db, &remember).await?.into_iter().collect();
        let reports: Vec<&AuditReport> = events
            .iter()
            .filter_map(|event| match event {
                Reported::Audit(report) => Some(report),
                _ => None,
            })
            .filter(|report| remembered.contains(&report.source.stamp.id.0))
            .collect();
        let calls: Vec<&ToolCalled> = events
            .iter()
            .filter_map(|event| match event {
                Reported::Tool(report) => Some(report),
                _ => None,
            })
            .filter(|report| {
                let stamp = report.source.stamp;
                stamp.is_in_id() || remembered.contains(&stamp.id.0)
            })
            .map(|report| &report.call)
            .collect();
        let listed: Vec<&ToolsListed> = events
            .iter()
            .filter_map(|event| match event {
                Reported::Tools(report) => Some(report),
                _ => None,
            })
            .filter(|report| remembered.contains(&report.source.stamp.id.0))
            .map(|report| &report.listed)
            .collect();
        let told = tools::add(db, calls, &listed, self.sampling).await?;
        let traced = told.calls().map(|call| (call.trace_id, call.created_at));
        conversations::trace(db, traced).await?;
        let visits: Vec<Visit> = events
            .iter()
            .filter_map(|event| match event {
                Reported::Page(report) => Some(report),
                _ => None,
            })
            .filter(|report| remembered.contains(&report.source.stamp.id.0))
            .map(|report| report.visit.clone())
            .collect();
        let mut bounds = self.bounds.lock().await;
        web::store(db, &self.judge.current(), &mut bounds, &visits, now).await?;
        drop(bounds);
        append(db, &reports, &told).await?;
        stored.extend(reports.iter().map(|report| report.source.stamp.id.0));
        stored.extend(told.calls().map(|call| call.id.0));
        stored.extend(remembered);
        Ok(stored)
    }
}

fn id_of(event: &Reported) -> Uuid {
    event.source().stamp.id.0
}

/// The ids that are not known yet. Those that only their row can tell are among
/// them.
async fn new_ids(
    db: &mut PgConnection,
    events: &[&Reported],
    now: OffsetDateTime,
) -> Result<HashSet<Uuid>, sqlx::Error> {
    let stamps = || events.iter().map(|event| event.source().stamp);
    if stamps().any(|stamp| !stamp.is_in_id()) {
        sqlx::query("select pg_advisory_xact_lock($1)")
            .bind(LOCK)
            .execute(&mut *db)
            .await?;
    }
    // What was believed when it came first may be too old by now.
    let believed_once = stamps().map(|stamp| stamp.id.created_at().filter(|_| !stamp.is_in_id()));
    let known: Vec<Uuid> = sqlx::query_scalar(include_str!("events/known.sql"))
        .bind(stamps().map(|stamp| stamp.id.0).collect::<Vec<_>>())
        .bind(believed_once.collect::<Vec<_>>())
        .bind(now - REMEMBERED)
        .fetch_all(db)
        .await?;
    let mut ids: HashSet<Uuid> = stamps().map(|stamp| stamp.id.0).collect();
    for id in known {
        ids.remove(&id);
    }
    Ok(ids)
}

async fn insert_activity(
    db: &mut PgConnection,
    activity: &[&Activity],
) -> Result<Vec<Uuid>, sqlx::Error> {
    if activity.is_empty() {
        return Ok(Vec::new());
    }
    let text =
        |of: fn(&Activity) -> Option<&str>| activity.iter().map(|one| of(one)).collect::<Vec<_>>();
    let stamps = || activity.iter().map(|one| one.source.stamp);
    let traces = activity.iter().map(|one| trace(one.source.trace_id));
    sqlx::query_scalar(include_str!("events/insert_activity.sql"))
        .bind(stamps().map(|stamp| stamp.id.0).collect::<Vec<_>>())
        .bind(stamps().map(|stamp| stamp.at).collect::<Vec<_>>())
        .bind(text(|one| Some(one.category.as_str())))
        .bind(text(|one| Some(one.action.as_str())))
        .bind(text(|one| one.entity_type.as_ref().map(Word::as_str)))
        .bind(text(|one| one.entity_name.as_deref()))
        .bind(text(|one| one.source.user.as_deref()))
        .bind(text(|one| one.source.agent.as_deref()))
        .bind(text(|one| one.source.token.as_deref()))
        .bind(text(|one| one.session_id.as_deref()))
        .bind(traces.collect::<Vec<_>>())
        .bind(text(|one| one.metadata.as_deref()))
        .fetch_all(db)
        .await
}

async fn remember_ids(
    db: &mut PgConnection,
    events: &[&Reported],
) -> Result<Vec<Uuid>, sqlx::Error> {
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let stamps = || events.iter().map(|event| event.source().stamp);
    sqlx::query_scalar(
        "insert into seen_ids (created_at, id, source) \
         select created_at, id, 'event' from unnest($1::timestamptz[], $2::uuid[]) as e (created_at, id) \
         on conflict do nothing returning id",
    )
    .bind(stamps().map(|stamp| stamp.at).collect::<Vec<_>>())
    .bind(stamps().map(|stamp| stamp.id.0).collect::<Vec<_>>())
    .fetch_all(db)
    .await
}

/// Appends reports and what is to be told of tools to the audit trail, by the ids
/// that their senders gave them.
async fn append(
    db: &mut PgConnection,
    reports: &[&AuditReport],
    told: &tools::Told<'_>,
) -> Result<(), sqlx::Error> {
    let details: Vec<Option<Value>> = reports
        .iter()
        .map(|report| serde_json::from_str(report.detail.as_deref()?).ok())
        .collect();
    let entries: Vec<Entry<'_>> = reports
        .iter()
        .zip(&details)
        .map(|(report, detail)| Entry {
            category: report.event.category(),
            event: report.event.as_str(),
            outcome: report.event.outcome(),
            by: report.source.user.as_deref(),
            agent: report.source.agent.as_deref(),
            token: report.source.token.as_deref(),
            trace: trace(report.source.trace_id),
            subject: Some(report.source.stamp.id.0),
            state: None,
            at: report.source.stamp.at,
            detail: detail.as_ref(),
            digest: None,
        })
        .chain(told.entries())
        .collect();
    audit::append_all(db, &entries).await
}

fn trace(id: Option<TraceId>) -> Option<Uuid> {
    id.map(|id| id.0)
}
