//! `systemprompt infra audit`: whether the audit log is what was recorded, proofs
//! of it for others, and its texts.

mod checkpoint;
mod export;
mod prove;
mod status;
mod verify;

use clap::{ArgMatches, Args as _, Command};

use crate::Outside;
use crate::command::{Globals, group};
use crate::failure::Failure;

const HELP: &str = "\
Every audit event is a leaf of one hash tree. Its root is signed every minute, in the database and in
a file outside of it (the anchor: storage/audit/anchor). Whoever changes, removes or puts in an event
without the log's key (storage/keys/audit) is found out by `verify`. Copy the anchor to another
machine: it alone shows that an old copy of the whole database was put in its place.

Examples:
  systemprompt infra audit status
  systemprompt infra audit verify --anchor /mnt/elsewhere/anchor
  systemprompt infra audit prove 4711 > proof.json
  systemprompt infra audit export events.jsonl

The format, for verifiers of your own: docs/audit-log.md";

pub(crate) fn command() -> Command {
    group("audit", "Verify and prove what was recorded")
        .after_help(HELP)
        .subcommand(verify::Args::augment_args(
            Command::new("verify")
                .about("Compare the stored log with what was signed; exit code 1 if it was changed")
                .after_help(verify::HELP),
        ))
        .subcommand(prove::Args::augment_args(
            Command::new("prove")
                .about("Prove to others that the log has an event, or check such a proof")
                .after_help(prove::HELP),
        ))
        .subcommand(export::Args::augment_args(
            Command::new("export")
                .about("Write the events as they were hashed, one a line")
                .after_help(export::HELP),
        ))
        .subcommand(checkpoint::Args::augment_args(
            Command::new("checkpoint")
                .about("Sign what was recorded so far, and print the checkpoint")
                .after_help(checkpoint::HELP),
        ))
        .subcommand(status::Args::augment_args(Command::new("status").about(
            "Show how long the log is, how far it is covered, and its public key",
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
        "verify" => verify::run(matches, &config, outside),
        "prove" => prove::run(matches, &config, outside),
        "export" => export::run(matches, &config, outside),
        "checkpoint" => checkpoint::run(matches, &config, outside),
        "status" => status::run(matches, &config, outside),
        other => unreachable!("clap admits no other commands than {other:?}"),
    }
}
