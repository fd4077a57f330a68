//! A database in trouble under load: connections that die in the middle of a
//! transaction, tables that somebody else holds, processes that do not move, no free
//! connection. Clients notice nothing, and in the end everything is stored once.

use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use hyper::Request;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rustix::process::{Pid, Signal, kill_process};
use sqlx::{ConnectOptions, Connection, PgConnection, PgPool};
use systemprompt_storage::embedded::{Embedded, Options as Cluster};
use tokio::time::sleep;

use super::ledger::Ledger;
use super::report::Report;
use super::traffic::Traffic;
use super::verify::verify;
use super::{command, until_stored};
use crate::PATIENCE;
use crate::client::Client;
use crate::process::ServerProcess;
use crate::upstream::Upstream;

/// Load before the trouble, and after it.
const AROUND: Duration = Duration::from_secs(1);
/// Between two requests of a client: all of them are kept meanwhile.
const PAUSE: Duration = Duration::from_millis(10);
/// What answers of `/healthz` may take, 99 of 100, on a machine that is busy.
const HEALTHY: Duration = Duration::from_millis(1_500);
/// How many connections the database allows where there are none left.
const FEW: u16 = 40;

/// What is wrong with the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Connections end wherever they are, also between a commit and its answer.
    Cut,
    /// One of its processes is killed, as the kernel does when memory runs out: all
    /// connections end, and it recovers from its log.
    Killed,
    /// Somebody holds the tables that the writer needs.
    Locked,
    /// None of its processes moves, and no connection ends.
    Frozen,
    /// Somebody else has all connections.
    Exhausted,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cut => "connections are cut",
            Self::Killed => "processes are killed",
            Self::Locked => "tables are locked",
            Self::Frozen => "processes are frozen",
            Self::Exhausted => "connections are used up",
        })
    }
}

/// What goes wrong, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// What goes wrong.
    pub trouble: Trouble,
    /// How long it lasts.
    pub time: Duration,
    /// Clients that ask at the same time.
    pub clients: usize,
    /// Decides what clients ask, and which connection dies.
    pub seed: u64,
}

/// Makes the trouble and compares.
///
/// # Errors
/// The system could not be run at all; what it did wrong is in the report.
pub async fn run(options: Options) -> Result<Report> {
    let Options {
        trouble,
        time,
        clients,
        seed,
    } = options;
    let mut report = Report::new(format!(
        "database: {trouble} for {time:?}, {clients} clients, seed {seed}"
    ));
    let (storage, elsewhere) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let upstream = Upstream::start(None).await?;
    let settings = Cluster {
        max_connections: FEW,
        ..Cluster::default()
    };
    let cluster = Embedded::start_with(elsewhere.path(), &settings, |_| ()).await?;
    let url = cluster.connect_options().to_url_lossy().to_string();
    let mut command = command(storage.path(), &upstream.url())?;
    command.args(["--database-url", &url]);
    let mut server = ServerProcess::spawn(command).await?;
    let addr = server.addr()?;
    let ledger = Ledger::default();
    let mut random = StdRng::seed_from_u64(seed);
    let traffic = Traffic::start(addr, clients, PAUSE, &ledger, &mut random);
    sleep(AROUND).await;

    let asking = tokio::spawn(healthy(addr, time));
    let count = make(trouble, &cluster, time, &mut random).await?;
    let over = Instant::now();
    let slowest = asking.await??;
    report.figure("times that it was made", count);
    report.figure("/healthz, p99", format!("{} ms", slowest.as_millis()));
    report.check(
        "the server answers meanwhile",
        (slowest > HEALTHY).then(|| format!("{slowest:?}")),
    );
    sleep(AROUND).await;
    traffic.end().await;
    until_stored(addr, time + PATIENCE).await?;
    report.figure(
        "all stored after",
        format!("{} ms", over.elapsed().as_millis()),
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

/// What 99 of 100 answers of `/healthz` take at most.
async fn healthy(addr: SocketAddr, time: Duration) -> Result<Duration> {
    let (mut client, began) = (Client::new(addr), Instant::now());
    let mut taken = Vec::new();
    while began.elapsed() < time {
        let request = Request::get("/healthz").header("host", addr.to_string());
        let asked = Instant::now();
        let answer = client.send(request.body(Default::default())?).await?;
        ensure!(
            answer.status.is_success(),
            "/healthz says {}",
            answer.status
        );
        taken.push(asked.elapsed());
        sleep(Duration::from_millis(20)).await;
    }
    taken.sort_unstable();
    let at = (taken.len() * 99).div_ceil(100).saturating_sub(1);
    taken.get(at).copied().context("nothing was asked")
}

/// Makes the trouble for as long as it shall last; how often.
async fn make(
    trouble: Trouble,
    cluster: &Embedded,
    time: Duration,
    random: &mut StdRng,
) -> Result<usize> {
    let began = Instant::now();
    let left = |began: Instant| time.saturating_sub(began.elapsed());
    let mut count = 0;
    match trouble {
        Trouble::Cut => {
            let mut db = connect(cluster).await?;
            while began.elapsed() < time {
                let victims = processes(&mut db, "client backend").await?;
                if let Some(victim) = victims.choose(random) {
                    sqlx::query("select pg_terminate_backend($1)")
                        .bind(victim)
                        .execute(&mut db)
                        .await?;
                    count += 1;
                }
                sleep(Duration::from_millis(random.random_range(20..120))).await;
            }
        }
        Trouble::Killed => {
            while began.elapsed() < time {
                // It takes our own connection with it.
                let mut db = connect(cluster).await?;
                let victims = processes(&mut db, "client backend").await?;
                if let Some(victim) = victims.choose(random) {
                    signal(*victim, Signal::KILL)?;
                    count += 1;
                }
                sleep(Duration::from_millis(random.random_range(1_000..2_500))).await;
            }
        }
        Trouble::Locked => {
            let mut db = connect(cluster).await?;
            let mut tx = db.begin().await?;
            sqlx::raw_sql(
                "lock table usage_day, spool_cursors, ai_requests in access exclusive mode",
            )
            .execute(&mut *tx)
            .await?;
            sleep(left(began)).await;
            tx.rollback().await?;
            count = 1;
        }
        Trouble::Frozen => {
            let mut db = connect(cluster).await?;
            let mut all = processes(&mut db, "").await?;
            let own: i32 = sqlx::query_scalar("select pg_backend_pid()")
                .fetch_one(&mut db)
                .await?;
            // The first of all, which would start others.
            all.push(parent(own)?);
            for process in &all {
                signal(*process, Signal::STOP)?;
            }
            sleep(left(began)).await;
            for process in &all {
                signal(*process, Signal::CONT)?;
            }
            count = all.len();
        }
        Trouble::Exhausted => {
            let mut held = Vec::new();
            while began.elapsed() < time {
                match PgConnection::connect_with(&cluster.connect_options()).await {
                    Ok(connection) => held.push(connection),
                    Err(_) => sleep(Duration::from_millis(50)).await,
                }
            }
            count = held.len();
        }
    }
    Ok(count)
}

/// A connection, as soon as there is one.
async fn connect(cluster: &Embedded) -> Result<PgConnection> {
    let began = Instant::now();
    loop {
        match PgConnection::connect_with(&cluster.connect_options()).await {
            Ok(connection) => return Ok(connection),
            Err(error) if began.elapsed() > Duration::from_secs(30) => return Err(error.into()),
            Err(_) => sleep(Duration::from_millis(50)).await,
        }
    }
}

/// The database's processes of a kind, all with an empty one, but ours.
async fn processes(db: &mut PgConnection, kind: &str) -> Result<Vec<i32>> {
    let sql = "select pid from pg_stat_activity \
               where pid <> pg_backend_pid() and $1 in ('', backend_type)";
    Ok(sqlx::query_scalar(sql).bind(kind).fetch_all(db).await?)
}

fn signal(process: i32, signal: Signal) -> Result<()> {
    let pid = Pid::from_raw(process).context("no process id")?;
    // It may have ended just now.
    match kill_process(pid, signal) {
        Err(rustix::io::Errno::SRCH) | Ok(()) => Ok(()),
        Err(error) => Err(error).with_context(|| format!("signalling process {process}")),
    }
}

fn parent(process: i32) -> Result<i32> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name in parentheses may hold anything; the state follows it.
    let (_, rest) = stat.rsplit_once(')').context("an odd stat")?;
    let parent = rest.split_whitespace().nth(1).context("an odd stat")?;
    Ok(parent.parse()?)
}
