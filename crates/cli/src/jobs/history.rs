//! `systemprompt infra jobs history`.

use clap::{ArgMatches, FromArgMatches};
use serde_json::{Value, json};
use systemprompt_storage::jobs::{self, RunState, Wanted};

use super::{RUNS, failed, known, row, write_json};
use crate::Outside;
use crate::command::Globals;
use crate::database;
use crate::failure::Failure;
use crate::human;

// No doc comment: clap would take it for the help of the whole command.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only runs of this job
    #[arg(long, value_name = "NAME")]
    job: Option<String>,
    /// Only runs that stand so: running, waiting, succeeded, failed, lost
    #[arg(long, value_name = "STATE")]
    state: Option<RunState>,
    /// Most runs to show
    #[arg(long, value_name = "ROWS", default_value_t = 20,
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
    /// Answer in JSON
    #[arg(long, help_heading = "Output")]
    json: bool,
}

pub(super) fn run(
    matches: &ArgMatches,
    globals: &Globals,
    outside: &mut Outside<'_>,
) -> Result<(), Failure> {
    let args = Args::from_arg_matches(matches).expect("the command was made from these arguments");
    if let Some(job) = &args.job {
        known(job)?;
    }
    let config = systemprompt_config::load(&globals.sources())?;
    let wanted = Wanted {
        job: args.job.as_deref(),
        state: args.state,
        limit: args.limit.into(),
    };
    let runs = database::with(&config, outside, async |storage, _| {
        jobs::history(storage.pool(), wanted).await.map_err(failed)
    })?;
    let rows: Vec<Value> = runs.iter().map(row).collect();
    if args.json {
        return Ok(write_json(outside, &json!({ "runs": rows }))?);
    }
    if rows.is_empty() {
        writeln!(
            outside.out,
            "No such runs. Servers run jobs; so does systemprompt infra jobs run NAME."
        )?;
        return Ok(());
    }
    let table = human::rows(&RUNS, &rows, outside.look);
    write!(outside.out, "{table}")?;
    writeln!(
        outside.out,
        "\nWhat a run said: systemprompt infra logs view --trace TRACE_ID"
    )?;
    Ok(())
}
