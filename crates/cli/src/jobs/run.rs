//! `systemprompt infra jobs run`: a job now, in this process.

use std::sync::Arc;

use clap::{ArgMatches, FromArgMatches};
use serde_json::{Value, json};
use systemprompt_domain::TraceId;
use systemprompt_domain::ids::BootId;
use systemprompt_jobs::{Outcome, Said, Surroundings, World, execute};
use systemprompt_storage::Storage;
use systemprompt_storage::jobs::{Ended, Plan, Run, claim_by_hand};
use systemprompt_storage::logs::{Level, Line, Logs};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{known, stamp, write_json};
use crate::Outside;
use crate::actor::actor;
use crate::command::Globals;
use crate::database;
use crate::failure::Failure;
use crate::human::text;

pub(super) const HELP: &str = "\
The job runs in this process, with the same claim as on a server: never beside another run of it,
and never twice for the same slot. It runs whether or not it is enabled. What it says is kept in
the logs under the run's trace.

A slot is the time at which it was due: the report of a slot is about the day before it. --param
sets scheduler.jobs.NAME.parameters for this run.

Examples:
  systemprompt infra jobs run retention
  systemprompt infra jobs run price_check --param source=prices.yaml
  systemprompt infra jobs run daily_traffic_report --slot 2026-11-28T06:00:00Z";

// No doc comment: clap would take it for the help of the whole command.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The job's name
    #[arg(value_name = "NAME")]
    name: String,
    /// A parameter for this run (can be repeated)
    #[arg(long, value_name = "KEY=VALUE")]
    param: Vec<String>,
    /// The time for which it runs, in RFC 3339 [default: now]
    #[arg(long, value_name = "TIME", value_parser = moment)]
    slot: Option<OffsetDateTime>,
    /// Answer in JSON
    #[arg(long, help_heading = "Output")]
    json: bool,
}

fn moment(text: &str) -> Result<OffsetDateTime, String> {
    let at = OffsetDateTime::parse(text, &Rfc3339);
    at.map_err(|_| "it is no time such as 2026-11-28T06:00:00Z".to_owned())
}

pub(super) fn run(
    matches: &ArgMatches,
    globals: &Globals,
    outside: &mut Outside<'_>,
) -> Result<(), Failure> {
    let args = Args::from_arg_matches(matches).expect("the command was made from these arguments");
    let job = known(&args.name)?;
    let mut sources = globals.sources();
    for param in &args.param {
        if !param.contains('=') {
            return Err(Failure::Usage(format!("--param is KEY=VALUE, not {param}")));
        }
        let set = format!("scheduler.jobs.{}.parameters.{param}", job.name);
        sources.sets.push(set);
    }
    let config = systemprompt_config::load(&sources)?;
    let plan = job.plan(&config.profile.scheduler);
    let (run, outcome) = database::with(&config, outside, async |storage, outside| {
        let pool = storage.control_pool();
        // A process is known by what no other has.
        let holder = BootId::new().0;
        let run = claim_by_hand(&pool, &plan, args.slot, holder, actor()).await?;
        let world = World::new(&config, storage, outside.clock);
        let outcome = watched(job, &world, (&plan, run.clone()), storage, outside).await;
        Ok((run, outcome))
    })?;
    report(&args, &run, outcome, outside)
}

/// Runs it and shows what it says, while it says it.
async fn watched(
    job: &'static systemprompt_jobs::Entry,
    world: &World,
    claimed: (&Plan, Run),
    storage: &Storage,
    outside: &mut Outside<'_>,
) -> Outcome {
    let (lines, mut said) = mpsc::unbounded_channel();
    let terminal: Arc<dyn Surroundings> = Arc::new(Terminal(lines));
    let stop = CancellationToken::new();
    let mut kept = Vec::new();
    let outcome = {
        let running = execute(job, world, &terminal, claimed, &stop);
        tokio::pin!(running);
        loop {
            tokio::select! {
                outcome = &mut running => break outcome,
                Some(line) = said.recv() => {
                    show(outside, &line);
                    kept.push(line);
                }
                // The run is given back, so that nobody takes it for dead.
                _ = tokio::signal::ctrl_c() => stop.cancel(),
            }
        }
    };
    while let Ok(line) = said.try_recv() {
        show(outside, &line);
        kept.push(line);
    }
    // The run is what counts; its lines are a help.
    if let Err(error) = Logs::new(storage.control_pool()).append(&kept).await {
        let _ = writeln!(outside.err, "its lines were not kept: {error}");
    }
    outcome
}

/// Progress that nobody can read is none to stop for.
fn show(outside: &mut Outside<'_>, line: &Line) {
    let mut shown = line.message.clone();
    for (name, value) in line.fields.iter().filter_map(Value::as_object).flatten() {
        let value = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        shown.push_str(&format!(" {name}={value}"));
    }
    let _ = writeln!(outside.err, "{}", text::clean(&shown));
}

/// What a run says comes to a terminal, and into the logs.
struct Terminal(mpsc::UnboundedSender<Line>);

impl Surroundings for Terminal {
    fn tell(&self, trace: TraceId, said: &Said<'_>) {
        let mut fields = said.fields.clone();
        fields["job"] = said.job.into();
        let line = Line {
            id: TraceId::new().0,
            created_at: OffsetDateTime::now_utc(),
            level: if said.warning {
                Level::Warn
            } else {
                Level::Info
            },
            target: "systemprompt_cli::jobs".to_owned(),
            message: said.message.to_owned(),
            trace_id: Some(trace.0),
            request_id: None,
            fields: Some(fields),
        };
        // Nobody listens after the end.
        let _ = self.0.send(line);
    }
}

fn report(
    args: &Args,
    run: &Run,
    outcome: Outcome,
    outside: &mut Outside<'_>,
) -> Result<(), Failure> {
    let (state, rows, result, error) = match outcome {
        Outcome::Ended(Ended::Succeeded { rows, result }) => {
            ("succeeded", Some(rows), Some(result), None)
        }
        Outcome::Ended(Ended::Failed { error }) => ("failed", None, None, Some(error)),
        Outcome::GivenBack => ("lost", None, None, Some("it was stopped".to_owned())),
        Outcome::Taken => {
            let error = "its lease ended: the database was away for too long";
            ("lost", None, None, Some(error.to_owned()))
        }
    };
    if args.json {
        let answer = json!({
            "id": run.id,
            "job": run.job,
            "slot": stamp(Some(run.slot)),
            "state": state,
            "rows": rows,
            "result": result,
            "error": error,
            "trace_id": run.trace.to_string(),
        });
        write_json(outside, &answer)?;
    } else if let Some(result) = &result {
        writeln!(outside.out, "{}: {}", run.job, text::clean(result))?;
    }
    match error {
        Some(error) => Err(Failure::Refused(format!("{} {state}: {error}", run.job))),
        None => Ok(()),
    }
}
