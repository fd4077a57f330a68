//! What budgets cost a request: two servers that differ in nothing else answer
//! at the same time, so that whatever the machine does it does to both.

use std::time::Duration;

use super::checked;
use super::load::Shape;
use super::setup::Setup;
use crate::bench::machine;
use crate::bench::report::{Report, Table, median};
use systemprompt_testkit::load::closed;

/// One budget for everybody, and each way to narrow one; none is used up.
const BUDGETS: &str = "analytics.alerts=[\
    {type: monthly_cost, threshold: 1000000, action: pause_requests},\
    {type: daily_cost, threshold: 100000, action: pause_requests, scope: {provider: anthropic}},\
    {type: daily_cost, threshold: 100000, action: pause_requests, scope: {model: claude-sonnet-4-5}},\
    {type: hourly_cost, threshold: 10000, action: pause_requests, scope: {agent: agent-07}}]";

/// To each server.
const CONNECTIONS: usize = 8;

/// How much to send.
#[derive(Debug, clap::Args)]
pub(in crate::bench) struct Options {
    /// Requests to each server in a run
    #[arg(long, default_value_t = 5_000)]
    requests: usize,
    /// Runs with each answer after each start
    #[arg(long, default_value_t = 10)]
    rounds: usize,
    /// How often both servers are started anew: no two processes are quite
    /// alike, and the luck of one is no difference
    #[arg(long, default_value_t = 3)]
    starts: usize,
}

/// The servers' CPU for a request in each run.
#[derive(Debug, Default)]
struct Runs {
    off: Vec<Duration>,
    on: Vec<Duration>,
}

/// The server's CPU for a request without budgets and with them.
pub(in crate::bench) async fn run(options: Options, quick: bool) -> anyhow::Result<Report> {
    let (requests, rounds, starts) = if quick {
        (1_000, 1, 1)
    } else {
        let Options {
            requests,
            rounds,
            starts,
        } = options;
        (requests, rounds.max(1), starts.max(1))
    };
    let mut runs = Shape::ALL.map(|shape| (shape, Runs::default()));
    for _ in 0..starts {
        measure(&mut runs, requests, rounds).await?;
    }
    let mut table = Table::new(
        "Server CPU in ms a request, medians; the difference within a run, median (least and most)",
        &["answer", "without budgets", "with four budgets", "more"],
    );
    for (shape, Runs { off, on }) in runs {
        let more = more(&off, &on);
        let millis = |time: Duration| format!("{:.3}", time.as_secs_f64() * 1e3);
        table.row([
            shape.name().to_owned(),
            millis(median(off)),
            millis(median(on)),
            more,
        ]);
    }
    let mut report = Report::new("Budgets");
    report.note(format!(
        "{starts} starts of both servers, {rounds} runs after each, \
         {requests} requests over {CONNECTIONS} connections to each server in a run"
    ));
    report.note(format!("load average after the run: {}", machine::load()));
    report.table(table);
    Ok(report)
}

/// Starts both servers and asks both at the same time.
async fn measure(runs: &mut [(Shape, Runs)], requests: usize, rounds: usize) -> anyhow::Result<()> {
    let mut without = Setup::start(&[]).await?;
    let mut with = Setup::start(&[BUDGETS]).await?;
    for (shape, runs) in runs {
        // What is new to a process costs it more the first time.
        for round in 0..=rounds {
            let off = cpu(&mut without, *shape, requests);
            let on = cpu(&mut with, *shape, requests);
            let (off, on) = tokio::try_join!(off, on)?;
            if round > 0 {
                runs.off.push(off);
                runs.on.push(on);
            }
        }
    }
    for setup in [without, with] {
        setup.rows().await?;
        setup.stop().await?;
    }
    Ok(())
}

/// "+2.9 % (-1.0, +6.2)"
fn more(off: &[Duration], on: &[Duration]) -> String {
    let pairs = off.iter().zip(on);
    let mut more: Vec<f64> = pairs
        .map(|(off, on)| (on.as_secs_f64() / off.as_secs_f64() - 1.0) * 100.0)
        .collect();
    more.sort_by(f64::total_cmp);
    match more.as_slice() {
        [] => String::new(),
        [least, .., most] => {
            let median = more[more.len() / 2];
            format!("{median:+.1} % ({least:+.1}, {most:+.1})")
        }
        [only] => format!("{only:+.1} %"),
    }
}

async fn cpu(setup: &mut Setup, shape: Shape, requests: usize) -> anyhow::Result<Duration> {
    let target = shape.target(setup.server()?, "/anthropic");
    let before = setup.spent()?;
    setup.count(checked(closed(&target, CONNECTIONS, requests).await?)?);
    setup.settle().await?;
    Ok(((setup.spent()? - before) / requests).server)
}
