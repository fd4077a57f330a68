//! `systemprompt infra audit status`: how the log stands.

use clap::{ArgMatches, FromArgMatches as _};
use serde_json::json;
use systemprompt_config::Config;
use systemprompt_storage::audit;
use time::format_description::well_known::Rfc3339;

use crate::Outside;
use crate::alerts::write_json;
use crate::database;
use crate::failure::Failure;
use crate::human::figure;

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
    let (status, key) = database::with(config, outside, async |storage, _| {
        let status = audit::status(storage.pool()).await;
        let status = status.map_err(|error| Failure::Question(error.into()))?;
        let key = match storage.log() {
            Ok(keys) => Ok(keys.public().to_string()),
            Err(error) => Err(error.to_string()),
        };
        Ok((status, key))
    })?;
    let anchor = config.profile.audit_anchor();
    if args.json {
        let checkpoint = status
            .checkpoint
            .map(|(size, at)| json!({ "size": size, "created_at": at.format(&Rfc3339).ok() }));
        let told = json!({
            "log": status.log,
            "size": status.size,
            "dropped": status.dropped,
            "before": status.before,
            "checkpoint": checkpoint,
            "checkpoints": status.checkpoints,
            "people": status.people.0,
            "erased": status.people.1,
            "key": key.as_ref().ok(),
            "keys_missing": key.as_ref().err(),
            "anchor": anchor,
            "owned": status.owned,
        });
        return write_json(outside, &told);
    }
    let count = |n: u64| figure::grouped(&n.to_string());
    let size = status.size;
    let covered = match status.checkpoint {
        Some((covered, at)) => format!(
            "{} made, the last {} UTC over {} events, {} since",
            count(status.checkpoints),
            figure::moment(at, figure::Precision::Minute),
            count(covered),
            count(size.saturating_sub(covered)),
        ),
        None => "none yet".to_owned(),
    };
    let mut lines = vec![
        (
            "Log",
            status
                .log
                .map_or_else(|| "none".to_owned(), |log| log.to_string()),
        ),
        ("Events", count(size)),
        ("Checkpoints", covered),
    ];
    if status.dropped > 0 {
        lines.push((
            "Removed",
            format!("the first {}, by retention", count(status.dropped)),
        ));
    }
    if status.before > 0 {
        let before = count(status.before);
        lines.push((
            "Before",
            format!("{before} events from before the log, without proof"),
        ));
    }
    let (people, erased) = status.people;
    lines.push((
        "People",
        format!(
            "{} named by pseudonyms, {} erased",
            count(people),
            count(erased)
        ),
    ));
    lines.push(("Anchor", anchor.display().to_string()));
    lines.push((
        "Keys",
        match key {
            Ok(_) => config.profile.audit_keys().display().to_string(),
            Err(ref missing) => outside.look.alarming(missing),
        },
    ));
    if let Ok(key) = key {
        lines.push(("Public key", key));
    }
    if status.owned {
        let fence = "one role writes the log and owns its tables: the tree alone is the proof";
        lines.push(("Database", fence.to_owned()));
    }
    for (what, is) in lines {
        writeln!(outside.out, "{what:<11}  {is}")?;
    }
    Ok(())
}
