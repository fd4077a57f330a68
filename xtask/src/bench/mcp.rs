//! What the MCP proxy adds to a tool call, and the wrapper around a server on standard
//! input and output: the same calls straight and through.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use sqlx::postgres::PgPoolOptions;
use systemprompt_storage::embedded::Embedded;
use systemprompt_testkit::client::Client;
use systemprompt_testkit::load::{Load, Target, closed};
use systemprompt_testkit::mcp::McpUpstream;
use systemprompt_testkit::process::ServerProcess;

use super::report::{Report, Table, count};
use super::{folder, machine, process, release};

/// How much to send.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Tool calls in each run
    #[arg(long, default_value_t = 10_000)]
    calls: usize,
    /// Runs, of which the median is told
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

/// Calls before anything is measured.
const WARM: usize = 500;
/// Agents that call at once.
const AGENTS: usize = 16;

pub(super) async fn run(options: Options, quick: bool) -> anyhow::Result<Report> {
    let (calls, rounds) = match quick {
        true => (500, 1),
        false => (options.calls, options.rounds.max(1)),
    };
    let mut report = Report::new("MCP");
    let mut http = Table::new(
        "Proxy: tool calls one after the other, latency in ms",
        &[
            "run",
            "calls",
            "p50 straight",
            "p50 through",
            "added p50",
            "p99 through",
            "server CPU ms/call",
        ],
    );
    let mcp = McpUpstream::start().await?;
    let folder = folder("mcp")?;
    let storage = folder.path().join("storage");
    let mut command = Command::new(release::program("systemprompt-server")?);
    command
        .args(["--listen", "127.0.0.1:0", "--storage"])
        .arg(&storage)
        .args(["--set", &format!("mcp.servers.tools.url={}", mcp.url())]);
    let mut server = ServerProcess::spawn(command).await?;
    let through = server.addr()?;
    measure(through, "/mcp/tools", WARM).await?;
    let mut sent = WARM;
    let mut cpus = Vec::new();
    for round in 1..=rounds {
        let straight = measure(mcp.addr, "/mcp", calls).await?;
        let before = process::cpu(server.pid())?;
        let proxied = measure(through, "/mcp/tools", calls).await?;
        // What is stored later belongs to the calls too.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let each = (process::cpu(server.pid())? - before) / u32::try_from(calls)?;
        sent += calls;
        cpus.push(each);
        let p50 = [quantile(&straight, 0.5), quantile(&proxied, 0.5)];
        http.row([
            round.to_string(),
            count(calls as f64),
            three(p50[0]),
            three(p50[1]),
            three(p50[1].saturating_sub(p50[0])),
            three(quantile(&proxied, 0.99)),
            three(each),
        ]);
    }
    let mut busy = Table::new(
        "Proxy: sixteen agents at once",
        &[
            "run",
            "calls",
            "calls/s straight",
            "calls/s through",
            "server CPU ms/call",
        ],
    );
    let mut busy_cpus = Vec::new();
    for round in 1..=rounds {
        let straight = checked(closed(&target(mcp.addr, "/mcp")?, AGENTS, calls).await?)?;
        let before = process::cpu(server.pid())?;
        let proxied = checked(closed(&target(through, "/mcp/tools")?, AGENTS, calls).await?)?;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let each = (process::cpu(server.pid())? - before) / u32::try_from(calls)?;
        sent += calls;
        busy_cpus.push(each);
        busy.row([
            round.to_string(),
            count(calls as f64),
            count(straight.per_second()),
            count(proxied.per_second()),
            three(each),
        ]);
    }
    let embedded = Embedded::start(&storage, |_| ()).await?;
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .connect_with(embedded.connect_options())
        .await?;
    let sum = "select coalesce(sum(executions), 0)::bigint from tool_day where cube = 'total'";
    let limit = Instant::now() + Duration::from_secs(60);
    loop {
        let rows: i64 = sqlx::query_scalar(sum).fetch_one(&pool).await?;
        if rows == i64::try_from(sent)? {
            break;
        }
        ensure!(
            Instant::now() < limit,
            "{rows} of {sent} calls were recorded"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    pool.close().await;
    embedded.stop().await?;
    server.sigterm()?;
    server.wait_exit(Duration::from_secs(30)).await?;
    report.note(format!("{sent} calls through the proxy, as many recorded"));
    for (cpus, who) in [(&mut cpus, "one agent"), (&mut busy_cpus, "sixteen agents")] {
        cpus.sort_unstable();
        report.note(format!(
            "server CPU for each call of {who}, median of {rounds} runs, storing included: {} ms",
            three(cpus[cpus.len() / 2])
        ));
    }
    report.table(http);
    report.table(busy);
    report.table(stdio(calls, rounds)?);
    report.note(format!("load average after the run: {}", machine::load()));
    Ok(report)
}

/// Calls a tool so often, one after the other; how long each took.
async fn measure(addr: SocketAddr, path: &str, calls: usize) -> anyhow::Result<Vec<Duration>> {
    let mut client = Client::new(addr);
    let mut times = Vec::with_capacity(calls);
    for n in 0..calls {
        let request = call(addr, path, n)?;
        let begun = Instant::now();
        let answer = client.send(request).await?;
        times.push(begun.elapsed());
        ensure!(answer.status.is_success(), "{}", answer.text());
    }
    times.sort_unstable();
    Ok(times)
}

/// Calls of several agents, each waiting for its answer.
fn target(addr: SocketAddr, path: &str) -> anyhow::Result<Target> {
    let requests = (0..64)
        .map(|n| call(addr, path, n))
        .collect::<Result<_, _>>()?;
    Ok(Target { addr, requests })
}

fn checked(load: Load) -> anyhow::Result<Load> {
    ensure!(load.refused == 0, "{} calls were refused", load.refused);
    Ok(load)
}

fn call(addr: SocketAddr, path: &str, n: usize) -> hyper::http::Result<Request<Full<Bytes>>> {
    let body = message(n);
    Request::post(path)
        .header("host", addr.to_string())
        .header("content-type", "application/json")
        .header("content-length", body.len())
        .body(Full::new(Bytes::from(body)))
}

fn message(n: usize) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":{n},"method":"tools/call","params":{{"name":"plain","arguments":{{"q":{n}}}}}}}"#
    )
}

/// The same over standard input and output: a server of one line of shell.
fn stdio(calls: usize, rounds: usize) -> anyhow::Result<Table> {
    // An answer for each line, at once, with its id.
    const SERVER: &str = r#"while read -r line; do id=${line#*\"id\":}; id=${id%%,*}; echo "{\"jsonrpc\":\"2.0\",\"id\":$id,\"result\":{}}"; done"#;
    let mut table = Table::new(
        "Wrapper: tool calls one after the other, latency in ms",
        &[
            "run",
            "calls",
            "p50 straight",
            "p50 wrapped",
            "added p50",
            "p99 wrapped",
        ],
    );
    let calls = calls.min(3_000);
    let folder = folder("mcp-wrap")?;
    for round in 1..=rounds {
        let mut straight = Command::new("sh");
        straight.args(["-c", SERVER]);
        let mut wrapped = Command::new(release::program("systemprompt")?);
        wrapped
            .args([
                "mcp",
                "wrap",
                "--server",
                "bench",
                "--to",
                "http://127.0.0.1:1",
                "--storage",
            ])
            .arg(folder.path().join("storage"))
            .args(["--", "sh", "-c", SERVER])
            .stderr(Stdio::null());
        let straight = talk(straight, calls)?;
        let wrapped = talk(wrapped, calls)?;
        let p50 = [quantile(&straight, 0.5), quantile(&wrapped, 0.5)];
        table.row([
            round.to_string(),
            count(calls as f64),
            three(p50[0]),
            three(p50[1]),
            three(p50[1].saturating_sub(p50[0])),
            three(quantile(&wrapped, 0.99)),
        ]);
    }
    Ok(table)
}

fn talk(mut command: Command, calls: usize) -> anyhow::Result<Vec<Duration>> {
    let mut child: Child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("starting a server on standard input and output")?;
    let mut to = child.stdin.take().context("its input")?;
    let mut from = BufReader::new(child.stdout.take().context("its output")?);
    let mut times = Vec::with_capacity(calls);
    let mut line = String::new();
    for n in 0..calls + 50 {
        let message = message(n) + "\n";
        let begun = Instant::now();
        to.write_all(message.as_bytes())?;
        line.clear();
        ensure!(from.read_line(&mut line)? > 0, "it ended");
        // The first ones start what is needed.
        if n >= 50 {
            times.push(begun.elapsed());
        }
    }
    drop(to);
    child.wait()?;
    times.sort_unstable();
    Ok(times)
}

fn quantile(sorted: &[Duration], q: f64) -> Duration {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let at = (sorted.len() as f64 * q) as usize;
    sorted
        .get(at.min(sorted.len().saturating_sub(1)))
        .copied()
        .unwrap_or_default()
}

fn three(time: Duration) -> String {
    format!("{:.3}", time.as_secs_f64() * 1e3)
}
