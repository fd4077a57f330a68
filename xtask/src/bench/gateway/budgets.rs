//! What budgets cost a request: two servers that differ in nothing else take
//! turns, so that whatever the machine does meanwhile it does to both.

use std::time::Duration;

use super::load::Shape;
use super::setup::Setup;
use super::{checked, median};
use crate::bench::report::Table;
use systemprompt_testkit::load::closed;

/// One budget for everybody, and each way to narrow one; none is used up.
const BUDGETS: &str = "analytics.alerts=[\
    {type: monthly_cost, threshold: 1000000, action: pause_requests},\
    {type: daily_cost, threshold: 100000, action: pause_requests, scope: {provider: anthropic}},\
    {type: daily_cost, threshold: 100000, action: pause_requests, scope: {model: claude-sonnet-4-5}},\
    {type: hourly_cost, threshold: 10000, action: pause_requests, scope: {agent: agent-07}}]";

const CONNECTIONS: usize = 16;

/// The server's CPU for a request without budgets and with them.
pub(super) async fn compare(
    without: &mut Setup,
    requests: usize,
    rounds: usize,
) -> anyhow::Result<Table> {
    let mut with = Setup::start(&[BUDGETS]).await?;
    let mut table = Table::new(
        "Budgets: server CPU in ms a request, medians of alternating runs",
        &["answer", "without budgets", "with four budgets", "more"],
    );
    for shape in Shape::ALL {
        let (mut off, mut on) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            off.push(cpu(without, shape, requests).await?);
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
    with.rows().await?;
    with.stop().await?;
    Ok(table)
}

async fn cpu(setup: &mut Setup, shape: Shape, requests: usize) -> anyhow::Result<Duration> {
    let target = shape.target(setup.server()?, "/anthropic");
    let before = setup.spent()?;
    setup.count(checked(closed(&target, CONNECTIONS, requests).await?)?);
    setup.settle().await?;
    Ok(((setup.spent()? - before) / requests).server)
}
