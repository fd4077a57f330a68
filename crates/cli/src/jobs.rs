//! `systemprompt infra jobs`: what servers do by themselves, when they did it, and
//! doing it now.

mod history;
mod list;
mod run;
mod switch;

use std::io;

use clap::{ArgMatches, Args as _, Command};
use serde::Serialize;
use systemprompt_jobs::{Entry, JOBS, find};
use systemprompt_storage::jobs::Recorded;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::Outside;
use crate::command::{Globals, group};
use crate::failure::Failure;
use crate::human::column::Unit;

const HELP: &str = "\
Jobs are configured in services/scheduler/config.yaml; the profile and --set override single keys
(scheduler.jobs.NAME.…). Any number of servers share one schedule: each slot is run once.

Examples:
  systemprompt infra jobs list
  systemprompt infra jobs run daily_traffic_report --slot 2026-11-28T06:00:00Z
  systemprompt infra jobs history --job retention
  systemprompt infra jobs disable price_check";

// No doc comments: clap would take them for the help of the whole command.
#[derive(Debug, clap::Args)]
struct One {
    /// The job's name
    #[arg(value_name = "NAME")]
    name: String,
    /// Answer in JSON
    #[arg(long, help_heading = "Output")]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Json {
    /// Answer in JSON
    #[arg(long, help_heading = "Output")]
    json: bool,
}

pub(crate) fn command() -> Command {
    let new = |name, about| Command::new(name).about(about);
    group(
        "jobs",
        "See, run, enable and disable what servers do by themselves",
    )
    .after_help(HELP)
    .subcommand(Json::augment_args(new(
        "list",
        "List the jobs: when they run next, and how they went last",
    )))
    .subcommand(One::augment_args(new(
        "show",
        "Show a job with its settings and its latest runs",
    )))
    .subcommand(
        run::Args::augment_args(new("run", "Run a job now, whether or not a server runs"))
            .after_help(run::HELP),
    )
    .subcommand(history::Args::augment_args(new(
        "history",
        "List runs, the latest first",
    )))
    .subcommand(One::augment_args(new(
        "enable",
        "Let servers run a job, whatever their configuration says",
    )))
    .subcommand(One::augment_args(new(
        "disable",
        "Keep servers from running a job, whatever their configuration says",
    )))
}

pub(crate) fn run(
    command: &str,
    matches: &ArgMatches,
    globals: &Globals,
    outside: &mut Outside<'_>,
) -> Result<(), Failure> {
    match command {
        "list" => list::list(matches, globals, outside),
        "show" => list::show(matches, globals, outside),
        "run" => run::run(matches, globals, outside),
        "history" => history::run(matches, globals, outside),
        "enable" => switch::run(true, matches, globals, outside),
        "disable" => switch::run(false, matches, globals, outside),
        other => unreachable!("clap admits no other commands than {other:?}"),
    }
}

/// The job with a name, or the names there are.
fn known(name: &str) -> Result<&'static Entry, Failure> {
    find(name).ok_or_else(|| {
        let names: Vec<&str> = JOBS.iter().map(|job| job.name).collect();
        Failure::NotFound(format!(
            "there is no job {name}; there are {}",
            names.join(", ")
        ))
    })
}

/// The columns of runs.
const RUNS: [(&str, Unit); 9] = [
    ("job", Unit::Text),
    ("slot", Unit::Time),
    ("state", Unit::Text),
    ("attempt", Unit::Number),
    ("by", Unit::Text),
    ("duration_ms", Unit::Duration),
    ("rows", Unit::Count),
    ("result", Unit::Text),
    ("trace_id", Unit::Id),
];

/// A run as `--json` prints it.
fn row(run: &Recorded) -> serde_json::Value {
    let duration = run.finished_at.map(|end| {
        let took = (end - run.started_at).as_seconds_f64();
        (took * 1_000.0).round()
    });
    serde_json::json!({
        "id": run.id,
        "job": run.job,
        "slot": stamp(Some(run.slot)),
        "state": run.state.as_str(),
        "attempt": run.attempt,
        "by": run.by.as_deref().unwrap_or("schedule"),
        "started_at": stamp(Some(run.started_at)),
        "finished_at": stamp(run.finished_at),
        "next_at": stamp(run.next_at),
        "duration_ms": duration,
        "rows": run.rows,
        "result": run.result.as_deref().or(run.error.as_deref()),
        "error": run.error,
        "trace_id": run.trace.to_string(),
    })
}

/// A moment as JSON has it.
fn stamp(at: Option<OffsetDateTime>) -> Option<String> {
    let at = at?.to_offset(time::UtcOffset::UTC);
    at.format(&Rfc3339).ok()
}

/// Writes JSON as `--json` does everywhere.
fn write_json(outside: &mut Outside<'_>, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *outside.out, value)?;
    outside.out.write_all(b"\n")
}

/// Why the database gave no answer.
fn failed(error: impl Into<systemprompt_reporting::Error>) -> Failure {
    Failure::Question(error.into())
}
