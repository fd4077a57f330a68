//! `systemprompt infra audit prove`: a proof of one event, and its check, which
//! needs no database.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{ArgMatches, FromArgMatches as _};
use systemprompt_audit::{Keys, PublicKey};
use systemprompt_config::Config;
use systemprompt_storage::audit::{self, Proof};

use crate::Outside;
use crate::alerts::write_json;
use crate::database;
use crate::failure::Failure;
use crate::progress::Progress;

pub(super) const HELP: &str = "\
The proof is JSON: the event's text, the hashes that lead from it to the root of the tree
(RFC 6962, 2.1.1), and the signed checkpoint that states the root. Whoever knows the log's public
key (`infra audit status`) can check it with --check, or with code of their own.

Examples:
  systemprompt infra audit prove 4711 > proof.json
  systemprompt infra audit prove 01935e8d-7c2a-7bbb-8000-0123456789ab
  systemprompt infra audit prove --check proof.json --key 'systemprompt/audit/…+1f2e3d4c+AS…'

Numbers of events: systemprompt analytics audit list";

// No doc comment: clap would take it for the help of the whole command.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The event's number or id
    #[arg(value_name = "EVENT", required_unless_present = "check")]
    event: Option<String>,
    /// Check the proof in this file instead, without a database
    #[arg(long, value_name = "FILE", conflicts_with = "event")]
    check: Option<PathBuf>,
    /// The log's public key to check with; this machine's own if absent
    #[arg(long, value_name = "KEY", requires = "check")]
    key: Option<String>,
}

pub(super) fn run(
    matches: &ArgMatches,
    config: &Config,
    outside: &mut Outside<'_>,
) -> Result<(), Failure> {
    let args = Args::from_arg_matches(matches).expect("the command was made from these arguments");
    if let Some(file) = &args.check {
        return check(file, args.key.as_deref(), config, outside);
    }
    let event = args.event.expect("clap requires it");
    let proof = database::with(config, outside, async |storage, outside| {
        let keys = storage.log()?;
        let mut progress = Progress::new(outside);
        let told = |done, of| progress.part("hashing", done, of, "");
        Ok(audit::prove(&storage.upkeep_pool(), keys.public(), &event, told).await?)
    })?;
    write_json(outside, &proof)
}

fn check(
    file: &Path,
    key: Option<&str>,
    config: &Config,
    outside: &mut Outside<'_>,
) -> Result<(), Failure> {
    let refused = |why: String| Failure::Refused(format!("{}: {why}", file.display()));
    let text = fs::read_to_string(file).map_err(|error| refused(error.to_string()))?;
    let proof: Proof = serde_json::from_str(&text)
        .map_err(|error| refused(format!("this is no proof of an event: {error}")))?;
    let own = config.profile.audit_keys();
    let (key, whose): (PublicKey, _) = match key {
        Some(key) => {
            let key = key
                .parse::<PublicKey>()
                .map_err(|error| Failure::Usage(format!("--key: {error}")))?;
            (key, "")
        }
        None if own.exists() => {
            let keys = Keys::load_or_make(&own).map_err(|error| refused(error.to_string()))?;
            (keys.public().clone(), "")
        }
        // It says at least that nothing of it was changed.
        None => {
            let key = proof.key.parse::<PublicKey>();
            let key = key.map_err(|_| refused("its key is no key of an audit log".to_owned()))?;
            (
                key,
                ". The key is the proof's own word: compare it with the log's",
            )
        }
    };
    proof
        .check(&key)
        .map_err(|why| refused(format!("it proves nothing: {why}")))?;
    writeln!(
        outside.out,
        "Event {} is in the log of {} events that {key} signed{whose}.",
        proof.index, proof.size
    )?;
    Ok(())
}
