//! SIGTERM with open streams: those that can end do, the rest are cut when
//! patience runs out, and each is recorded as what became of it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use sqlx::PgPool;
use systemprompt_storage::embedded::Embedded;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::ledger::{Ledger, Seen};
use super::report::Report;
use super::shapes::{Asked, STREAMS};
use super::traffic::id;
use super::verify::verify;
use super::{command, until_stored};
use crate::PATIENCE;
use crate::client::{Client, read};
use crate::process::ServerProcess;
use crate::upstream::Upstream;

/// How long the server lets streams run on.
const STOP_TIMEOUT: Duration = Duration::from_secs(6);
/// What the rest of a stop may take on a machine that is busy: ends on disk, the database
/// stopped. Less than the long streams would.
const REST: Duration = Duration::from_secs(20);

/// Opens `streams` slow streams, half of which end soon, stops the server and
/// compares.
///
/// # Errors
/// The system could not be run at all; what it did wrong is in the report.
pub async fn run(streams: usize) -> Result<Report> {
    let mut report = Report::new(format!("term: {streams} open streams"));
    let storage = tempfile::tempdir()?;
    let upstream = Upstream::start(None).await?;
    let start = || {
        let mut command = command(storage.path(), &upstream.url())?;
        command
            .arg("--set")
            .arg(format!("limits.stop_timeout={}s", STOP_TIMEOUT.as_secs()));
        anyhow::Ok(command)
    };
    let mut server = ServerProcess::spawn(start()?).await?;
    let ledger = Ledger::default();
    let (began, mut heads) = mpsc::channel(streams.max(1));
    let mut clients = JoinSet::new();
    for number in 0..streams {
        clients.spawn(client(
            server.addr()?,
            number,
            began.clone(),
            ledger.clone(),
        ));
    }
    drop(began);
    let mut soon: HashMap<Uuid, bool> = HashMap::new();
    while soon.len() < streams {
        let Some((id, ends)) = heads.recv().await else {
            break;
        };
        soon.insert(id, ends);
    }
    ensure!(
        soon.len() == streams,
        "not every stream began: {:?}",
        ledger.entries().failures
    );

    let signalled = Instant::now();
    server.sigterm()?;
    let exit = server.wait_exit(STOP_TIMEOUT + REST).await;
    let took = signalled.elapsed();
    clients.join_all().await;
    report.figure("stopped after", format!("{} ms", took.as_millis()));
    report.check(
        "the server ends with 0, in time",
        match &exit {
            Ok(exit) if exit.success() => None,
            Ok(exit) => Some(format!("{exit}: {}", server.stderr())),
            Err(error) => Some(error.to_string()),
        },
    );

    // The next start must find nothing to settle; a stop right after it, too.
    let mut server = ServerProcess::spawn(start()?).await?;
    until_stored(server.addr()?, PATIENCE).await?;
    server.sigterm()?;
    let exit = server.wait_exit(REST).await?;
    let lost = server.stderr().contains("marked lost");
    report.check(
        "the next start finds nothing to settle",
        lost.then(|| server.stderr()),
    );
    report.check(
        "an idle server ends with 0",
        (!exit.success()).then_some(exit),
    );

    let cluster = Embedded::start(storage.path(), |_| ()).await?;
    let db = PgPool::connect_with(cluster.connect_options()).await?;
    let states = verify(&db, &ledger.take(), &mut report).await?;
    let expected = |ends| if ends { "completed" } else { "shutdown" };
    let wrong = soon.iter().filter_map(|(id, ends)| {
        let state = states.get(id).map_or("not stored", String::as_str);
        (state != expected(*ends)).then(|| format!("{id} is {state}, not {}", expected(*ends)))
    });
    report.check("each stream is completed or shutdown", wrong);
    let extra = states.len().abs_diff(streams);
    report.check(
        "there is a row for each stream",
        (extra > 0).then_some(states.len()),
    );
    db.close().await;
    cluster.stop().await?;
    Ok(report)
}

/// One stream from its head to whatever end it has. Every other one is over
/// soon after the stop begins.
async fn client(
    addr: SocketAddr,
    number: usize,
    began: mpsc::Sender<(Uuid, bool)>,
    ledger: Ledger,
) {
    let ends = number.is_multiple_of(2);
    let asked = Asked {
        shape: &STREAMS[number / 2 % STREAMS.len()],
        input: number as u64 + 1,
        output: 7,
    };
    let options = if ends {
        ",slow=150,chunks=6"
    } else {
        ",slow=500,chunks=60"
    };
    let outcome = async {
        let mut client = Client::new(addr);
        let response = client
            .begin(asked.request(&addr.to_string(), options))
            .await?;
        let (head, id) = (Instant::now(), id(response.headers())?);
        began.send((id, ends)).await?;
        let whole = read(response).await.cut.is_none();
        ensure!(whole == ends, "a stream ended early, or did not break off");
        ledger.entries().seen.push(Seen {
            id,
            asked,
            head,
            whole,
        });
        Ok(())
    };
    if let Err(error) = outcome.await {
        ledger
            .entries()
            .failures
            .push(format!("stream {number}: {error:#}"));
    }
}
