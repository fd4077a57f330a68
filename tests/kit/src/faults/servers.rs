//! Several servers on one database behind a balancer that asks each in turn. One is
//! killed every few seconds and started again on its own spool folder: clients notice
//! nothing but on its connections, nothing is lost, nothing counts twice, and a budget
//! that all of them share holds.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use http::HeaderValue;
use hyper::StatusCode;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sqlx::{ConnectOptions, PgPool};
use systemprompt_storage::embedded::{Embedded, Options as Cluster};
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::ledger::{Ledger, Seen};
use super::report::Report;
use super::shapes::{Asked, PLAIN};
use super::traffic::{choose, id};
use super::verify::verify;
use super::{command, until_stored};
use crate::PATIENCE;
use crate::client::{Client, read};
use crate::process::ServerProcess;
use crate::upstream::{self, Upstream};

/// How long a server stays dead: a supervisor takes its time.
const DEAD: Duration = Duration::from_millis(500);
/// Between two requests of a client: the load shares the machine.
const PAUSE: Duration = Duration::from_millis(15);
/// The agent with a budget, and what it may spend: two thousand requests of its kind,
/// which cost 10 and 5 tokens at 1 and 5 dollars a million.
const AGENT: &str = "frugal";
const COST: i64 = 10 * 1_000 + 5 * 5_000;
const LIMIT: i64 = 2_000 * COST;
const BUDGET: &str = "analytics.alerts=[{name: shared, type: daily_cost, threshold: 0.07, \
     action: [pause_requests], scope: {agent: frugal}}]";

/// How many servers there are, and how long and how hard they are treated.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Servers.
    pub servers: usize,
    /// Clients that ask at the same time.
    pub clients: usize,
    /// How long it goes on.
    pub time: Duration,
    /// How often one of the servers is killed.
    pub every: Duration,
    /// Decides what clients ask.
    pub seed: u64,
}

/// One of the servers as the balancer sees it.
#[derive(Debug)]
struct Place {
    /// Where it listens, while it does.
    addr: Option<SocketAddr>,
    /// How often it was killed so far: what breaks across a change is no failure.
    kills: u32,
}

/// What clients share.
struct Shared {
    places: Vec<RwLock<Place>>,
    turn: AtomicUsize,
    over: AtomicBool,
    /// Requests that broke off because their server was killed.
    cut: AtomicUsize,
    /// Requests of the agent with a budget that were refused.
    refused: AtomicUsize,
    ledger: Ledger,
}

impl Shared {
    /// The next server in turn that listens.
    fn next(&self) -> (usize, SocketAddr, u32) {
        loop {
            let at = self.turn.fetch_add(1, Ordering::Relaxed) % self.places.len();
            let place = self.places[at]
                .read()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            if let Some(addr) = place.addr {
                return (at, addr, place.kills);
            }
        }
    }

    fn change(&self, at: usize, change: impl FnOnce(&mut Place)) {
        let place = self.places[at].write();
        change(&mut place.unwrap_or_else(std::sync::PoisonError::into_inner));
    }

    fn kills(&self, at: usize) -> u32 {
        let place = self.places[at].read();
        place
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .kills
    }
}

/// Runs it and compares.
///
/// # Errors
/// The system could not be run at all; what it did wrong is in the report.
pub async fn run(options: Options) -> Result<Report> {
    let Options {
        servers,
        clients,
        time,
        every,
        seed,
    } = options;
    let mut report = Report::new(format!(
        "servers: {servers} for {time:?}, one killed every {every:?}, {clients} clients, seed {seed}"
    ));
    let elsewhere = tempfile::tempdir()?;
    let cluster = Cluster {
        max_connections: 200,
        ..Cluster::default()
    };
    let cluster = Embedded::start_with(elsewhere.path(), &cluster, |_| ()).await?;
    let url = cluster.connect_options().to_url_lossy().to_string();
    let upstream = upstream::Options {
        log: 0,
        ..upstream::Options::default()
    };
    let upstream = Upstream::start_with(upstream).await?;
    let folders: Vec<TempDir> = (0..servers)
        .map(|_| tempfile::tempdir())
        .collect::<Result<_, _>>()?;
    let start = async |at: usize| {
        let mut command = command(folders[at].path(), &upstream.url())?;
        command.args(["--database-url", &url, "--set", BUDGET]);
        ServerProcess::spawn(command).await
    };
    let mut running = Vec::new();
    for at in 0..servers {
        running.push(start(at).await?);
    }
    let places = running.iter().map(|server| {
        Ok(RwLock::new(Place {
            addr: Some(server.addr()?),
            kills: 0,
        }))
    });
    let shared = Arc::new(Shared {
        places: places.collect::<Result<_>>()?,
        turn: AtomicUsize::new(0),
        over: AtomicBool::new(false),
        cut: AtomicUsize::new(0),
        refused: AtomicUsize::new(0),
        ledger: Ledger::default(),
    });
    let mut random = StdRng::seed_from_u64(seed);
    let mut asking = JoinSet::new();
    for _ in 0..clients {
        let random = StdRng::seed_from_u64(random.random());
        asking.spawn(client(Arc::clone(&shared), random));
    }

    let (began, mut slowest) = (Instant::now(), Duration::ZERO);
    let mut kills = 0;
    while began.elapsed() + every < time {
        sleep(every).await;
        let at = kills % servers;
        shared.change(at, |place| {
            place.addr = None;
            place.kills += 1;
        });
        running[at].kill9()?;
        sleep(DEAD).await;
        let starting = Instant::now();
        running[at] = start(at).await?;
        slowest = slowest.max(starting.elapsed());
        let addr = running[at].addr()?;
        shared.change(at, |place| place.addr = Some(addr));
        kills += 1;
    }
    sleep(time.saturating_sub(began.elapsed())).await;
    shared.over.store(true, Ordering::SeqCst);
    asking.join_all().await;
    for server in &running {
        until_stored(server.addr()?, PATIENCE).await?;
    }
    for server in &mut running {
        server.sigterm()?;
        let exit = server.wait_exit(PATIENCE).await?;
        ensure!(
            exit.success(),
            "a server ended with {exit}: {}",
            server.stderr()
        );
    }

    let db = PgPool::connect_with(cluster.connect_options()).await?;
    report.figure("servers killed", kills);
    report.figure("slowest start", format!("{} ms", slowest.as_millis()));
    let cut = shared.cut.load(Ordering::SeqCst);
    report.figure("requests cut with their server", cut);
    verify(&db, &shared.ledger.take(), &mut report).await?;
    budget(&db, shared.refused.load(Ordering::SeqCst), &mut report).await?;
    db.close().await;
    cluster.stop().await?;
    Ok(report)
}

/// What the shared budget came to.
async fn budget(db: &PgPool, refused: usize, report: &mut Report) -> Result<()> {
    let (spent, leased): (i64, i64) = sqlx::query_as(
        "select coalesce(sum(spent_nanos), 0)::bigint, coalesce(sum(leased_nanos), 0)::bigint \
         from budget_periods where budget = 'shared'",
    )
    .fetch_one(db)
    .await?;
    let (cost, paused): (i64, i64) = sqlx::query_as(
        "select coalesce(sum(cost_nanos), 0)::bigint, count(*) filter (where state = 'paused') \
         from ai_requests where agent = $1",
    )
    .bind(AGENT)
    .fetch_one(db)
    .await?;
    report.figure("of the budget spent", format!("{} %", 100 * spent / LIMIT));
    report.check(
        "the budget's ledger is the sum of its requests",
        (spent != cost).then(|| format!("{spent} spent, {cost} in requests")),
    );
    report.check(
        "the budget is not overspent",
        (spent > LIMIT).then(|| format!("{spent} of {LIMIT}")),
    );
    report.check(
        "nothing stays reserved",
        (leased != 0).then(|| format!("{leased} leased")),
    );
    // Refusals are recorded less eagerly: a kill may take some with it.
    report.figure("refused for the budget", refused);
    report.figure("of these recorded", paused);
    Ok(())
}

/// Asks the next server in turn, and the next, until it is over.
async fn client(shared: Arc<Shared>, mut random: StdRng) {
    let mut connections: Vec<Option<Client>> = (0..shared.places.len()).map(|_| None).collect();
    while !shared.over.load(Ordering::SeqCst) {
        let (at, addr, kills) = shared.next();
        let mut connection = connections[at].take();
        if connection.as_ref().is_none_or(|known| known.addr() != addr) {
            connection = Some(Client::new(addr));
        }
        let mut connection = connection.expect("made above");
        let outcome = if random.random_bool(0.2) {
            frugal(&mut connection, addr, &shared).await
        } else {
            ask(&mut connection, addr, &shared, &mut random).await
        };
        match outcome {
            Ok(()) => connections[at] = Some(connection),
            // Looked at after the outcome: a kill is announced before it comes.
            Err(_) if shared.kills(at) != kills => {
                shared.cut.fetch_add(1, Ordering::SeqCst);
            }
            Err(error) => {
                let failure = format!("server {at}: {error:#}");
                shared.ledger.entries().failures.push(failure);
            }
        }
        sleep(PAUSE).await;
    }
}

async fn ask(
    client: &mut Client,
    addr: SocketAddr,
    shared: &Shared,
    random: &mut StdRng,
) -> Result<()> {
    let (asked, options) = choose(random);
    let request = asked.request(&addr.to_string(), &options);
    let response = client.begin(request).await;
    let response = response.inspect_err(|_| shared.ledger.entries().unanswered += 1)?;
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
    Ok(())
}

/// A request of the agent with a budget: answered, or refused for the budget.
async fn frugal(client: &mut Client, addr: SocketAddr, shared: &Shared) -> Result<()> {
    let asked = Asked {
        shape: &PLAIN[0],
        input: 10,
        output: 5,
    };
    let mut request = asked.request(&addr.to_string(), "");
    let agent = HeaderValue::from_static(AGENT);
    request.headers_mut().insert("x-systemprompt-agent", agent);
    let response = client.begin(request).await;
    let response = response.inspect_err(|_| shared.ledger.entries().unanswered += 1)?;
    let (head, id) = (Instant::now(), id(response.headers())?);
    let answer = read(response).await;
    ensure!(answer.cut.is_none(), "{:?}", answer.cut);
    match answer.status {
        StatusCode::OK => shared.ledger.entries().seen.push(Seen {
            id,
            asked,
            head,
            whole: true,
        }),
        StatusCode::TOO_MANY_REQUESTS if !answer.header("x-systemprompt-budget").is_empty() => {
            shared.refused.fetch_add(1, Ordering::SeqCst);
        }
        status => anyhow::bail!("{status}: {}", answer.text()),
    }
    Ok(())
}
