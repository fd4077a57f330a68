//! `systemprompt infra jobs list` and `show`.

use clap::{ArgMatches, FromArgMatches};
use serde_json::{Value, json};
use systemprompt_jobs::{JOBS, Standing};
use systemprompt_storage::jobs::{self, Wanted};

use super::{Json, One, RUNS, failed, known, row, write_json};
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
    let (now, scheduler) = (outside.clock.now(), &config.profile.scheduler);
    let rows = JOBS.iter().map(|job| {
        let last = latest.iter().find(|run| run.job == job.name);
        json!(Standing::of(job, scheduler, &switched, last, now))
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
    let (now, scheduler) = (outside.clock.now(), &config.profile.scheduler);
    let mut answer = json!(Standing::of(job, scheduler, &switched, runs.first(), now));
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
