//! Whether anything grows while the server goes on for long at half of what it can do:
//! memory, open files, what waits in the spool, the slowest answers.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use systemprompt_testkit::client::Client;
use systemprompt_testkit::load::{Load, closed, open};

use super::load::Shape;
use super::setup::Setup;
use super::{checked, cpu};
use crate::bench::report::{Report, Table, count, median, millis};
use crate::bench::{disk, machine, on_disk, process};

/// How long, and how much.
#[derive(Debug, clap::Args)]
pub(in crate::bench) struct Options {
    /// How long it goes on
    #[arg(long, default_value_t = 30)]
    minutes: usize,
    /// Requests a second; half of what a closed loop reaches unless said
    #[arg(long)]
    rate: Option<u32>,
}

/// Connections, and requests of the closed loop that finds what the server can do.
const CONNECTIONS: usize = 16;
const WARM: usize = 50_000;
/// How often the load stops for a moment to be looked at.
const STRETCHES: usize = 15;

/// What a stretch was like, and what there was after it.
struct Stretch {
    load: Load,
    disk: Duration,
    memory: u64,
    files: usize,
    backlog: u64,
    waiting: u64,
}

pub(in crate::bench) async fn run(options: Options, quick: bool) -> anyhow::Result<Report> {
    let minutes = if quick { 1 } else { options.minutes.max(1) };
    let mut report = Report::new("Soak");
    let mut setup = Setup::start(&[]).await?;
    let server = setup.server()?;
    let target = Shape::Plain.target(server, "/anthropic");
    let warm = if quick { WARM / 10 } else { WARM };
    let saturated = setup.count(checked(closed(&target, CONNECTIONS, warm).await?)?);
    setup.settle().await?;
    let most = saturated.per_second();
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // thousands
    let rate = options.rate.unwrap_or((most / 2.0) as u32).max(1);
    report.note(format!(
        "{rate} requests a second for {minutes} minutes over {CONNECTIONS} connections; a closed loop \
         reached {} a second before",
        count(most)
    ));
    let n = (rate as usize * minutes * 60).div_ceil(STRETCHES);
    let (sent, before) = (setup.sent(), setup.spent()?);
    let mut stretches = Vec::with_capacity(STRETCHES);
    for stretch in 1..=STRETCHES {
        let probe = disk::Probe::start(setup.storage());
        let load = setup.count(checked(open(&target, CONNECTIONS, rate, n).await?)?);
        let disk = probe.p99()?;
        stretches.push(look(&setup, server, load, disk).await?);
        eprintln!("{stretch} of {STRETCHES}");
    }
    setup.settle().await?;
    let sent = setup.sent() - sent;
    let [server_cpu, postgres_cpu] = cpu((setup.spent()? - before) / sent);
    let rows = setup.rows().await?;
    report.note(format!(
        "{} requests through the server, {rows} rows in ai_requests; CPU ms a request: server {server_cpu}, \
         PostgreSQL {postgres_cpu}",
        setup.sent()
    ));
    report.note(verdict(&stretches));
    report.note(format!("load average after the run: {}", machine::load()));
    report.table(table(&stretches, minutes));
    sqlx::raw_sql("analyze").execute(setup.pool()).await?;
    report.table(on_disk::table(setup.pool(), rows.cast_unsigned()).await?);
    setup.stop().await?;
    Ok(report)
}

/// What there is of what may grow.
async fn look(
    setup: &Setup,
    server: SocketAddr,
    load: Load,
    disk: Duration,
) -> anyhow::Result<Stretch> {
    let request = Request::get("/metrics").header("host", server.to_string());
    let answer = Client::new(server)
        .send(request.body(Full::<Bytes>::default())?)
        .await?
        .text();
    let backlog = answer
        .lines()
        .find_map(|line| line.strip_prefix("systemprompt_spool_backlog_bytes{lane=\"requests\"} "))
        .and_then(|bytes| bytes.parse().ok())
        .context("/metrics does not tell the spool's backlog")?;
    let stored = setup.stored().await?;
    Ok(Stretch {
        load,
        disk,
        memory: setup.memory()?.0,
        files: process::files(setup.server_pid())?,
        backlog,
        waiting: (setup.sent() as u64).saturating_sub(stored),
    })
}

/// What the last third is against the second third: the first one warms up.
fn verdict(stretches: &[Stretch]) -> String {
    let third = STRETCHES / 3;
    let of = |figure: &dyn Fn(&Stretch) -> Duration, part: usize| {
        median(
            stretches[part * third..][..third]
                .iter()
                .map(figure)
                .collect(),
        )
    };
    // Figures that are no times are put as if they were: their median is the same.
    let told = [
        (
            "p99",
            &(|one: &Stretch| one.load.quantile(0.99).unwrap_or_default())
                as &dyn Fn(&Stretch) -> Duration,
        ),
        ("memory", &|one| Duration::from_secs(one.memory)),
        ("open files", &|one| Duration::from_secs(one.files as u64)),
        ("backlog", &|one| Duration::from_secs(one.backlog)),
    ]
    .map(|(name, figure)| {
        let (middle, last) = (of(figure, 1), of(figure, 2));
        let change = last.as_secs_f64() / middle.as_secs_f64().max(f64::MIN_POSITIVE) - 1.0;
        match middle.is_zero() {
            true => format!("{name} from none to {}", last.as_secs()),
            false => format!("{name} {:+.0} %", 100.0 * change),
        }
    });
    format!(
        "the last third against the one before, medians: {}",
        told.join(", ")
    )
}

fn table(stretches: &[Stretch], minutes: usize) -> Table {
    let mut table = Table::new(
        "What grows",
        &[
            "minute",
            "requests",
            "p50 ms",
            "p99 ms",
            "disk p99 ms",
            "memory MiB",
            "open files",
            "spool, bytes waiting",
            "requests not stored yet",
        ],
    );
    for (at, stretch) in stretches.iter().enumerate() {
        let Stretch { load, .. } = stretch;
        let quantile = |q| millis(load.quantile(q).unwrap_or_default());
        #[allow(clippy::cast_precision_loss)] // far below 2^52
        table.row([
            format!("{:.0}", ((at + 1) * minutes) as f64 / STRETCHES as f64),
            count(load.answered as f64),
            quantile(0.5),
            quantile(0.99),
            millis(stretch.disk),
            stretch.memory.to_string(),
            stretch.files.to_string(),
            count(stretch.backlog as f64),
            count(stretch.waiting as f64),
        ]);
    }
    table
}
