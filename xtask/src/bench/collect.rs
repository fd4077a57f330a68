//! What the collecting of page views can do: events accepted durably, one to a
//! request and fifty, how long an answer takes at half of that, and how soon
//! everything is in the database.

use std::net::SocketAddr;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use systemprompt_storage::embedded::Embedded;
use systemprompt_testkit::load::{Load, Target, closed, open};
use systemprompt_testkit::process::ServerProcess;

use super::disk::Probe;
use super::report::{Report, Table, count, millis};
use super::{folder, machine, release};

/// How much to send.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Events in reports of fifty
    #[arg(long, default_value_t = 300_000)]
    events: usize,
    /// Reports of one event
    #[arg(long, default_value_t = 60_000)]
    reports: usize,
    /// Connections at once
    #[arg(long, default_value_t = 32)]
    connections: usize,
}

/// Events of a full report.
const FULL: usize = 50;
/// Reports a second that are to be answered soon: half of the 3,000 that we promise.
const STEADY: u32 = 1_500;
/// Everything must be in the database after this long.
const DRAIN: Duration = Duration::from_secs(120);

pub(super) async fn run(options: Options, quick: bool) -> anyhow::Result<Report> {
    let less = if quick { 20 } else { 1 };
    let (batches, reports) = (options.events / FULL / less, options.reports / less);
    let connections = options.connections;
    let mut report = Report::new("Collect");
    let folder = folder("collect")?;
    let storage = folder.path().join("storage");
    let mut command = Command::new(release::program("systemprompt-server")?);
    command
        .args(["--listen", "127.0.0.1:0", "--storage"])
        .arg(&storage);
    for setting in [
        "server.trusted_proxies=[127.0.0.1]",
        "web.sites=[example.com]",
        "web.requests_per_minute=4000000000",
    ] {
        command.args(["--set", setting]);
    }
    let mut server = ServerProcess::spawn(command)
        .await
        .context("starting the server")?;
    let embedded = Embedded::start(&storage, |_| ()).await?;
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .connect_with(embedded.connect_options())
        .await?;
    let addr = server.addr()?;

    let mut table = Table::new(
        "Events accepted durably",
        &[
            "events a report",
            "reports/s",
            "events/s",
            "p50 ms",
            "p99 ms",
            "disk p99 ms meanwhile",
            "in the database after s",
        ],
    );
    // A report is answered when it is on disk: the disk's stalls are those of the answers.
    let disk = || Probe::start(folder.path());
    let all = target(addr, batches, FULL, "full");
    let probe = disk();
    let full = closed(&all, connections, batches).await?;
    let probed = probe.p99()?;
    let accepted = full.answered as usize * FULL;
    let drained = settle(&pool, accepted as i64).await?;
    table.row(row("50", &full, FULL, probed, drained)?);
    let all = target(addr, reports, 1, "one");
    let probe = disk();
    let one = closed(&all, connections, reports).await?;
    let probed = probe.p99()?;
    let drained = settle(&pool, (accepted + reports) as i64).await?;
    table.row(row("1", &one, 1, probed, drained)?);
    let mut sent = accepted + reports;
    let half = (one.per_second() / 2.0) as u32;
    for (name, run, rate) in [
        ("1, at a steady 1,500 a second", "steady", STEADY),
        ("1, at half of what was reached", "half", half),
    ] {
        let paced = (rate as usize * 10).min(reports);
        let all = target(addr, paced, 1, run);
        let probe = disk();
        let load = open(&all, connections, rate, paced).await?;
        let probed = probe.p99()?;
        sent += paced;
        let drained = settle(&pool, sent as i64).await?;
        table.row(row(name, &load, 1, probed, drained)?);
    }
    report.table(table);
    report.note(format!(
        "{connections} connections on loopback; the load runs on the same machine; each report is of another visitor"
    ));
    report.note(format!("load average after the run: {}", machine::load()));
    pool.close().await;
    embedded.stop().await?;
    server.sigterm()?;
    let status = server.wait_exit(Duration::from_secs(30)).await?;
    ensure!(
        status.success(),
        "the server ended with {status}:\n{}",
        server.stderr()
    );
    Ok(report)
}

#[allow(clippy::cast_precision_loss)] // counts are far below 2^52
fn row(
    name: &str,
    load: &Load,
    events: usize,
    disk: Duration,
    drained: Duration,
) -> anyhow::Result<[String; 7]> {
    ensure!(load.refused == 0, "{} reports were refused", load.refused);
    let quantile = |q| load.quantile(q).map_or_else(String::new, millis);
    Ok([
        name.to_owned(),
        count(load.per_second()),
        count(load.per_second() * events as f64),
        quantile(0.5),
        quantile(0.99),
        millis(disk),
        format!("{:.1}", drained.as_secs_f64()),
    ])
}

/// Waits until so many events are stored.
async fn settle(pool: &PgPool, events: i64) -> anyhow::Result<Duration> {
    let began = Instant::now();
    loop {
        let stored: i64 = sqlx::query_scalar(
            "select (select count(*) from open_page_views) + (select count(*) from engagement_events)",
        )
        .fetch_one(pool)
        .await?;
        if stored == events {
            return Ok(began.elapsed());
        }
        ensure!(
            began.elapsed() < DRAIN,
            "{stored} of {events} events are stored"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Reports of different visitors, each of `events` events.
fn target(addr: SocketAddr, reports: usize, events: usize, run: &str) -> Target {
    let requests = (0..reports).map(|n| {
        let body = match events {
            1 => view(run, n, 0),
            _ => Value::from_iter((0..events).map(|event| match event % 10 {
                0 => view(run, n, event / 10),
                seq => json!({
                    "p": page_view(run, n, event / 10), "n": seq, "e": 4_000, "d": 10 * seq, "c": 0,
                }),
            })),
        };
        let address = format!("10.{}.{}.{}", (n >> 16) & 255, (n >> 8) & 255, n & 255);
        hyper::Request::post("/api/collect")
            .header("host", addr.to_string())
            .header(
                "user-agent",
                format!(
                    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/{run}{}.0",
                    n % 256
                ),
            )
            .header("accept-language", "en-GB,en;q=0.5")
            .header("x-forwarded-for", address)
            .body(body.to_string().into())
            .expect("every part above is valid")
    });
    Target {
        addr,
        requests: requests.collect(),
    }
}

fn page_view(run: &str, n: usize, page: usize) -> String {
    format!("{run}-{n:08}-{page:04}")
}

fn view(run: &str, n: usize, page: usize) -> Value {
    json!({
        "p": page_view(run, n, page), "n": 0, "u": format!("https://example.com/page/{}", (n + page) % 200),
        "t": "A page of the benchmark", "r": "https://www.google.com/", "s": "1920x1080",
    })
}
