//! Servers killed, stopped, frozen and started at random, PostgreSQL restarted in between,
//! and a job that is due every second: every slot is run, and none twice.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rustix::process::Signal;
use serde_json::Value;
use sqlx::{ConnectOptions, PgPool};
use systemprompt_storage::embedded::{Embedded, Options as Cluster};
use tempfile::TempDir;
use time::OffsetDateTime;
use tokio::time::sleep;

use super::command;
use super::report::Report;
use crate::PATIENCE;
use crate::process::ServerProcess;

/// The job that is due every second: it is quick, and hurts nobody.
const JOB: &str = "partitions";
/// How long a run stays with a server that is gone.
const LEASE: Duration = Duration::from_secs(4);
/// How long the database is away when it is restarted.
const AWAY: Duration = Duration::from_millis(800);

/// How long it goes on, and how hard.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Servers.
    pub servers: usize,
    /// How long they are disturbed.
    pub time: Duration,
    /// How often PostgreSQL is restarted meanwhile.
    pub restarts: u32,
    /// Decides who is disturbed when.
    pub seed: u64,
}

/// What servers said of the job, dead ones too.
#[derive(Debug, Default)]
struct Heard {
    /// Slot and attempt of every run that was begun.
    begun: Vec<(String, i64)>,
    /// Slots that were run to their end.
    ended: Vec<String>,
}

/// Runs it and compares.
///
/// # Errors
/// The system could not be run at all; what it did wrong is in the report.
pub async fn run(options: Options) -> Result<Report> {
    let Options {
        servers,
        time,
        restarts,
        seed,
    } = options;
    let mut report = Report::new(format!(
        "jobs: {servers} servers, {time:?}, {restarts} restarts of PostgreSQL, seed {seed}"
    ));
    let elsewhere = tempfile::tempdir()?;
    let mut cluster = database(&elsewhere).await?;
    let url = cluster.connect_options().to_url_lossy().to_string();
    let folders: Vec<TempDir> = (0..servers)
        .map(|_| tempfile::tempdir())
        .collect::<Result<_, _>>()?;
    let mut random = StdRng::seed_from_u64(seed);
    let mut heard = Heard::default();
    let db = PgPool::connect_with(cluster.connect_options()).await?;
    systemprompt_storage::migrate(&db).await?;
    count_ends(&db).await?;
    let mut running: Vec<Option<ServerProcess>> = Vec::new();
    for folder in &folders {
        running.push(Some(start(folder, &url).await?));
    }

    let began = Instant::now();
    let (mut kills, mut stops, mut freezes, mut restarted) = (0, 0, 0, 0);
    while began.elapsed() < time {
        if began.elapsed() >= time * (restarted + 1) / (restarts + 1) && restarted < restarts {
            cluster.stop().await?;
            sleep(AWAY).await;
            cluster = database(&elsewhere).await?;
            restarted += 1;
        }
        sleep(Duration::from_millis(random.random_range(200..1_200))).await;
        let at = random.random_range(0..servers);
        match running[at].take() {
            Some(server) if random.random_bool(0.15) => {
                server.signal(Signal::STOP)?;
                sleep(LEASE + Duration::from_millis(500)).await;
                server.signal(Signal::CONT)?;
                running[at] = Some(server);
                freezes += 1;
            }
            Some(mut server) if random.random_bool(0.7) => {
                server.kill9()?;
                heard.listen(&server);
                kills += 1;
            }
            Some(mut server) => {
                server.sigterm()?;
                let exit = server.wait_exit(PATIENCE).await?;
                ensure!(exit.success(), "ended with {exit}: {}", server.stderr());
                heard.listen(&server);
                stops += 1;
            }
            None => running[at] = Some(start(&folders[at], &url).await?),
        }
    }
    for (at, folder) in folders.iter().enumerate() {
        if running[at].is_none() {
            running[at] = Some(start(folder, &url).await?);
        }
    }
    caught_up(&db).await?;
    for mut server in running.into_iter().flatten() {
        server.sigterm()?;
        let exit = server.wait_exit(PATIENCE).await?;
        ensure!(exit.success(), "ended with {exit}: {}", server.stderr());
        heard.listen(&server);
    }
    report.figure("servers killed", kills);
    report.figure("servers stopped", stops);
    report.figure("servers frozen for longer than a lease", freezes);
    compare(&db, &heard, &mut report).await?;
    db.close().await;
    cluster.stop().await?;
    Ok(report)
}

/// A cluster with room for several servers.
async fn database(folder: &TempDir) -> Result<Embedded> {
    let options = Cluster {
        max_connections: 300,
        ..Cluster::default()
    };
    Ok(Embedded::start_with(folder.path(), &options, |_| ()).await?)
}

async fn start(folder: &TempDir, url: &str) -> Result<ServerProcess> {
    let mut command = command(folder.path(), "http://127.0.0.1:9")?;
    command.args(["--database-url", url]);
    for set in [
        format!("scheduler.lease={}s", LEASE.as_secs()),
        format!("scheduler.jobs.{JOB}.schedule='* * * * * *'"),
        format!("scheduler.jobs.{JOB}.missed=all"),
        "server.log_format=json".to_owned(),
    ] {
        command.args(["--set", &set]);
    }
    ServerProcess::spawn(command).await
}

/// Has the database count how often each slot is said to have ended well: more than
/// the servers' own words, and more than the state of the row.
async fn count_ends(db: &PgPool) -> Result<()> {
    sqlx::raw_sql(
        "create table ends (job text, slot timestamptz, attempt integer); \
         create function count_end() returns trigger language plpgsql as $$ \
         begin \
             insert into ends values (new.job, new.slot, new.attempt); \
             return new; \
         end $$; \
         create trigger count_end after update on job_runs for each row \
             when (new.state = 'succeeded') execute function count_end()",
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Waits until nothing is left to make up.
async fn caught_up(db: &PgPool) -> Result<()> {
    // What failed while the database was away is tried again after a minute, or two.
    let deadline = Instant::now() + LEASE + Duration::from_secs(120) + PATIENCE;
    loop {
        let (open, behind): (i64, Option<f64>) = sqlx::query_as(
            "select count(*) filter (where state in ('running', 'waiting') \
                     and slot < now() - interval '3 seconds'), \
                 extract(epoch from now() - max(slot))::float8 \
             from job_runs where job = $1",
        )
        .bind(JOB)
        .fetch_one(db)
        .await?;
        if open == 0 && behind.is_some_and(|behind| behind < 3.0) {
            return Ok(());
        }
        ensure!(
            Instant::now() < deadline,
            "{open} runs still open, the last slot {behind:?} seconds ago"
        );
        sleep(Duration::from_millis(100)).await;
    }
}

impl Heard {
    /// Reads what a server said until its end.
    fn listen(&mut self, server: &ServerProcess) {
        for line in server.stderr().lines() {
            // The last line of a server that was killed may be cut.
            let Ok(line) = serde_json::from_str::<Value>(line) else {
                continue;
            };
            let fields = &line["fields"];
            if fields["job"] != JOB {
                continue;
            }
            let detail = fields["detail"].as_str().unwrap_or_default();
            let detail: Value = serde_json::from_str(detail).unwrap_or_default();
            let slot = detail["slot"].as_str().unwrap_or_default().to_owned();
            match fields["message"].as_str() {
                Some("a job begins") => {
                    let attempt = detail["attempt"].as_i64().unwrap_or_default();
                    self.begun.push((slot, attempt));
                }
                Some("a job ended") => self.ended.push(slot),
                _ => {}
            }
        }
    }
}

async fn compare(db: &PgPool, heard: &Heard, report: &mut Report) -> Result<()> {
    let slots: Vec<(OffsetDateTime, String)> =
        sqlx::query_as("select slot, state from job_runs where job = $1 order by slot")
            .bind(JOB)
            .fetch_all(db)
            .await?;
    // What is under way at the end is somebody's next start.
    let done: Vec<OffsetDateTime> = slots
        .iter()
        .filter(|(_, state)| state == "succeeded")
        .map(|(slot, _)| *slot)
        .collect();
    let (first, last) = (
        *done.first().context("the job never ran")?,
        *done.last().context("the job never ran")?,
    );
    let due = (last - first).whole_seconds() + 1;
    let known: BTreeSet<i64> = done.iter().map(|slot| slot.unix_timestamp()).collect();
    let missing = (0..due)
        .map(|n| first.unix_timestamp() + n)
        .filter(|second| !known.contains(second));
    report.figure("slots", due);
    report.check("no slot is lost", missing);

    let ends: Vec<(OffsetDateTime, i64)> =
        sqlx::query_as("select slot, count(*) from ends where job = $1 group by slot")
            .bind(JOB)
            .fetch_all(db)
            .await?;
    let all: i64 = ends.iter().map(|(_, n)| n).sum();
    report.figure(
        "runs that ended per slot",
        format!("{:.3}", all as f64 / done.len() as f64),
    );
    let twice = ends.iter().filter(|(_, n)| *n != 1);
    report.check(
        "every slot ended once",
        twice.map(|(slot, n)| format!("{slot}: {n} times")),
    );

    let mut begun: BTreeMap<&(String, i64), usize> = BTreeMap::new();
    for attempt in &heard.begun {
        *begun.entry(attempt).or_default() += 1;
    }
    report.figure("attempts", begun.len());
    report.check(
        "no attempt was begun by two servers",
        begun
            .iter()
            .filter(|(_, n)| **n > 1)
            .map(|(attempt, n)| format!("{attempt:?}: {n} times")),
    );
    let mut ended: BTreeMap<&String, usize> = BTreeMap::new();
    for slot in &heard.ended {
        *ended.entry(slot).or_default() += 1;
    }
    report.check(
        "no slot was run to its end by two servers",
        ended
            .iter()
            .filter(|(_, n)| **n > 1)
            .map(|(slot, n)| format!("{slot}: {n} times")),
    );

    let runs: Vec<(OffsetDateTime, OffsetDateTime)> = sqlx::query_as(
        "select started_at, finished_at from job_runs \
         where job = $1 and finished_at is not null order by started_at",
    )
    .bind(JOB)
    .fetch_all(db)
    .await?;
    report.check(
        "no two runs overlap",
        runs.windows(2)
            .filter(|two| two[1].0 < two[0].1)
            .map(|two| format!("{two:?}")),
    );
    Ok(())
}
