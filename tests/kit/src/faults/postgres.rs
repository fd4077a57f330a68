//! PostgreSQL stopped under load and started again: clients notice nothing, and
//! in the end everything is stored once.

use std::time::{Duration, Instant};

use anyhow::Result;
use rand::SeedableRng;
use rand::rngs::StdRng;
use sqlx::{ConnectOptions, PgPool};
use systemprompt_storage::embedded::Embedded;
use tokio::time::{sleep, timeout};

use super::ledger::Ledger;
use super::report::Report;
use super::traffic::Traffic;
use super::verify::verify;
use super::{command, readiness, run_to_end, until_stored};
use crate::PATIENCE;
use crate::process::ServerProcess;
use crate::upstream::Upstream;

/// Load before the outage, and after it.
const AROUND: Duration = Duration::from_secs(1);
/// Between two requests of a client: an outage is long, and all of it is kept.
const PAUSE: Duration = Duration::from_millis(10);

/// How long the database is away, and how hard clients press meanwhile.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How long the database is away.
    pub outage: Duration,
    /// Clients that ask at the same time.
    pub clients: usize,
    /// Decides what clients ask.
    pub seed: u64,
}

/// Runs the outage and compares.
///
/// # Errors
/// The system could not be run at all; what it did wrong is in the report.
pub async fn run(options: Options) -> Result<Report> {
    let Options {
        outage,
        clients,
        seed,
    } = options;
    let mut report = Report::new(format!(
        "pg: away for {outage:?}, {clients} clients, seed {seed}"
    ));
    let (storage, elsewhere) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let upstream = Upstream::start(None).await?;
    let cluster = Embedded::start(elsewhere.path(), |_| ()).await?;
    let url = cluster.connect_options().to_url_lossy().to_string();
    let start = || {
        let mut command = command(storage.path(), &upstream.url())?;
        command.args(["--database-url", &url]);
        anyhow::Ok(command)
    };
    let mut server = ServerProcess::spawn(start()?).await?;
    let addr = server.addr()?;
    let ledger = Ledger::default();
    let mut random = StdRng::seed_from_u64(seed);
    let traffic = Traffic::start(addr, clients, PAUSE, &ledger, &mut random);
    sleep(AROUND).await;

    cluster.stop().await?;
    let away = Instant::now();
    let mut said = Vec::new();
    while away.elapsed() < outage {
        let status = readiness(addr).await?["status"].clone();
        if said.last() != Some(&status) {
            said.push(status);
        }
        sleep(Duration::from_millis(100)).await;
    }
    report.check(
        "readiness says degraded meanwhile",
        (said != ["degraded"]).then(|| format!("{said:?}")),
    );
    report.check(
        "a server does not start without its database",
        refused(&elsewhere, &upstream, &url).await?,
    );
    let cluster = Embedded::start(elsewhere.path(), |_| ()).await?;
    let back = Instant::now();
    sleep(AROUND).await;
    traffic.end().await;
    until_stored(addr, outage + PATIENCE).await?;
    report.figure(
        "all stored after",
        format!("{} ms", back.elapsed().as_millis()),
    );
    // On a busy machine the database may be slow to answer just then.
    let mut ready = readiness(addr).await?;
    let soon = Instant::now() + PATIENCE;
    while ready["status"] != "ready" && Instant::now() < soon {
        sleep(Duration::from_millis(200)).await;
        ready = readiness(addr).await?;
    }
    report.check(
        "it is ready again",
        (ready["status"] != "ready").then_some(ready),
    );
    server.sigterm()?;
    let exit = server.wait_exit(PATIENCE).await?;
    report.check("the server ends with 0", (!exit.success()).then_some(exit));

    let db = PgPool::connect_with(cluster.connect_options()).await?;
    let states = verify(&db, &ledger.take(), &mut report).await?;
    let calls = upstream.call_count();
    let equal = states.len() as u64 == calls;
    report.check(
        "there is a row for each call of the provider",
        (!equal).then(|| format!("{} rows, {calls} calls", states.len())),
    );
    db.close().await;
    cluster.stop().await?;
    Ok(report)
}

/// What is wrong with how another server says that it has no database.
async fn refused(
    folder: &tempfile::TempDir,
    upstream: &Upstream,
    url: &str,
) -> Result<Option<String>> {
    let mut command = command(&folder.path().join("another"), &upstream.url())?;
    command.args(["--database-url", url]);
    let output = timeout(2 * PATIENCE, run_to_end(command, PATIENCE));
    let output = output.await??;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let errors = said.lines().filter(|line| line.starts_with("error: "));
    let clear = errors.count() == 1 && said.contains("cannot connect to the database");
    Ok((output.status.success() || !clear).then_some(said))
}
