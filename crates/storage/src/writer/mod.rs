//! The writer: drains a spool into PostgreSQL.
//!
//! One transaction stores a batch: rows, rollups, audit events, budgets and the
//! spool's position. A crash before the commit leaves nothing, a crash after it leaves
//! nothing to do: each event counts exactly once.

mod audit;
mod batch;
pub(crate) mod conversations;
mod cursor;
mod depth;
mod intake;
mod lost;
pub(crate) mod rollups;
pub(crate) mod rows;
mod seen;
mod store;
mod witnesses;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sqlx::PgPool;
use systemprompt_budgets::Rules;
use systemprompt_capture::{Position, Spool};
use systemprompt_domain::ids::BootId;
use systemprompt_domain::{Clock, Sampling};
use tokio::sync::watch;

use self::batch::Batch;
pub use self::cursor::CursorError;
#[doc(hidden)]
pub use self::depth::Depth;
use self::depth::Extent;
use self::intake::{Gathered, Intake};
use self::store::{Memory, Stored, store};
use crate::budgets::{self, RulesInForce};
use crate::web::{Bounds, JudgeInForce};

/// How long events are gathered before they are stored: a transaction has a
/// price of its own, and answers are no fresher than this.
const LINGER: Duration = Duration::from_millis(200);

/// What the writer has done since it started; cheap to read.
#[derive(Debug, Default)]
pub struct WriterStats {
    /// Events that are in the database.
    pub events: AtomicU64,
    /// Events that were already there.
    pub duplicates: AtomicU64,
    /// Records that went to `dead_letters`.
    pub dead_letters: AtomicU64,
    /// Attempts that failed and were repeated.
    pub retries: AtomicU64,
}

/// Why the writer gave up. Everything else it retries for ever.
#[derive(Debug, thiserror::Error)]
pub enum WriterError {
    /// The database's cursor does not fit the spool.
    #[error(transparent)]
    Cursor(#[from] CursorError),
    /// The spool cannot be read.
    #[error("the spool cannot be read: {0}")]
    Spool(#[from] io::Error),
    /// The database failed while starting.
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
}

/// Drains one spool.
#[derive(Debug)]
pub struct Writer {
    pool: PgPool,
    spool: Spool,
    intake: Intake,
    memory: Memory,
    clock: Clock,
    boot: BootId,
    stats: Arc<WriterStats>,
    linger: Duration,
    extent: Extent,
    rules: RulesInForce,
}

impl Writer {
    /// Prepares to drain `spool`, from where the database says it was left.
    /// Detail is kept of what `sampling` keeps; everything is counted.
    ///
    /// # Errors
    /// When the cursor does not fit the spool (unless `accept_gap`), or the
    /// database fails.
    pub async fn start(
        pool: PgPool,
        spool: Spool,
        clock: Clock,
        boot: BootId,
        sampling: Sampling,
        accept_gap: bool,
    ) -> Result<Self, WriterError> {
        let from = cursor::find(&pool, &spool, accept_gap).await?;
        let mut db = pool.acquire().await?;
        // An earlier run may have ended between its last commit and the disk.
        crate::audit::synced(&mut db).await?;
        spool.committed(from);
        let mut memory = Memory::default();
        memory.partitions.ensure(&mut db, [], clock.now()).await?;
        drop(db);
        let intake = Intake::new(spool.reader(from));
        let stats = Arc::default();
        Ok(Self {
            pool,
            spool,
            intake,
            memory,
            clock,
            boot,
            stats,
            linger: LINGER,
            extent: Extent {
                depth: Depth::default(),
                sampling,
            },
            rules: RulesInForce::default(),
        })
    }

    /// Settles requests by these budgets: those that have set amounts aside for
    /// them since this spool's holder started.
    #[must_use]
    pub fn with_rules(mut self, rules: Arc<Rules>) -> Self {
        self.rules = RulesInForce::new(rules);
        self
    }

    /// The budgets that requests are settled by, to replace them.
    #[must_use]
    pub fn rules(&self) -> RulesInForce {
        self.rules.clone()
    }

    /// Judges web traffic by these rules, which may be replaced, and tells so many of
    /// its pages and sources apart.
    #[must_use]
    pub fn with_web(mut self, judge: JudgeInForce, bounds: Bounds) -> Self {
        self.memory.judge = judge;
        self.memory.bounds = bounds;
        self
    }

    /// Stores less than everything, for benchmarks.
    #[doc(hidden)]
    #[must_use]
    pub const fn with_depth(mut self, depth: Depth) -> Self {
        self.extent.depth = depth;
        self
    }

    /// What has been done so far.
    #[must_use]
    pub fn stats(&self) -> Arc<WriterStats> {
        Arc::clone(&self.stats)
    }

    /// Stores everything that is durable now.
    ///
    /// # Errors
    /// When the spool cannot be read or another process drains it.
    pub async fn drain(&mut self) -> Result<(), WriterError> {
        while let Some(gathered) = self.intake.next().await? {
            self.store_gathered(gathered).await?;
        }
        Ok(())
    }

    /// Calls requests of earlier runs of this spool's holder lost, and ends what
    /// these runs leased from budgets. Only the holder may say so, only after
    /// everything they left was stored, and before it leases anything itself.
    ///
    /// # Errors
    /// When the database or the spool fails.
    pub async fn settle_lost(&mut self) -> Result<u64, WriterError> {
        let lost = lost::record(&self.pool, &self.spool, self.boot, self.clock.now()).await?;
        if lost > 0 {
            self.spool.flush().await;
            self.drain().await?;
        }
        budgets::recover(&self.pool, self.spool.id()).await?;
        Ok(lost)
    }

    /// Ends a spool that was emptied and is thrown away: its position is forgotten.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn retire(self) -> Result<(), WriterError> {
        cursor::forget(&self.pool, self.spool.id()).await?;
        Ok(())
    }

    /// Drains until `stop` turns true, then once more to the end.
    ///
    /// # Errors
    /// When the spool cannot be read or another process drains it.
    pub async fn run(&mut self, mut stop: watch::Receiver<bool>) -> Result<(), WriterError> {
        while !*stop.borrow() {
            let Some(gathered) = self.intake.next().await? else {
                let from = self.intake.position();
                tokio::select! {
                    () = self.spool.beyond(from) => tokio::time::sleep(self.linger).await,
                    _ = stop.changed() => {}
                }
                continue;
            };
            let full = gathered.full;
            self.store_gathered(gathered).await?;
            if !full {
                tokio::select! {
                    () = tokio::time::sleep(self.linger) => {}
                    _ = stop.changed() => {}
                }
            }
        }
        self.spool.flush().await;
        self.drain().await
    }

    /// Stores what was read together, in halves if the database refuses some of
    /// it.
    async fn store_gathered(&mut self, mut gathered: Gathered) -> Result<(), WriterError> {
        let mut decoded = Some(std::mem::take(&mut gathered.batch));
        let records = gathered.records();
        let mut work = vec![(0, records.len(), gathered.from, gathered.next)];
        while let Some((start, end, from, next)) = work.pop() {
            let part = || Batch::decode(records[start..end].iter().copied());
            let batch = decoded.take().unwrap_or_else(part);
            match self.store_batch(&batch, from, next).await? {
                Stored::Yes { duplicates } => {
                    let (events, dead) = (batch.len(), batch.dead_letters.len());
                    self.stats
                        .events
                        .fetch_add(events as u64, Ordering::Relaxed);
                    self.stats
                        .duplicates
                        .fetch_add(duplicates, Ordering::Relaxed);
                    self.stats
                        .dead_letters
                        .fetch_add(dead as u64, Ordering::Relaxed);
                    self.spool.committed(next);
                }
                Stored::Refused(reason) if end - start == 1 => {
                    let batch = Batch::refused(&records[start], reason);
                    if let Stored::Refused(reason) = self.store_batch(&batch, from, next).await? {
                        tracing::error!(reason, "a dead letter was refused; it stays in the spool");
                        return Err(io::Error::other(reason).into());
                    }
                    self.stats.dead_letters.fetch_add(1, Ordering::Relaxed);
                    self.spool.committed(next);
                }
                Stored::Refused(_) => {
                    let middle = start + (end - start) / 2;
                    let between = records[middle].at;
                    work.push((middle, end, between, next));
                    work.push((start, middle, from, between));
                }
            }
        }
        Ok(())
    }

    /// Stores a batch, trying again while the database is away.
    async fn store_batch(
        &mut self,
        batch: &Batch,
        from: Position,
        next: Position,
    ) -> Result<Stored, WriterError> {
        let mut pause = Duration::from_millis(50);
        loop {
            let ruling = self.rules.hold().await;
            self.memory.settlement.adopt(&ruling);
            let attempt = store(
                &self.pool,
                &mut self.memory,
                &self.spool,
                batch,
                (from, next),
                self.clock.now(),
                self.extent,
            );
            let error = match attempt.await {
                Ok(stored) => return Ok(stored),
                Err(error) => error,
            };
            let WriterError::Database(error) = error else {
                return Err(error);
            };
            self.stats.retries.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(%error, "events wait in the spool until the database takes them");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(2));
        }
    }
}
