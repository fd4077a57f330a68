//! Clients that ask one thing after another, of every kind, and write down what
//! they were told.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use hyper::{HeaderMap, StatusCode};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::ledger::{Ledger, Seen};
use super::shapes::{Asked, PLAIN, STREAMS};
use crate::client::{Client, read};

/// Clients go on.
const GO_ON: u8 = 0;
/// Clients end their requests and ask no more.
const ENOUGH: u8 = 1;
/// The server is about to die: what breaks now is no failure.
const DOOMED: u8 = 2;

/// Running clients.
pub(super) struct Traffic {
    phase: Arc<AtomicU8>,
    clients: JoinSet<()>,
}

impl Traffic {
    /// Starts `clients` clients; each waits for `pause` between two requests.
    pub(super) fn start(
        addr: SocketAddr,
        clients: usize,
        pause: Duration,
        ledger: &Ledger,
        random: &mut StdRng,
    ) -> Self {
        let phase = Arc::new(AtomicU8::new(GO_ON));
        let mut running = JoinSet::new();
        for _ in 0..clients {
            let random = StdRng::seed_from_u64(random.random());
            running.spawn(client(
                addr,
                random,
                pause,
                Arc::clone(&phase),
                ledger.clone(),
            ));
        }
        Self {
            phase,
            clients: running,
        }
    }

    /// From now on clients must expect the worst.
    pub(super) fn doom(&self) {
        self.phase.store(DOOMED, Ordering::SeqCst);
    }

    /// Lets every client end its request, and waits for them.
    pub(super) async fn end(self) {
        // A doomed client stays doomed.
        let _ = self
            .phase
            .compare_exchange(GO_ON, ENOUGH, Ordering::SeqCst, Ordering::SeqCst);
        self.clients.join_all().await;
    }
}

async fn client(
    addr: SocketAddr,
    mut random: StdRng,
    pause: Duration,
    phase: Arc<AtomicU8>,
    ledger: Ledger,
) {
    let mut client = Client::new(addr);
    while phase.load(Ordering::SeqCst) == GO_ON {
        let (asked, options) = choose(&mut random);
        let outcome = ask(&mut client, addr, asked, &options, &ledger).await;
        // Looked at after the outcome: the doom is proclaimed before it comes.
        let doomed = phase.load(Ordering::SeqCst) == DOOMED;
        match outcome {
            Ok(()) => {}
            Err(_) if doomed => {}
            Err(error) => ledger.entries().failures.push(format!("{error:#}")),
        }
        tokio::time::sleep(pause).await;
    }
}

/// What to ask next: mostly quick answers, some slow ones, some torn to pieces.
pub(super) fn choose(random: &mut StdRng) -> (Asked, String) {
    let kinds = if random.random_bool(0.5) {
        &STREAMS
    } else {
        &PLAIN
    };
    let asked = Asked {
        shape: &kinds[random.random_range(0..kinds.len())],
        input: random.random_range(1..100_000),
        output: random.random_range(1..10_000),
    };
    let options = match random.random_range(0..8) {
        0 => format!(",slow={},chunks=8", random.random_range(10..160)),
        1 => format!(",split={}", random.random_range(1..1_000)),
        2 => format!(",delay={}", random.random_range(1..100)),
        _ => String::new(),
    };
    (asked, options)
}

async fn ask(
    client: &mut Client,
    addr: SocketAddr,
    asked: Asked,
    options: &str,
    ledger: &Ledger,
) -> Result<()> {
    let response = client
        .begin(asked.request(&addr.to_string(), options))
        .await;
    let response = response.inspect_err(|_| ledger.entries().unanswered += 1)?;
    let head = Instant::now();
    let id = id(response.headers())?;
    let answer = read(response).await;
    let whole = answer.cut.is_none() && answer.status == StatusCode::OK;
    ledger.entries().seen.push(Seen {
        id,
        asked,
        head,
        whole,
    });
    if answer.status != StatusCode::OK {
        bail!("{} for {asked:?}: {}", answer.status, answer.text());
    }
    match answer.cut {
        None => Ok(()),
        Some(error) => Err(error).context("in the middle of an answer"),
    }
}

/// The id by which the client finds its request again.
pub(super) fn id(headers: &HeaderMap) -> Result<Uuid> {
    let id = headers
        .get("x-systemprompt-request-id")
        .context("an answer without a request id")?;
    Ok(id.to_str()?.parse()?)
}
