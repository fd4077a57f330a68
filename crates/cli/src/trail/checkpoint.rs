//! `systemprompt infra audit checkpoint`: a checkpoint now.

use clap::{ArgMatches, FromArgMatches as _};
use serde_json::json;
use systemprompt_config::Config;
use systemprompt_storage::audit::{self, AnchorFile};

use crate::Outside;
use crate::alerts::write_json;
use crate::database;
use crate::failure::Failure;

pub(super) const HELP: &str = "\
Servers make one every minute by themselves. It is a signed note (C2SP tlog-checkpoint), also written
to this machine's anchor; keep a copy where nobody who can write to the database can change it.

Example:
  systemprompt infra audit checkpoint >> /mnt/elsewhere/checkpoints";

// No doc comment: clap would take it for the help of the whole command.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Answer in JSON
    #[arg(long, help_heading = "Output")]
    json: bool,
}

pub(super) fn run(
    matches: &ArgMatches,
    config: &Config,
    outside: &mut Outside<'_>,
) -> Result<(), Failure> {
    let args = Args::from_arg_matches(matches).expect("the command was made from these arguments");
    let anchor = AnchorFile::new(config.profile.audit_anchor());
    let made = database::with(config, outside, async |storage, _| {
        let keys = storage.log()?;
        Ok(audit::checkpoint(storage.pool(), &keys, &anchor).await?)
    })?;
    let made = made.ok_or_else(|| {
        Failure::Refused("a server is making a checkpoint at this moment; try again".to_owned())
    })?;
    if args.json {
        let told = json!({ "size": made.size, "new": made.new, "note": made.note });
        return write_json(outside, &told);
    }
    Ok(outside.out.write_all(made.note.as_bytes())?)
}
