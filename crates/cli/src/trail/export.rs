//! `systemprompt infra audit export`: the texts of events, one a line.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use clap::{ArgMatches, FromArgMatches as _};
use systemprompt_config::Config;
use systemprompt_storage::audit::{self, ExportError};

use crate::Outside;
use crate::actor::actor;
use crate::database;
use crate::failure::Failure;
use crate::human::figure;
use crate::progress::Progress;

pub(super) const HELP: &str = "\
Each line is an event's text exactly as it was hashed: the leaf of line n of a whole export is the
SHA-256 of a zero byte and the line. People are named by pseudonyms; what the log was told about
requests is a digest of their rows. The export is itself recorded, as data_exported.

Examples:
  systemprompt infra audit export events.jsonl
  systemprompt infra audit export --from 1000 --to 2000 | jq .event";

// No doc comment: clap would take it for the help of the whole command.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The first event, by its number
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    from: u64,
    /// The event to stop before, by its number; the end of the log if absent
    #[arg(long, value_name = "NUMBER")]
    to: Option<u64>,
    /// Where to write; standard output if absent
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

pub(super) fn run(
    matches: &ArgMatches,
    config: &Config,
    outside: &mut Outside<'_>,
) -> Result<(), Failure> {
    let args = Args::from_arg_matches(matches).expect("the command was made from these arguments");
    let exported = database::with(config, outside, async |storage, outside| {
        storage.log()?;
        let mut file = args.file.as_ref().map(File::create).transpose()?;
        // Lines on a terminal are progress enough.
        let mut progress = Progress::on(outside.err, outside.live && file.is_some());
        let told = |done, of| progress.part("exporting", done, of, "");
        let out: &mut dyn Write = match &mut file {
            Some(file) => file,
            None => &mut *outside.out,
        };
        let mut out = BufWriter::new(out);
        let wanted = audit::Wanted {
            from: args.from,
            until: args.to,
            by: actor(),
            now: outside.clock.now(),
        };
        let exported = audit::export(&storage.upkeep_pool(), wanted, &mut out, told).await;
        let exported = exported.map_err(|error| match error {
            ExportError::Output(error) => Failure::Output(error),
            ExportError::Database(error) => Failure::Question(error.into()),
        })?;
        out.flush()?;
        Ok(exported)
    })?;
    if let Some(file) = &args.file {
        let events = figure::grouped(&exported.events.to_string());
        writeln!(outside.out, "{events} events are in {}.", file.display())?;
    }
    Ok(())
}
