//! The disk that the spool is on becomes full under load, and empty again: new
//! requests are refused before they reach the provider, what was admitted is recorded,
//! and everything goes on by itself.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use hyper::StatusCode;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sqlx::{ConnectOptions, PgPool};
use systemprompt_storage::embedded::Embedded;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::ledger::{Ledger, Seen};
use super::report::Report;
use super::traffic::{choose, id};
use super::verify::verify;
use super::{command, until_stored};
use crate::PATIENCE;
use crate::client::{Client, read};
use crate::process::ServerProcess;
use crate::upstream::Upstream;

/// The size of the disk, which holds a few segments of one MiB.
const SIZE: &str = "size=24m,mode=0755";
/// How long what is prepared may last, and how long it stays full from then on.
const PREPARED: Duration = Duration::from_secs(60);
const FULL: Duration = Duration::from_secs(2);
/// The load before and after.
const AROUND: Duration = Duration::from_secs(2);

/// How many press, and what they ask.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Clients that ask at the same time.
    pub clients: usize,
    /// Decides what they ask.
    pub seed: u64,
}

/// Fills the disk and compares. Only who may mount file systems can make this fault:
/// others get a report that says so and checks nothing.
///
/// # Errors
/// The system could not be run at all; what it did wrong is in the report.
pub async fn run(Options { clients, seed }: Options) -> Result<Report> {
    let mut report = Report::new(format!(
        "disk: full for {FULL:?}, {clients} clients, seed {seed}"
    ));
    let (storage, elsewhere) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let Some(disk) = Disk::mount(storage.path()) else {
        report.figure("refused while it was full", "not made: no right to mount");
        return Ok(report);
    };
    let upstream = Upstream::start(None).await?;
    let cluster = Embedded::start(elsewhere.path(), |_| ()).await?;
    let url = cluster.connect_options().to_url_lossy().to_string();
    let mut command = command(storage.path(), &upstream.url())?;
    command.args(["--database-url", &url, "--set", "limits.spool.segment=1MiB"]);
    let mut server = ServerProcess::spawn(command).await?;
    let addr = server.addr()?;
    let shared = Arc::new(Shared::default());
    let mut random = StdRng::seed_from_u64(seed);
    let mut asking = JoinSet::new();
    for _ in 0..clients {
        let random = StdRng::seed_from_u64(random.random());
        asking.spawn(client(addr, Arc::clone(&shared), random));
    }
    sleep(AROUND).await;
    // Nothing is stored meanwhile, so that the spool has to grow.
    cluster.stop().await?;
    disk.fill()?;
    let filled = Instant::now();
    while shared.refused.load(Ordering::SeqCst) == 0 && filled.elapsed() < PREPARED {
        sleep(Duration::from_millis(50)).await;
    }
    report.figure(
        "what was prepared lasted",
        format!("{} ms", filled.elapsed().as_millis()),
    );
    sleep(FULL).await;
    let refused = shared.refused.load(Ordering::SeqCst);
    disk.empty()?;
    let cluster = Embedded::start(elsewhere.path(), |_| ()).await?;
    let over = Instant::now();
    let answered = shared.answered.load(Ordering::SeqCst);
    sleep(AROUND).await;
    until_stored(addr, PATIENCE).await?;
    report.figure(
        "all stored after",
        format!("{} ms", over.elapsed().as_millis()),
    );
    sleep(AROUND).await;
    let more = shared.answered.load(Ordering::SeqCst) > answered;
    shared.over.store(1, Ordering::SeqCst);
    asking.join_all().await;
    until_stored(addr, PATIENCE).await?;
    report.figure("refused while it was full", refused);
    report.check(
        "requests are refused while it is full",
        (refused == 0).then_some("none was"),
    );
    report.check(
        "they pass again by themselves",
        (!more).then_some("none did"),
    );
    server.sigterm()?;
    let exit = server.wait_exit(PATIENCE).await?;
    report.check("the server ends with 0", (!exit.success()).then_some(exit));

    let db = PgPool::connect_with(cluster.connect_options()).await?;
    let states = verify(&db, &shared.ledger.take(), &mut report).await?;
    let calls = upstream.call_count();
    report.check(
        "a refused request costs nothing",
        (states.len() as u64 != calls).then(|| format!("{} rows, {calls} calls", states.len())),
    );
    db.close().await;
    cluster.stop().await?;
    Ok(report)
}

#[derive(Default)]
struct Shared {
    ledger: Ledger,
    answered: AtomicU64,
    refused: AtomicU64,
    over: AtomicU64,
}

async fn client(addr: SocketAddr, shared: Arc<Shared>, mut random: StdRng) {
    let mut client = Client::new(addr);
    while shared.over.load(Ordering::SeqCst) == 0 {
        if let Err(error) = ask(&mut client, addr, &shared, &mut random).await {
            shared.ledger.entries().failures.push(format!("{error:#}"));
        }
        sleep(Duration::from_millis(2)).await;
    }
}

async fn ask(
    client: &mut Client,
    addr: SocketAddr,
    shared: &Shared,
    random: &mut StdRng,
) -> Result<()> {
    let (asked, options) = choose(random);
    let response = client
        .begin(asked.request(&addr.to_string(), &options))
        .await?;
    if response.status() == StatusCode::SERVICE_UNAVAILABLE {
        let answer = read(response).await;
        ensure!(
            !answer.header("retry-after").is_empty(),
            "503 without retry-after"
        );
        shared.refused.fetch_add(1, Ordering::SeqCst);
        return Ok(());
    }
    let (head, id) = (Instant::now(), id(response.headers())?);
    let answer = read(response).await;
    let whole = answer.cut.is_none() && answer.status == StatusCode::OK;
    shared.ledger.entries().seen.push(Seen {
        id,
        asked,
        head,
        whole,
    });
    ensure!(whole, "{}: {:?}", answer.status, answer.cut);
    shared.answered.fetch_add(1, Ordering::SeqCst);
    Ok(())
}

/// A small disk of its own.
struct Disk<'a> {
    place: &'a Path,
}

impl<'a> Disk<'a> {
    /// `None` without the right to mount one.
    fn mount(place: &'a Path) -> Option<Self> {
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", SIZE, "systemprompt-test"])
            .arg(place)
            .output();
        mounted
            .is_ok_and(|output| output.status.success())
            .then_some(Self { place })
    }

    /// Takes all that is free.
    fn fill(&self) -> Result<()> {
        let mut file = std::fs::File::create(self.place.join("filler"))?;
        let block = vec![0_u8; 64 << 10];
        loop {
            match std::io::Write::write(&mut file, &block) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::StorageFull => return Ok(()),
                Err(error) => return Err(error).context("filling the disk"),
            }
        }
    }

    fn empty(&self) -> Result<()> {
        std::fs::remove_file(self.place.join("filler")).context("emptying the disk")
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        // What is still in use goes when it no longer is.
        let _ = Command::new("umount")
            .arg("--lazy")
            .arg(self.place)
            .status();
    }
}
