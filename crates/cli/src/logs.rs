//! `systemprompt infra logs`: what servers said, and everything on one trace.

mod args;
mod export;
mod line;
mod stream;
mod view;

use clap::{Args as _, Command};
use systemprompt_reporting::find;

use crate::analytics::question;
use crate::audit;
use crate::command::group;

pub(crate) use self::export::run as export;
pub(crate) use self::line::fields;
pub(crate) use self::stream::run as stream;
pub(crate) use self::view::{search, view};

const EXAMPLES: &str = "\
Examples:
  systemprompt infra logs view --level warn --since 1h
  systemprompt infra logs search 'connection refused' --since 7d
  systemprompt infra logs stream
  systemprompt infra logs export --since yesterday --until today logs.csv
  systemprompt infra logs trace list --since 1h
  systemprompt infra logs audit 01935e8d-7c2a --full

Which lines are kept is set in the profile: server.keep_logs.";

pub(crate) fn command() -> Command {
    let list = find(&["traces", "list"]).expect("the registry has it");
    group("logs", "What servers said, and what happened on a trace")
        .after_help(EXAMPLES)
        .subcommand(view::View::augment_args(
            Command::new("view").about("Show what servers said, the newest first"),
        ))
        .subcommand(view::Search::augment_args(
            Command::new("search").about("Search what servers said for a text"),
        ))
        .subcommand(stream::Stream::augment_args(
            Command::new("stream").about("Show what servers say as they say it, until Ctrl-C"),
        ))
        .subcommand(export::Export::augment_args(Command::new("export").about(
            "Write what servers said to a file or a pipe, the oldest first",
        )))
        .subcommand(
            group("trace", "Traces of a period, and what happened on one")
                .subcommand(question(list, "list"))
                .subcommand(audit::trace_command()),
        )
        .subcommand(audit::command())
}
