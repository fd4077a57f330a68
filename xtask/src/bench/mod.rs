//! `cargo xtask bench gateway|soak|budgets|door|audit|ingest|mcp|collect|content|import|import-requests|
//! queries`: what the gateway adds to a request, whether that stays so, what budgets add to it, what attacks
//! do to everybody else, what the audit log costs, how fast events reach PostgreSQL, what passing tool calls
//! on costs, how many page views are taken, what counting content costs, how fast logs and requests of the
//! past are brought in, and whether answers stay fast as history grows. Figures go to standard output as
//! Markdown; what they mean is for `BENCHMARKS.md` to say.

mod audit;
mod collect;
mod content;
mod disk;
mod door;
mod gateway;
mod import;
mod ingest;
mod machine;
mod mcp;
mod on_disk;
mod process;
mod queries;
mod release;
mod report;

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Subcommand;

use self::report::Report;

/// What to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
    /// A small run, to see that everything works
    #[arg(long, global = true)]
    quick: bool,
    /// Write the figures as JSON too
    #[arg(long, global = true, value_name = "FILE")]
    json: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// What the gateway adds to a request: latency, CPU, memory
    Gateway(gateway::Options),
    /// Whether anything grows in half an hour at half of what the server can do
    Soak(gateway::soak::Options),
    /// What budgets cost a request
    Budgets(gateway::budgets::Options),
    /// What normal traffic feels of attacks, and what logins tell by their time
    Door(door::Options),
    /// What the audit log costs: appending, verifying, several servers at once
    Audit(audit::Options),
    /// How fast events go from the spool into PostgreSQL, part by part
    Ingest(ingest::Options),
    /// What the MCP proxy and the wrapper add to a tool call
    Mcp(mcp::Options),
    /// How many page views are taken, and how soon they are stored
    Collect(collect::Options),
    /// What bringing content's figures up to date costs over months of traffic
    Content(content::Options),
    /// How fast access logs of the past are brought in
    Import(import::Options),
    /// How fast requests that others recorded are brought in, and in how much memory
    ImportRequests(import::requests::Options),
    /// How long every question and every page of /admin takes over ninety days
    Queries(queries::Options),
}

/// Measures and prints.
///
/// # Errors
/// Something needed for the measurement cannot be built or started, or what was
/// measured did not do its work.
#[allow(clippy::print_stdout)] // the tables are what the task is for
pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    if cfg!(debug_assertions) {
        return release::run_again();
    }
    let Args { what, quick, json } = args;
    // One thread: what runs here shares the machine with what is measured.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let report: Report = runtime.block_on(async {
        match what {
            What::Gateway(options) => gateway::run(options, quick).await,
            What::Soak(options) => gateway::soak::run(options, quick).await,
            What::Budgets(options) => gateway::budgets::run(options, quick).await,
            What::Door(options) => door::run(options, quick).await,
            What::Audit(options) => audit::run(options, quick).await,
            What::Ingest(options) => ingest::run(options, quick).await,
            What::Mcp(options) => mcp::run(options, quick).await,
            What::Collect(options) => collect::run(options, quick).await,
            What::Content(options) => content::run(options, quick).await,
            What::Import(options) => import::run(options, quick),
            What::ImportRequests(options) => import::requests::run(options, quick),
            What::Queries(options) => queries::run(options, quick).await,
        }
    })?;
    print!("{}", report.markdown());
    if let Some(path) = json {
        let text = serde_json::to_string_pretty(&report.json())?;
        std::fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}

/// A new folder under `target/`, which lies on the disk that is worth measuring
/// (`/tmp` may be memory). It goes when it is dropped.
fn folder(name: &str) -> anyhow::Result<tempfile::TempDir> {
    let target = release::target()?;
    let made = tempfile::Builder::new()
        .prefix(&format!("bench-{name}-"))
        .tempdir_in(&target);
    let made = made.with_context(|| format!("making a folder in {}", target.display()))?;
    open_to_all(made.path())?;
    Ok(made)
}

/// PostgreSQL runs under an account of its own and has to enter the folder.
fn open_to_all(path: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    Ok(std::fs::set_permissions(
        path,
        std::fs::Permissions::from_mode(0o755),
    )?)
}
