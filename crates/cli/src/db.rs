//! `systemprompt infra db`: how the database is, what takes up its room, what is
//! too old to keep, and whether its figures agree.

mod check;
mod distribute;
mod partitions;
mod retention;
mod status;

use clap::{ArgMatches, Args as _, Command};
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::Outside;
use crate::command::{Globals, group};
use crate::failure::Failure;
use crate::human::column::{Column, Unit};
use crate::human::figure;
use crate::human::table::{Filled, table};

pub(crate) fn command() -> Command {
    group("db", "Look after the database")
        .subcommand(Json::augment_args(Command::new("status").about(
            "Show the server, its size, the migrations, the spools and how far detail goes back",
        )))
        .subcommand(Json::augment_args(
            Command::new("partitions").about("List the parts of the large tables, with their size"),
        ))
        .subcommand(retention::Args::augment_args(
            Command::new("retention")
                .about("Remove what is older than it is to be kept, as servers do every hour")
                .after_help(retention::HELP),
        ))
        .subcommand(Json::augment_args(
            Command::new("distribute")
                .about("Spread the large tables over the nodes of a Citus cluster")
                .after_help(distribute::HELP),
        ))
        .subcommand(Json::augment_args(
            Command::new("check")
                .about("Compare every total with the requests it was made from")
                .after_help(check::HELP),
        ))
}

// No doc comment: clap would take it for the help of the whole command.
#[derive(Debug, clap::Args)]
struct Json {
    /// Answer in JSON
    #[arg(long, help_heading = "Output")]
    json: bool,
}

pub(crate) fn run(
    command: &str,
    matches: &ArgMatches,
    globals: &Globals,
    outside: &mut Outside<'_>,
) -> Result<(), Failure> {
    let config = systemprompt_config::load(&globals.sources())?;
    let json = matches.get_flag("json");
    match command {
        "status" => status::run(json, &config, outside),
        "partitions" => partitions::run(json, &config, outside),
        "retention" => retention::run(matches, &config, outside),
        "distribute" => distribute::run(json, &config, outside),
        "check" => check::run(json, &config, outside),
        other => unreachable!("clap admits no other commands than {other:?}"),
    }
}

/// A column of a table, by its cells.
fn column<R>(key: &str, unit: Unit, rows: &[R], cell: impl Fn(&R) -> String) -> Filled {
    Filled {
        column: Column {
            key: key.to_owned(),
            unit,
        },
        cells: rows.iter().map(cell).collect(),
    }
}

/// Writes a table, and what it had no room for.
fn write_table(columns: &[Filled], outside: &mut Outside<'_>) -> Result<(), Failure> {
    let table = table(columns, outside.look);
    let lacking = table.lacking();
    for line in table.lines.iter().chain(&lacking) {
        writeln!(outside.out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// Writes JSON as `--json` does everywhere.
fn write_json(outside: &mut Outside<'_>, value: &impl Serialize) -> Result<(), Failure> {
    serde_json::to_writer_pretty(&mut *outside.out, value).map_err(std::io::Error::from)?;
    Ok(outside.out.write_all(b"\n")?)
}

/// A moment for programs.
fn stamp(at: OffsetDateTime) -> Option<String> {
    at.format(&Rfc3339).ok()
}

/// A count for people.
fn count(n: i64) -> String {
    figure::grouped(&n.to_string())
}

/// A moment for people, in UTC.
fn minute(at: OffsetDateTime) -> String {
    figure::moment(at, figure::Precision::Minute)
}

/// Why the database gave no answer.
fn failed(error: impl Into<systemprompt_reporting::Error>) -> Failure {
    Failure::Question(error.into())
}
