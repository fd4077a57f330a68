//! What budgets cost a request: two servers that differ in nothing else take
//! turns, so that whatever the machine does meanwhile it does to both.

use std::time::Duration;

use super::load::Shape;
use super::setup::Setup;
use super::{checked, median};
use crate::bench::machine;
use crate::bench::report::{Report, Table};
use systemprompt_testkit::load::closed;

/// One budget for everybody, and each way to narrow one; none is used up.
const BUDGETS: &str = "analytics.alerts=[\
    {type: monthly_cost, threshold: 1000000, action: pause_requests},\
    {type: daily_cost, threshold: 100000, action: pause_requests, scope: {provider: anthropic}},\
    {type: daily_cost, threshold: 100000, action: pause_requests, scope: {model: claude-sonnet-4-5}},\
    {type: hourly_cost, threshold: 10000, action: pause_requests, scope: {agent: agent-07}}]";

const CONNECTIONS: usize = 16;

/// How much to send.
#[derive(Debug, clap::Args)]
pub(in crate::bench) struct Options {
    /// Requests of each run
    #[arg(long, default_value_t = 10_000)]
    requests: usize,
    /// Runs of each server with each answer, of which the median is told
    #[arg(long, default_value_t = 9)]
    rounds: usize,
}

/// The server's CPU for a request without budgets and with them.
pub(in crate::bench) async fn run(options: Options, quick: bool) -> anyhow::Result<Report> {
    let (requests, rounds) = if quick {
        (1_000, 1)
    } else {
        (options.requests, options.rounds.max(1))
    };
    let mut without = Setup::start(&[]).await?;
    let mut with = Setup::start(&[BUDGETS]).await?;
    let mut table = Table::new(
        "Server CPU in ms a request, medians of alternating runs",
        &["answer", "without budgets", "with four budgets", "more"],
    );
    for shape in Shape::ALL {
        // What is new to a process costs it more the first time.
        for setup in [&mut without, &mut with] {
            cpu(setup, shape, requests).await?;
        }
        let (mut off, mut on) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            off.push(cpu(&mut without, shape, requests).await?);
            on.push(cpu(&mut with, shape, requests).await?);
        }
        let (off, on) = (median(off), median(on));
        let more = on.as_secs_f64() / off.as_secs_f64() - 1.0;
        let millis = |time: Duration| format!("{:.3}", time.as_secs_f64() * 1e3);
        table.row([
            shape.name().to_owned(),
            millis(off),
            millis(on),
            format!("{:+.1} %", more * 100.0),
        ]);
    }
    let mut report = Report::new("Budgets");
    report.note(format!(
        "{rounds} runs of {requests} requests over {CONNECTIONS} connections for each figure"
    ));
    report.note(format!("load average after the run: {}", machine::load()));
    report.table(table);
    for setup in [without, with] {
        setup.rows().await?;
        setup.stop().await?;
    }
    Ok(report)
}

async fn cpu(setup: &mut Setup, shape: Shape, requests: usize) -> anyhow::Result<Duration> {
    let target = shape.target(setup.server()?, "/anthropic");
    let before = setup.spent()?;
    setup.count(checked(closed(&target, CONNECTIONS, requests).await?)?);
    setup.settle().await?;
    Ok(((setup.spent()? - before) / requests).server)
}
