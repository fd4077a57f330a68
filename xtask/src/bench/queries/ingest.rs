//! Whether events are stored as fast as when there was nothing: the writer drains the
//! same kind of spool into databases of different sizes.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use sqlx::PgPool;
use systemprompt_capture::{Spool, SpoolOptions};
use systemprompt_domain::ids::BootId;
use systemprompt_domain::{Clock, Sampling};
use systemprompt_storage::{Writer, audit};
use systemprompt_testkit::db::audit_keys_file;

use crate::bench::ingest::events;
use crate::bench::report::{Report, Table, count};

/// Requests of a run, each of which is two events; the first run warms up.
const REQUESTS: usize = 50_000;
const RUNS: usize = 3;
/// What it may come to in a large database.
const LEAST: f64 = 0.7;

/// Requests a second that the writer stores: the median of some runs.
pub(super) async fn speed(pool: &PgPool, folder: &Path) -> anyhow::Result<f64> {
    // The log is that of the server that was asked, or a new one.
    audit::open(pool, &audit_keys_file()).await?;
    let mut speeds = Vec::with_capacity(RUNS);
    for run in 0..=RUNS {
        let spool = Spool::open(SpoolOptions {
            dir: folder.join(format!("ingest-{run}")),
            lane: "gateway",
            cap: 1 << 40,
            segment: 16 << 20,
            keep: Duration::from_secs(24 * 3600),
        })?;
        events::fill(&spool, REQUESTS).await;
        let mut writer = Writer::start(
            pool.clone(),
            spool,
            Clock::System,
            BootId::new(),
            Sampling::ALL,
            false,
        )
        .await?;
        let began = Instant::now();
        writer.drain().await?;
        #[allow(clippy::cast_precision_loss)] // far below 2^52
        let speed = REQUESTS as f64 / began.elapsed().as_secs_f64();
        if run > 0 {
            speeds.push(speed);
        }
    }
    speeds.sort_by(f64::total_cmp);
    speeds.get(RUNS / 2).copied().context("nothing was run")
}

/// What it comes to by size, the empty database first.
pub(super) fn tell(report: &mut Report, speeds: &[(u64, f64)]) {
    let mut table = Table::new(
        "The whole writer",
        &[
            "requests there before",
            "requests/s",
            "of an empty database's",
            "missed",
        ],
    );
    let empty = speeds.first().map_or(f64::NAN, |(_, speed)| *speed);
    for (rows, speed) in speeds {
        let share = speed / empty;
        #[allow(clippy::cast_precision_loss)] // far below 2^52
        let rows = count(*rows as f64);
        let missed = if share < LEAST {
            "slower than 70 %"
        } else {
            ""
        };
        table.row([
            rows,
            count(*speed),
            format!("{:.0} %", 100.0 * share),
            missed.to_owned(),
        ]);
    }
    report.table(table);
}
