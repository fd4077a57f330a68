//! Programs that break a running system on purpose and then count: nothing that
//! was acknowledged may be missing, nothing may be there twice, and every figure
//! must be right to the last digit. Tests run them short, `cargo xtask faults`
//! long.

mod ledger;
mod report;
mod shapes;
mod traffic;
mod verify;

pub mod database;
pub mod disk;
pub mod jobs;
pub mod kill;
pub mod postgres;
pub mod servers;
pub mod term;

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use hyper::Request;
use serde_json::Value;
use tokio::time::sleep;

pub use self::report::Report;
use crate::client::Client;
use crate::process::server_bin;

/// What a developer's environment may say, and a test must not hear.
const VARIABLES: [&str; 6] = [
    "DATABASE_URL",
    "RUST_LOG",
    "SYSTEMPROMPT_LISTEN",
    "SYSTEMPROMPT_PROFILE",
    "SYSTEMPROMPT_SET",
    "SYSTEMPROMPT_STORAGE",
];

/// A server command that hears nothing of the environment it is run in.
///
/// # Errors
/// The binary is not there and cannot be built.
pub fn bare_command() -> Result<Command> {
    let mut command = Command::new(server_bin()?);
    for variable in VARIABLES {
        command.env_remove(variable);
    }
    Ok(command)
}

/// A server on a free port with all its data in `storage` and `upstream` for
/// its three providers, whose keys are the clients' own.
///
/// # Errors
/// The binary is not there and cannot be built.
pub fn command(storage: &Path, upstream: &str) -> Result<Command> {
    let mut command = bare_command()?;
    command
        .args(["--listen", "127.0.0.1:0", "--storage"])
        .arg(storage);
    for provider in ["anthropic", "openai", "gemini"] {
        command
            .arg("--set")
            .arg(format!("providers.{provider}.base_url={upstream}"));
        command
            .arg("--set")
            .arg(format!("providers.{provider}.credentials=passthrough"));
    }
    Ok(command)
}

/// Runs a command that is expected to end by itself.
///
/// # Errors
/// It cannot be started, or still runs after `limit`.
pub async fn run_to_end(mut command: Command, limit: Duration) -> Result<Output> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().context("starting the command")?;
    let deadline = Instant::now() + limit;
    while child.try_wait()?.is_none() {
        if Instant::now() > deadline {
            child.kill()?;
            let output = child.wait_with_output()?;
            let said = String::from_utf8_lossy(&output.stderr);
            anyhow::bail!("still running after {limit:?}: {said}");
        }
        sleep(Duration::from_millis(10)).await;
    }
    Ok(child.wait_with_output()?)
}

/// What `/readyz` says.
///
/// # Errors
/// The server does not answer.
pub async fn readiness(addr: SocketAddr) -> Result<Value> {
    let request = Request::get("/readyz").header("host", addr.to_string());
    let answer = Client::new(addr)
        .send(request.body(Default::default())?)
        .await?;
    Ok(answer.json())
}

/// Waits until everything the spool holds is in the database.
///
/// # Errors
/// It is not after `limit`, or the server does not answer.
pub async fn until_stored(addr: SocketAddr, limit: Duration) -> Result<()> {
    let deadline = Instant::now() + limit;
    loop {
        let said = readiness(addr).await?;
        if said["spool_backlog_bytes"] == 0 && said["database"] == "ok" {
            return Ok(());
        }
        ensure!(
            Instant::now() < deadline,
            "not stored after {limit:?}: {said}"
        );
        sleep(Duration::from_millis(20)).await;
    }
}
