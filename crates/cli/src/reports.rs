//! `systemprompt reports`: the daily report, made now or read again.

use std::path::{Path, PathBuf};

use clap::{ArgMatches, Args as _, Command, FromArgMatches};
use serde_json::{Value, json};
use systemprompt_config::Config;
use systemprompt_domain::period::Zone;
use systemprompt_jobs::reports::{self, Written};
use systemprompt_jobs::{REPORTS, write_atomically};
use systemprompt_reporting::report::{Day, Report};
use time::format_description::well_known::Rfc3339;

use crate::Outside;
use crate::command::{Globals, group};
use crate::database;
use crate::failure::Failure;
use crate::human;
use crate::human::column::Unit;

const HELP: &str = "\
Servers write the report about the day before every morning (the job daily_traffic_report), as
Markdown and as a page, into files/reports in the storage folder. Its days begin in the time zone
of scheduler.timezone.

Examples:
  systemprompt reports traffic --stdout
  systemprompt reports traffic --date 2026-11-28
  systemprompt reports show 2026-11-28";

// No doc comments: clap would take them for the help of the whole command.
#[derive(Debug, clap::Args)]
struct Traffic {
    /// The day: 2026-11-28, yesterday or today
    #[arg(long, value_name = "DATE", default_value = "yesterday")]
    date: String,
    /// Print the Markdown and write no file
    #[arg(long)]
    stdout: bool,
    /// Most rows of a table
    #[arg(long, value_name = "ROWS", value_parser = clap::value_parser!(u32).range(1..=100))]
    rows: Option<u32>,
    /// Answer in JSON
    #[arg(long, help_heading = "Output", conflicts_with = "stdout")]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct List {
    /// Answer in JSON
    #[arg(long, help_heading = "Output")]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Show {
    /// The report: its day, or its file's name
    #[arg(value_name = "DATE|NAME")]
    name: String,
    /// Print the page instead of the Markdown
    #[arg(long)]
    html: bool,
}

pub(crate) fn command() -> Command {
    let new = |name, about| Command::new(name).about(about);
    group("reports", "Make and read the reports about whole days")
        .after_help(HELP)
        .subcommand(Traffic::augment_args(new(
            "traffic",
            "Write the report about a day",
        )))
        .subcommand(List::augment_args(new(
            "list",
            "List the reports that were written",
        )))
        .subcommand(Show::augment_args(new(
            "show",
            "Print a report that was written",
        )))
}

pub(crate) fn run(
    command: &str,
    matches: &ArgMatches,
    globals: &Globals,
    outside: &mut Outside<'_>,
) -> Result<(), Failure> {
    let config = systemprompt_config::load(&globals.sources())?;
    match command {
        "traffic" => traffic(&args(matches), &config, outside),
        "list" => list(&args(matches), &config, outside),
        "show" => show(&args(matches), &config, outside),
        other => unreachable!("clap admits no other commands than {other:?}"),
    }
}

fn args<T: FromArgMatches>(matches: &ArgMatches) -> T {
    T::from_arg_matches(matches).expect("the command was made from these arguments")
}

fn folder(config: &Config) -> PathBuf {
    config.profile.server.storage.join(REPORTS)
}

fn traffic(args: &Traffic, config: &Config, outside: &mut Outside<'_>) -> Result<(), Failure> {
    let scheduler = &config.profile.scheduler;
    let job = &scheduler.jobs.daily_traffic_report;
    let zone: &Zone = job.timezone.as_ref().unwrap_or(&scheduler.timezone);
    let day = Day::parse(&args.date, outside.clock.now(), zone)
        .map_err(|error| Failure::Usage(error.to_string()))?;
    let rows = args.rows.unwrap_or(job.parameters.rows);
    let name = format!("traffic-{day}");
    let folder = folder(config);
    let report = database::with(config, outside, async |storage, outside| {
        let ctx = database::ctx(config, storage, outside);
        let report = Report::of(&ctx, day, rows).await?;
        if !args.stdout {
            // The page first: a report is there when its Markdown is.
            let files = [
                (format!("{name}.html"), report.html()),
                (format!("{name}.md"), report.markdown()),
            ];
            for (file, content) in files {
                let written = write_atomically(&folder, &file, content).await;
                written.map_err(|error| Failure::Refused(format!("{error:#}")))?;
            }
        }
        Ok(report)
    })?;
    if args.stdout {
        return Ok(outside.out.write_all(report.markdown().as_bytes())?);
    }
    let file = |extension: &str| folder.join(&name).with_added_extension(extension);
    if args.json {
        let answer = json!({
            "day": report.day.to_string(),
            "timezone": report.day.zone.to_string(),
            "markdown": file("md"),
            "html": file("html"),
        });
        return Ok(write_json(outside, &answer)?);
    }
    writeln!(outside.out, "{}", file("md").display())?;
    writeln!(outside.out, "{}", file("html").display())?;
    Ok(())
}

fn list(args: &List, config: &Config, outside: &mut Outside<'_>) -> Result<(), Failure> {
    let folder = folder(config);
    let written = reports::written(&folder).map_err(|error| unreadable(&folder, &error))?;
    let rows: Vec<Value> = written.iter().map(row).collect();
    if args.json {
        return Ok(write_json(outside, &json!({ "reports": rows }))?);
    }
    if rows.is_empty() {
        writeln!(
            outside.out,
            "No report was written yet. Servers write one every morning; \
             systemprompt reports traffic writes one now."
        )?;
        return Ok(());
    }
    let columns = [
        ("name", Unit::Text),
        ("written_at", Unit::Time),
        ("bytes", Unit::Count),
        ("page", Unit::Flag),
    ];
    let table = human::rows(&columns, &rows, outside.look);
    Ok(outside.out.write_all(table.as_bytes())?)
}

fn show(args: &Show, config: &Config, outside: &mut Outside<'_>) -> Result<(), Failure> {
    let folder = folder(config);
    let found = reports::find(&folder, &args.name).map_err(|error| unreadable(&folder, &error))?;
    let missing = || {
        Failure::NotFound(format!(
            "there is no report {}; systemprompt reports list shows those that were written",
            args.name
        ))
    };
    let report = found.ok_or_else(missing)?;
    let path = match args.html {
        true => report.page.ok_or_else(missing)?,
        false => report.markdown,
    };
    let content = std::fs::read(&path).map_err(|error| unreadable(&path, &error))?;
    Ok(outside.out.write_all(&content)?)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::Refused(format!("{} cannot be read: {error}", path.display()))
}

fn row(report: &Written) -> Value {
    json!({
        "name": report.name,
        "written_at": report.at.and_then(|at| at.format(&Rfc3339).ok()),
        "bytes": report.bytes,
        "page": report.page.is_some(),
        "file": report.markdown,
    })
}

fn write_json(outside: &mut Outside<'_>, value: &Value) -> std::io::Result<()> {
    serde_json::to_writer_pretty(&mut *outside.out, value)?;
    outside.out.write_all(b"\n")
}
