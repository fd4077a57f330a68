//! What the gateway adds to a request: the same load straight to a mock provider
//! and through the server, which records, syncs and rolls up as it always does.

pub(super) mod budgets;
pub(super) mod load;
pub(super) mod setup;
pub(super) mod soak;

use std::time::Duration;

use anyhow::ensure;

use self::load::Shape;
use self::setup::{Setup, Spent};
use super::report::{Report, Table, count, median, millis};
use super::{disk, machine};
use systemprompt_testkit::load::{Load, closed, open};

/// How much to send.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Requests through the server in all, before its memory is looked at
    #[arg(long, default_value_t = 100_000)]
    requests: usize,
    /// Seconds of each run at a steady rate
    #[arg(long, default_value_t = 8)]
    seconds: usize,
    /// Runs at each steady rate, of which the median is told
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

/// Connections of the closed loop.
const CONNECTIONS: [usize; 3] = [1, 16, 64];
/// Requests a second of the open loop, and its connections.
const RATES: [u32; 2] = [300, 1_000];
const OPEN_CONNECTIONS: usize = 16;

pub(super) async fn run(options: Options, quick: bool) -> anyhow::Result<Report> {
    let (requests, seconds, rounds) = if quick {
        (5_000, 2, 1)
    } else {
        (options.requests, options.seconds, options.rounds.max(1))
    };
    let mut report = Report::new("Gateway");
    let mut setup = Setup::start(&[]).await?;
    let sync = disk::fdatasync(setup.storage(), 1_000)?;

    let mut saturated = Table::new(
        "Closed loop: throughput and CPU of a saturated machine",
        &[
            "answer",
            "connections",
            "requests/s direct",
            "requests/s through",
            "server CPU ms/request",
            "PostgreSQL CPU ms/request",
        ],
    );
    let mut steady = Table::new(
        "Open loop: latency in ms at a steady rate, from the moment a request should have left: median (and worst) run",
        &[
            "answer",
            "requests/s",
            "p50 direct",
            "p50 through",
            "added p50",
            "p99 direct",
            "p99 through",
            "added p99",
            "disk p99 meanwhile",
            "server CPU ms/request",
            "PostgreSQL CPU ms/request",
        ],
    );
    for shape in Shape::ALL {
        let (direct, through) = (
            shape.target(setup.mock()?, ""),
            shape.target(setup.server()?, "/anthropic"),
        );
        closed(&direct, 16, 500).await?;
        setup.count(checked(closed(&through, 16, 500).await?)?);
        for connections in CONNECTIONS {
            let n = (requests / 20).max(500) * if connections == 1 { 1 } else { 2 };
            let alone = checked(closed(&direct, connections, n).await?)?;
            let before = setup.spent()?;
            let load = setup.count(checked(closed(&through, connections, n).await?)?);
            setup.settle().await?;
            let each = (setup.spent()? - before) / n;
            let cells = [count(alone.per_second()), count(load.per_second())];
            saturated.row(
                [shape.name().to_owned(), connections.to_string()]
                    .into_iter()
                    .chain(cells)
                    .chain(cpu(each)),
            );
        }
        for rate in RATES {
            let n = rate as usize * seconds;
            let (mut p50, mut p99) = (Round::default(), Round::default());
            let mut syncs = Vec::new();
            let before = setup.spent()?;
            for _ in 0..rounds {
                let alone = checked(open(&direct, OPEN_CONNECTIONS, rate, n).await?)?;
                let disk = disk::Probe::start(setup.storage());
                let load = setup.count(checked(open(&through, OPEN_CONNECTIONS, rate, n).await?)?);
                syncs.push(disk.p99()?);
                setup.settle().await?;
                p50.push(&alone, &load, 0.5);
                p99.push(&alone, &load, 0.99);
            }
            let each = (setup.spent()? - before) / (n * rounds);
            let cells = p50.cells().into_iter().chain(p99.cells());
            steady.row(
                [shape.name().to_owned(), count(f64::from(rate))]
                    .into_iter()
                    .chain(cells)
                    .chain([median_and_worst(syncs)])
                    .chain(cpu(each)),
            );
        }
    }
    let rest = requests.saturating_sub(setup.sent());
    if rest > 0 {
        let through = Shape::Plain.target(setup.server()?, "/anthropic");
        setup.count(checked(closed(&through, OPEN_CONNECTIONS, rest).await?)?);
    }
    let rows = setup.rows().await?;
    let (now, highest) = setup.memory()?;
    report.note(format!(
        "the disk's own fdatasync of 4 KiB: p50 {} ms, p99 {} ms",
        millis(sync.0),
        millis(sync.1)
    ));
    report.note(format!(
        "{} requests through the server, {rows} rows in ai_requests",
        setup.sent()
    ));
    report.note(format!(
        "memory of the server after them: {now} MiB, {highest} MiB at its highest"
    ));
    report.note(format!(
        "open loop: {rounds} runs of {seconds} s in each row"
    ));
    report.note(format!("load average after the run: {}", machine::load()));
    report.table(saturated);
    report.table(steady);
    setup.stop().await?;
    Ok(report)
}

/// A load of refusals is no measurement.
fn checked(load: Load) -> anyhow::Result<Load> {
    ensure!(
        load.refused == 0,
        "{} of {} answers were errors",
        load.refused,
        load.answered
    );
    Ok(load)
}

/// One quantile over the rounds of a row: straight, through the server, and the
/// difference within each round.
#[derive(Default)]
struct Round {
    direct: Vec<Duration>,
    through: Vec<Duration>,
    added: Vec<Duration>,
}

impl Round {
    fn push(&mut self, direct: &Load, through: &Load, q: f64) {
        let [direct, through] = [direct, through].map(|load| load.quantile(q).unwrap_or_default());
        self.direct.push(direct);
        self.through.push(through);
        self.added.push(through.saturating_sub(direct));
    }

    fn cells(self) -> [String; 3] {
        [self.direct, self.through, self.added].map(median_and_worst)
    }
}

/// "0.42 (3.10)"
fn median_and_worst(times: Vec<Duration>) -> String {
    let worst = times.iter().max().copied().unwrap_or_default();
    format!("{} ({})", millis(median(times)), millis(worst))
}

fn cpu(each: Spent) -> [String; 2] {
    let three = |time: Duration| format!("{:.3}", time.as_secs_f64() * 1e3);
    [three(each.server), three(each.postgres)]
}
