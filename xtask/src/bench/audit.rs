//! What the audit log costs: a leaf in a batch, verifying it all again, and how
//! long servers wait for each other.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{anyhow, bail, ensure};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use systemprompt_storage::audit::{Options as Verifying, Verdict, append_sample, verify};

use super::disk::Probe;
use super::ingest::database::{Cluster, Database};
use super::report::{Report, Table, count, millis};
use super::{folder, machine, process};

/// How much to append.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Events in the log that is verified
    #[arg(long, default_value_t = 500_000)]
    events: usize,
    /// Seconds for which four servers append
    #[arg(long, default_value_t = 15)]
    seconds: u64,
}

/// Events of a batch.
const BATCH: usize = 1_000;
/// Servers that append at once.
const SERVERS: u32 = 4;
/// How often a server stores what it gathered.
const LINGER: Duration = Duration::from_millis(200);

pub(super) async fn run(options: Options, quick: bool) -> anyhow::Result<Report> {
    let (events, seconds) = if quick {
        (options.events.min(50_000), options.seconds.min(3))
    } else {
        (options.events, options.seconds)
    };
    let mut report = Report::new("Audit log");
    let folder = folder("audit")?;
    let cluster = Cluster::start(folder.path()).await?;
    let database = cluster.database().await?;
    report.note(format!(
        "batches of {BATCH} events, half of them with the digest of a row; fsync on"
    ));
    report.table(append(&cluster, &database, events / BATCH).await?);
    report.table(check(&cluster, &database).await?);
    let mut table = Table::new(
        "Four servers append to one log",
        &[
            "each",
            "events/s",
            "p50 ms",
            "p99 ms",
            "worst ms",
            "disk p99 ms meanwhile",
        ],
    );
    let time = Duration::from_secs(seconds);
    for (name, batch, pause) in [
        ("250 events every 200 ms", 250, LINGER),
        ("1,000 events every 200 ms", BATCH, LINGER),
        ("1,000 events without a pause", BATCH, Duration::ZERO),
    ] {
        // A commit waits for the disk: its stalls are those of the log too.
        let disk = Probe::start(folder.path());
        let [each, rate, p50, p99, worst] = crowd(database.options(), name, batch, pause, time)?;
        table.row([each, rate, p50, p99, worst, millis(disk.p99()?)]);
    }
    report.table(table);
    check(&cluster, &database).await?;
    database.remove().await?;
    report.note(format!("load average after the run: {}", machine::load()));
    cluster.stop().await?;
    Ok(report)
}

#[allow(clippy::cast_precision_loss)] // counts are far below 2^52
async fn append(cluster: &Cluster, database: &Database, batches: usize) -> anyhow::Result<Table> {
    append_sample(database.pool(), BATCH).await?;
    cluster.settle().await?;
    let own = process::cpu(std::process::id())?;
    let postgres = process::family_cpu(cluster.postmaster)?;
    let began = Instant::now();
    for _ in 0..batches {
        append_sample(database.pool(), BATCH).await?;
    }
    let wall = began.elapsed();
    let own = process::cpu(std::process::id())?.saturating_sub(own);
    let postgres = process::family_cpu(cluster.postmaster)?.saturating_sub(postgres);
    let leaves = (batches * BATCH) as f64;
    let micros = |time: Duration| format!("{:.2}", time.as_secs_f64() * 1e6 / leaves);
    let mut table = Table::new(
        "Appending, one server",
        &[
            "leaves",
            "µs/leaf",
            "own CPU µs/leaf",
            "PostgreSQL CPU µs/leaf",
        ],
    );
    table.row([count(leaves), micros(wall), micros(own), micros(postgres)]);
    Ok(table)
}

#[allow(clippy::cast_precision_loss)] // counts are far below 2^52
async fn check(cluster: &Cluster, database: &Database) -> anyhow::Result<Table> {
    let own = process::cpu(std::process::id())?;
    let began = Instant::now();
    let options = Verifying::default();
    let verdict = verify(database.pool(), &cluster.keys, options, |_, _| {}).await?;
    let wall = began.elapsed();
    let own = process::cpu(std::process::id())?.saturating_sub(own);
    let Verdict::Sound { summary, .. } = verdict else {
        bail!("the log is not sound");
    };
    let each = |time: Duration| count(summary.size as f64 / time.as_secs_f64());
    let mut table = Table::new(
        "Verifying",
        &["events", "events/s", "events/s of own CPU, one core"],
    );
    table.row([count(summary.size as f64), each(wall), each(own)]);
    Ok(table)
}

/// Servers that append at once, each a thread with a connection of its own, and how long
/// a batch takes them from its beginning until it is on disk.
#[allow(clippy::cast_precision_loss)] // counts are far below 2^52
fn crowd(
    options: &PgConnectOptions,
    name: &str,
    batch: usize,
    pause: Duration,
    time: Duration,
) -> anyhow::Result<[String; 5]> {
    let ready = Barrier::new(SERVERS as usize);
    let mut taken = thread::scope(|scope| {
        let servers = (0..SERVERS).map(|server| {
            let (ready, options) = (&ready, options.clone());
            // They did not all start at the same moment.
            let late = pause * server / SERVERS;
            scope.spawn(move || append_for(ready, options, batch, (late, pause), time))
        });
        let servers: Vec<_> = servers.collect();
        let mut taken = Vec::new();
        for server in servers {
            let own = server.join().map_err(|_| anyhow!("a server panicked"))?;
            taken.extend(own?);
        }
        anyhow::Ok(taken)
    })?;
    taken.sort_unstable();
    ensure!(!taken.is_empty(), "nothing was appended");
    let share = |share: usize| taken[(taken.len() - 1) * share / 100].as_secs_f64() * 1e3;
    Ok([
        name.to_owned(),
        count((taken.len() * batch) as f64 / time.as_secs_f64()),
        format!("{:.1}", share(50)),
        format!("{:.1}", share(99)),
        format!("{:.1}", share(100)),
    ])
}

/// One of the servers.
fn append_for(
    ready: &Barrier,
    options: PgConnectOptions,
    batch: usize,
    (late, pause): (Duration, Duration),
    time: Duration,
) -> anyhow::Result<Vec<Duration>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let pool = PgPoolOptions::new().max_connections(1);
    let connected = runtime.block_on(async {
        let pool = pool.connect_with(options).await?;
        // The connection knows its statements from then on.
        append_sample(&pool, batch).await?;
        Ok::<_, sqlx::Error>(pool)
    });
    // Also without a connection, as the others wait here.
    ready.wait();
    let pool = connected?;
    let mut taken = Vec::new();
    runtime.block_on(async {
        tokio::time::sleep(late).await;
        let began = Instant::now();
        while began.elapsed() < time {
            let begun = Instant::now();
            append_sample(&pool, batch).await?;
            taken.push(begun.elapsed());
            tokio::time::sleep(pause.saturating_sub(begun.elapsed())).await;
        }
        pool.close().await;
        Ok::<_, sqlx::Error>(())
    })?;
    Ok(taken)
}
