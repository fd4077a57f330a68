//! `systemprompt admin`: who may use the server.

mod agent;
mod token;
mod user;

use std::io;

use clap::{ArgMatches, Command};
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::Outside;
use crate::command::{Globals, group};
use crate::failure::Failure;

pub(crate) fn command() -> Command {
    group("admin", "Say who may use the server")
        .subcommand(user::command())
        .subcommand(token::command())
        .subcommand(agent::command())
}

pub(crate) fn run(
    group: &str,
    command: &str,
    matches: &ArgMatches,
    globals: &Globals,
    outside: &mut Outside<'_>,
) -> Result<(), Failure> {
    let config = systemprompt_config::load(&globals.sources())?;
    match group {
        "user" => user::run(command, matches, &config, outside),
        "token" => token::run(command, matches, &config, outside),
        "agent" => agent::run(command, matches, &config, outside),
        other => unreachable!("clap admits no other commands than {other:?}"),
    }
}

/// A moment as JSON has it.
fn stamp(at: Option<OffsetDateTime>) -> Option<String> {
    at.and_then(|at| at.format(&Rfc3339).ok())
}

/// Writes JSON as `--json` does everywhere.
fn write_json(outside: &mut Outside<'_>, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *outside.out, value)?;
    outside.out.write_all(b"\n")
}
