//! The `systemprompt` command line: questions, alerts, logs, audit pages, tokens and
//! configuration checks for the operator, who reads the database directly.
//!
//! Commands and their help come from the registry of questions; what an answer
//! says is decided there, how it looks is decided here.

mod actor;
mod admin;
mod alerts;
mod analytics;
mod audit;
mod command;
mod config;
mod content;
mod database;
mod db;
mod doctor;
mod export;
mod failure;
mod human;
mod import;
mod jobs;
mod live;
mod logs;
mod mcp;
mod pricing;
mod progress;
mod reference;
mod reports;
mod shell;
mod trail;

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use systemprompt_domain::Clock;

pub use self::export::{Export, ExportError};
pub use self::human::{Look, render};
pub use self::reference::reference;

use self::command::Globals;
use self::failure::Failure;

/// What a run has of the world outside.
pub struct Outside<'a> {
    /// Where answers go.
    pub out: &'a mut dyn Write,
    /// Where everything else goes: complaints, progress, hints.
    pub err: &'a mut dyn Write,
    /// How the place of the answers looks.
    pub look: Look,
    /// Whether `err` is a terminal, on which progress can be drawn anew.
    pub live: bool,
    /// Where "now" comes from.
    pub clock: Clock,
}

/// The program: arguments from the process, answers to its outside.
#[must_use]
pub fn main() -> ExitCode {
    let mut outside = Outside {
        look: Look::of(&io::stdout()),
        live: io::stderr().is_terminal(),
        // Not locked: what speaks MCP writes to it from other threads.
        out: &mut io::stdout(),
        err: &mut io::stderr(),
        clock: Clock::System,
    };
    run(std::env::args_os(), &mut outside).into()
}

/// Runs one command line, of which the first argument is the program's name.
/// Returns the exit code: 0 for an answer, 1 for what is not found or fails, 2
/// for what cannot be asked.
pub fn run(args: impl IntoIterator<Item = OsString>, outside: &mut Outside<'_>) -> u8 {
    match dispatch(args, outside).and_then(|()| Ok(outside.out.flush()?)) {
        Ok(()) => 0,
        // A reader that has seen enough (`| head`) is no failure.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => 0,
        Err(failure) => {
            // Where complaints cannot be written there is nobody to read them.
            let _ = failure.report(outside.err);
            failure.exit_code()
        }
    }
}

/// Reads a command line, of which the first argument is the program's name, and does
/// nothing.
///
/// # Errors
/// It is none of this program; what is wrong with it.
pub fn check(args: impl IntoIterator<Item = OsString>) -> Result<(), String> {
    match command::command().try_get_matches_from(args) {
        Err(error) if error.use_stderr() => Err(error.to_string()),
        _ => Ok(()),
    }
}

fn dispatch(
    args: impl IntoIterator<Item = OsString>,
    outside: &mut Outside<'_>,
) -> Result<(), Failure> {
    let matches = match command::command().try_get_matches_from(args) {
        Ok(matches) => matches,
        Err(help) if !help.use_stderr() => {
            let text = help.render();
            let text = if outside.look.colour {
                text.ansi().to_string()
            } else {
                text.to_string()
            };
            outside.out.write_all(text.as_bytes())?;
            return Ok(());
        }
        Err(error) => return Err(Failure::CommandLine(error)),
    };
    let globals = Globals::of(&matches);
    let mut path = matches.subcommand();
    let mut words = Vec::new();
    let mut last = &matches;
    while let Some((word, matches)) = path {
        words.push(word);
        last = matches;
        path = matches.subcommand();
    }
    match words.as_slice() {
        ["analytics", "sessions", "live"] => live::run(last, &globals, outside),
        ["analytics", question @ ..] => analytics::run(question, last, &globals, outside),
        ["alerts", "status" | "history"] => analytics::run(&words, last, &globals, outside),
        ["alerts", "list"] => alerts::list(last, &globals, outside),
        ["alerts", "test"] => alerts::test(last, &globals, outside),
        ["alerts", "resume"] => alerts::resume(last, &globals, outside),
        ["infra", "logs", "view"] => logs::view(last, &globals, outside),
        ["infra", "logs", "search"] => logs::search(last, &globals, outside),
        ["infra", "logs", "stream"] => logs::stream(last, &globals, outside),
        ["infra", "logs", "export"] => logs::export(last, &globals, outside),
        ["infra", "logs", "trace", "list"] => {
            analytics::run(&["traces", "list"], last, &globals, outside)
        }
        ["infra", "logs", "trace", "show"] => audit::trace(last, &globals, outside),
        ["infra", "logs", "audit"] => audit::run(last, &globals, outside),
        ["infra", "audit", command] => trail::run(command, last, &globals, outside),
        ["infra", "jobs", command] => jobs::run(command, last, &globals, outside),
        ["infra", "db", command] => db::run(command, last, &globals, outside),
        ["admin", group, command] => admin::run(group, command, last, &globals, outside),
        ["reports", command] => reports::run(command, last, &globals, outside),
        ["mcp", "serve"] => mcp::serve(last, &globals, outside),
        ["mcp", "wrap"] => mcp::wrap::run(last, &globals, outside),
        ["mcp", "servers", "list"] => mcp::servers::list(last, &globals, outside),
        ["mcp", "servers", "test"] => mcp::servers::test(last, &globals, outside),
        ["import", what] => import::run(what, last, &globals, outside),
        ["export", what] => export::whole::run(what, last, &globals, outside),
        ["content", command] => content::run(command, last, &globals, outside),
        ["pricing", command] => pricing::run(command, last, &globals, outside),
        ["doctor"] => doctor::run(last, &globals, outside),
        ["completions"] => shell::completions(last, outside),
        ["man"] => shell::man(last, outside),
        ["config", "check"] => config::check(&globals, outside),
        ["config", "show"] => config::show(&globals, outside),
        ["config", "schema"] => config::schema(outside),
        other => unreachable!("clap admits no other commands than {other:?}"),
    }
}
