//! What attacks on the server's door cost everybody else: normal traffic at a
//! steady rate while each of them runs, and what logins tell by their time.

mod attacks;
mod login;

use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use systemprompt_testkit::load::{Load, open};

use self::attacks::{ATTACKS, Attack, Running};
use super::gateway::load::Shape;
use super::gateway::setup::Setup;
use super::machine;
use super::report::{Report, Table, count, millis};

/// Requests a second of normal traffic, and its connections.
const RATE: u32 = 200;
const CONNECTIONS: usize = 16;
/// How long an attack runs before anything is measured.
const UNDER_WAY: Duration = Duration::from_secs(1);

/// How much to send.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Seconds of normal traffic during each attack
    #[arg(long, default_value_t = 10)]
    seconds: usize,
    /// Logins with each kind of name
    #[arg(long, default_value_t = 200)]
    logins: usize,
}

pub(super) async fn run(options: Options, quick: bool) -> anyhow::Result<Report> {
    let (seconds, logins) = if quick {
        (2, 10)
    } else {
        (options.seconds, options.logins)
    };
    let mut report = Report::new("The door");
    let mut setup = Setup::start(&[
        "server.trusted_proxies=[127.0.0.1]",
        "server.tokens=[{name: bench, token: bench-0123456789abcdef}]",
    ])
    .await?;
    let mut traffic = Table::new(
        "Normal traffic while an attack runs: latency in ms from the moment a request should have left",
        &[
            "attack",
            "tries of the attack",
            "requests",
            "p50",
            "p99",
            "worst",
            "server memory MiB, highest",
        ],
    );
    let mut target = Shape::Plain.target(setup.server()?, "/anthropic");
    for request in Arc::make_mut(&mut target.requests) {
        let token = http_value("bench-0123456789abcdef");
        request.headers_mut().insert("x-systemprompt-token", token);
        // The token may not act for agents.
        request.headers_mut().remove("x-systemprompt-agent");
    }
    let attacks = [None].into_iter().chain(ATTACKS.iter().map(Some));
    for attack in attacks {
        let running = attack.map(|attack| Running::begin(attack, setup.server()));
        let running = running.transpose()?;
        tokio::time::sleep(UNDER_WAY).await;
        setup.forget_memory()?;
        let load = open(&target, CONNECTIONS, RATE, RATE as usize * seconds).await?;
        ensure!(
            load.refused == 0,
            "normal traffic was refused {} times",
            load.refused
        );
        let tries = running.map_or(0, Running::end);
        let name = attack.map_or("none", Attack::name);
        traffic.row(row(name, tries, &load, setup.memory()?.1));
        setup.count(load);
    }
    report.note(format!(
        "{RATE} requests a second over {CONNECTIONS} connections for {seconds} s in each row; the \
         attacker shares the machine"
    ));
    report.table(traffic);
    report.table(login::measure(&setup, logins).await?);
    report.note(format!("load average after the run: {}", machine::load()));
    setup.stop().await?;
    Ok(report)
}

fn http_value(text: &'static str) -> hyper::header::HeaderValue {
    hyper::header::HeaderValue::from_static(text)
}

#[allow(clippy::cast_precision_loss)] // counts are far below 2^52
fn row(name: &str, tries: u64, load: &Load, memory: u64) -> Vec<String> {
    let at = |q| millis(load.quantile(q).unwrap_or_default());
    vec![
        name.to_owned(),
        count(tries as f64),
        count(load.answered as f64),
        at(0.5),
        at(0.99),
        at(1.0),
        memory.to_string(),
    ]
}
