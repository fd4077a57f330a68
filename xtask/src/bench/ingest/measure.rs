//! One measurement: time, and the CPU of both sides.

use std::time::{Duration, Instant};

use systemprompt_capture::Spool;
use systemprompt_domain::ids::BootId;
use systemprompt_domain::{Clock, Sampling};
use systemprompt_storage::Writer;
use systemprompt_storage::writer::Depth;
use time::Date;

use super::database::{Cluster, Database};
use crate::bench::process;

/// What storing everything took.
pub(super) struct Cost {
    wall: Duration,
    /// CPU time of this process: the writer.
    pub(super) own: Duration,
    /// CPU time of every PostgreSQL process.
    pub(super) postgres: Duration,
}

impl Cost {
    #[allow(clippy::cast_precision_loss)] // counts are far below 2^52
    pub(super) fn per_second(&self, requests: usize) -> f64 {
        requests as f64 / self.wall.as_secs_f64()
    }
}

/// A stopwatch for both processes.
struct Running<'a> {
    cluster: &'a Cluster,
    began: Instant,
    own: Duration,
    postgres: Duration,
}

impl<'a> Running<'a> {
    async fn begin(cluster: &'a Cluster) -> anyhow::Result<Self> {
        cluster.settle().await?;
        Ok(Self {
            cluster,
            own: process::cpu(std::process::id())?,
            postgres: process::family_cpu(cluster.postmaster)?,
            began: Instant::now(),
        })
    }

    fn end(self) -> anyhow::Result<Cost> {
        Ok(Cost {
            wall: self.began.elapsed(),
            own: process::cpu(std::process::id())?.saturating_sub(self.own),
            postgres: process::family_cpu(self.cluster.postmaster)?.saturating_sub(self.postgres),
        })
    }
}

/// The writer drains the whole spool, down to `depth`.
pub(super) async fn drain(
    cluster: &Cluster,
    database: &Database,
    spool: &Spool,
    depth: Depth,
) -> anyhow::Result<Cost> {
    let pool = database.pool().clone();
    let writer = Writer::start(
        pool,
        spool.clone(),
        Clock::System,
        BootId::new(),
        Sampling::ALL,
        false,
    )
    .await?;
    let mut writer = writer.with_depth(depth);
    let running = Running::begin(cluster).await?;
    writer.drain().await?;
    running.end()
}

/// PostgreSQL itself reads the rows from a file of its own.
pub(super) async fn copy_in(
    cluster: &Cluster,
    database: &Database,
    days: Vec<Date>,
) -> anyhow::Result<Cost> {
    database.make_partitions(&days).await?;
    let running = Running::begin(cluster).await?;
    database.copy_in().await?;
    running.end()
}
