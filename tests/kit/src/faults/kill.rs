//! SIGKILL under load, again and again on one storage folder: whatever a client
//! read to its end is stored once, whatever it did not is `lost` or complete.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sqlx::PgPool;
use systemprompt_storage::embedded::Embedded;
use tokio::time::sleep;
use uuid::Uuid;

use super::ledger::{Entries, Ledger, Seen};
use super::report::Report;
use super::traffic::Traffic;
use super::verify::verify;
use super::{command, until_stored};
use crate::PATIENCE;
use crate::process::ServerProcess;
use crate::upstream::{self, Upstream};

/// A request this old at a kill has its start on disk: nobody waits for starts,
/// but they are written at once.
const SETTLED: Duration = Duration::from_secs(1);

/// How long the loop runs, and how hard it presses.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How often the server is killed.
    pub rounds: u32,
    /// Clients that ask at the same time.
    pub clients: usize,
    /// Decides when kills come and what clients ask.
    pub seed: u64,
}

/// Runs the loop and compares.
///
/// # Errors
/// The system could not be run at all; what it did wrong is in the report.
pub async fn run(options: Options) -> Result<Report> {
    let Options {
        rounds,
        clients,
        seed,
    } = options;
    let mut report = Report::new(format!(
        "kill: {rounds} rounds, {clients} clients, seed {seed}"
    ));
    let storage = tempfile::tempdir()?;
    let upstream = upstream::Options {
        log: 0,
        ..upstream::Options::default()
    };
    let upstream = Upstream::start_with(upstream).await?;
    let mut random = StdRng::seed_from_u64(seed);
    let mut all = Entries::default();
    let mut settled = HashSet::new();
    let mut slowest = Duration::ZERO;
    for _ in 0..rounds {
        let began = Instant::now();
        let mut server = ServerProcess::spawn(command(storage.path(), &upstream.url())?).await?;
        slowest = slowest.max(began.elapsed());
        let ledger = Ledger::default();
        let traffic = Traffic::start(
            server.addr()?,
            clients,
            Duration::ZERO,
            &ledger,
            &mut random,
        );
        sleep(Duration::from_millis(random.random_range(200..1_500))).await;
        traffic.doom();
        server.kill9()?;
        let killed = Instant::now();
        traffic.end().await;

        let seen = ledger.take();
        let old = |seen: &&Seen| killed.saturating_duration_since(seen.head) > SETTLED;
        settled.extend(seen.seen.iter().filter(old).map(|seen| seen.id));
        all.append(seen);
    }

    let mut server = ServerProcess::spawn(command(storage.path(), &upstream.url())?).await?;
    until_stored(server.addr()?, PATIENCE).await?;
    server.sigterm()?;
    let exit = server.wait_exit(PATIENCE).await?;
    ensure!(
        exit.success(),
        "the last server ended with {exit}: {}",
        server.stderr()
    );

    let cluster = Embedded::start(storage.path(), |_| ()).await?;
    let db = PgPool::connect_with(cluster.connect_options()).await?;
    let states = verify(&db, &all, &mut report).await?;
    let whole: HashSet<Uuid> = all.seen.iter().filter(|s| s.whole).map(|s| s.id).collect();
    let in_flight = || states.iter().filter(|(id, _)| !whole.contains(*id));
    report.figure(
        "of these lost",
        in_flight().filter(|(_, state)| *state == "lost").count(),
    );
    report.figure(
        "complete, though the client saw no end",
        in_flight()
            .filter(|(_, state)| *state == "completed")
            .count(),
    );
    report.figure("slowest start", format!("{} ms", slowest.as_millis()));
    let other = in_flight().filter(|(_, state)| !matches!(state.as_str(), "lost" | "completed"));
    report.check(
        "what a kill cut is lost or complete",
        other.map(|(id, state)| format!("{id} is {state}")),
    );
    report.check(
        "whatever was under way for long is known",
        settled.iter().filter(|id| !states.contains_key(*id)),
    );
    db.close().await;
    cluster.stop().await?;
    Ok(report)
}
