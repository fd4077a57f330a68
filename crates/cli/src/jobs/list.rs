//! `systemprompt infra jobs list` and `show`.

use clap::{ArgMatches, FromArgMatches};
use serde_json::{Value, json};
use systemprompt_config::{Config, Missed};
use systemprompt_jobs::{Entry, JOBS};
use systemprompt_storage::jobs::{self, Known, Recorded, Wanted, upcoming};
use time::OffsetDateTime;

use super::{Json, One, RUNS, failed, known, row, stamp, write_json};
use crate::Outside;
use crate::command::Globals;
use crate::database;
use crate::failure::Failure;
use crate::human;
use crate::human::column::Unit;

/// How many runs `show` shows.
const LATEST: i64 = 10;

pub(super) fn list(
    matches: &ArgMatches,
    globals: &Globals,
    outside: &mut Outside<'_>,
) -> Result<(), Failure> {
    let args = Json::from_arg_matches(matches).expect("the command was made from these arguments");
    let config = systemprompt_config::load(&globals.sources())?;
    let (switched, latest) = database::with(&config, outside, async |storage, _| {
        let pool = storage.pool();
        let switched = jobs::known(pool).await.map_err(failed)?;
        Ok((switched, jobs::latest(pool).await.map_err(failed)?))
    })?;
    let now = outside.clock.now();
    let rows = JOBS.iter().map(|job| {
        let last = latest.iter().find(|run| run.job == job.name);
        about(job, &config, &switched, last, now)
    });
    let rows: Vec<Value> = rows.collect();
    if args.json {
        return Ok(write_json(outside, &json!({ "jobs": rows }))?);
    }
    let columns = [
        ("name", Unit::Text),
        ("enabled", Unit::Flag),
        ("schedule", Unit::Text),
        ("timezone", Unit::Text),
        ("next", Unit::Time),
        ("last_slot", Unit::Time),
        ("last_state", Unit::Text),
        ("last_result", Unit::Text),
    ];
    let table = human::rows(&columns, &rows, outside.look);
    Ok(outside.out.write_all(table.as_bytes())?)
}

pub(super) fn show(
    matches: &ArgMatches,
    globals: &Globals,
    outside: &mut Outside<'_>,
) -> Result<(), Failure> {
    let args = One::from_arg_matches(matches).expect("the command was made from these arguments");
    let job = known(&args.name)?;
    let config = systemprompt_config::load(&globals.sources())?;
    let wanted = Wanted {
        job: Some(job.name),
        state: None,
        limit: LATEST,
    };
    let (switched, runs) = database::with(&config, outside, async |storage, _| {
        let pool = storage.pool();
        let switched = jobs::known(pool).await.map_err(failed)?;
        Ok((switched, jobs::history(pool, wanted).await.map_err(failed)?))
    })?;
    let mut answer = about(job, &config, &switched, runs.first(), outside.clock.now());
    let rows: Vec<Value> = runs.iter().map(row).collect();
    if args.json {
        answer["runs"] = json!(rows);
        return Ok(write_json(outside, &answer)?);
    }
    writeln!(outside.out, "{}: {}\n", job.name, job.about)?;
    for key in [
        "enabled",
        "decided_by",
        "schedule",
        "timezone",
        "next",
        "missed",
        "attempts",
        "timeout",
        "parameters",
    ] {
        let value = match &answer[key] {
            Value::String(text) => human::text::clean(text).into_owned(),
            Value::Null => "–".to_owned(),
            other => other.to_string(),
        };
        writeln!(outside.out, "{key:<12} {value}")?;
    }
    if rows.is_empty() {
        writeln!(outside.out, "\nIt has not run yet.")?;
        return Ok(());
    }
    let table = human::rows(&RUNS[1..], &rows, outside.look);
    Ok(write!(outside.out, "\n{table}")?)
}

/// A job as `--json` prints it.
fn about(
    job: &Entry,
    config: &Config,
    switched: &[Known],
    last: Option<&Recorded>,
    now: OffsetDateTime,
) -> Value {
    let scheduler = &config.profile.scheduler;
    let (plan, settings) = (job.plan(scheduler), job.settings(scheduler));
    let operator = switched
        .iter()
        .find(|known| known.name == job.name)
        .and_then(|known| known.enabled);
    let enabled = operator.unwrap_or(settings.enabled);
    let next = enabled
        .then(|| upcoming(&plan.schedule, &plan.zone, now))
        .flatten();
    json!({
        "name": job.name,
        "about": job.about,
        "enabled": enabled,
        "decided_by": if operator.is_some() { "operator" } else { "configuration" },
        "schedule": plan.schedule.to_string(),
        "timezone": plan.zone.to_string(),
        "next": stamp(next),
        "missed": match settings.missed {
            Missed::All => "all",
            Missed::Last => "last",
            Missed::Skip => "skip",
        },
        "attempts": settings.attempts,
        "timeout": format!("{}s", settings.timeout.as_secs_f64()),
        "parameters": job.parameters(scheduler),
        "last_slot": last.map(|run| stamp(Some(run.slot))),
        "last_state": last.map(|run| run.state.as_str()),
        "last_result": last.and_then(|run| run.result.as_deref().or(run.error.as_deref())),
    })
}
