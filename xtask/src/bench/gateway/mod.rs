//! What the gateway adds to a request: the same load straight to a mock provider
//! and through the server, which records, syncs and rolls up as it always does.

mod load;
mod setup;

use std::time::Duration;

use anyhow::ensure;

use self::load::Shape;
use self::setup::{Setup, Spent};
use super::report::{Report, Table, count, millis};
use super::{disk, machine};
use systemprompt_testkit::load::{Load, closed, open};

/// How much to send.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Requests through the server in all, before its memory is looked at
    #[arg(long, default_value_t = 100_000)]
    requests: usize,
    /// Seconds of each run at a steady rate
    #[arg(long, default_value_t = 20)]
    seconds: usize,
}

/// Connections of the closed loop.
const CONNECTIONS: [usize; 3] = [1, 16, 64];
/// Requests a second of the open loop, and its connections.
const RATES: [u32; 2] = [300, 1_000];
const OPEN_CONNECTIONS: usize = 16;

pub(super) async fn run(options: Options, quick: bool) -> anyhow::Result<Report> {
    let (requests, seconds) = if quick {
        (5_000, 2)
    } else {
        (options.requests, options.seconds)
    };
    let mut report = Report::new("Gateway");
    let mut setup = Setup::start().await?;
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
        "Open loop: latency in ms at a steady rate, from the moment a request should have left",
        &[
            "answer",
            "requests/s",
            "p50 direct",
            "p50 through",
            "added p50",
            "p99 direct",
            "p99 through",
            "added p99",
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
            let alone = checked(open(&direct, OPEN_CONNECTIONS, rate, n).await?)?;
            let before = setup.spent()?;
            let load = setup.count(checked(open(&through, OPEN_CONNECTIONS, rate, n).await?)?);
            setup.settle().await?;
            let each = (setup.spent()? - before) / n;
            let (p50, p99) = (
                quantiles(&alone, &load, 0.5),
                quantiles(&alone, &load, 0.99),
            );
            let cells = p50.into_iter().chain(p99).chain(cpu(each));
            steady.row(
                [shape.name().to_owned(), rate.to_string()]
                    .into_iter()
                    .chain(cells),
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

fn quantiles(direct: &Load, through: &Load, q: f64) -> [String; 3] {
    let [direct, through] = [direct, through].map(|load| load.quantile(q).unwrap_or_default());
    [
        millis(direct),
        millis(through),
        millis(through.saturating_sub(direct)),
    ]
}

fn cpu(each: Spent) -> [String; 2] {
    let three = |time: Duration| format!("{:.3}", time.as_secs_f64() * 1e3);
    [three(each.server), three(each.postgres)]
}
