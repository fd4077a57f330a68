//! `systemprompt infra audit verify`: one line and exit code 0, or every fault
//! that was found.

use std::fs;
use std::path::PathBuf;

use clap::{ArgMatches, FromArgMatches as _};
use serde_json::{Value, json};
use systemprompt_config::Config;
use systemprompt_reporting as reporting;
use systemprompt_storage::audit::{self, AnchorFile, Faults, Options, Verdict};

use crate::Outside;
use crate::alerts::write_json;
use crate::database;
use crate::failure::Failure;
use crate::human::{figure, text};
use crate::progress::Progress;

pub(super) const HELP: &str = "\
Checks the head, every checkpoint, the anchor and every event, as of one moment, while servers go on.
A fault is told with the number of its event and a name; docs/audit-log.md explains the names.

The anchor of this machine is always read. Give others, which may lie elsewhere, with --anchor.
With --rows, requests that are still stored are compared with what the log says of them, too.

Examples:
  systemprompt infra audit verify
  systemprompt infra audit verify --anchor /mnt/elsewhere/anchor --json
  systemprompt infra audit verify --from 2000000     # only what came after that checkpoint
  systemprompt infra audit verify --rows

Exit codes: 0 the log is sound, 1 it is not.";

// No doc comment: clap would take it for the help of the whole command.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Another file of checkpoints that were kept outside the database (can be repeated)
    #[arg(long = "anchor", value_name = "FILE")]
    anchors: Vec<PathBuf>,
    /// Begin at the checkpoint that covers so many events
    #[arg(long, value_name = "SIZE")]
    from: Option<u64>,
    /// Also compare the rows of requests with their digests
    #[arg(long)]
    rows: bool,
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
    let anchors = anchors(&args, config)?;
    let (verdict, owned) = database::with(config, outside, async |storage, outside| {
        let keys = storage.log()?;
        let pool = storage.upkeep_pool();
        let failed = |error| Failure::Question(reporting::Error::from(error));
        let owned = audit::status(storage.pool()).await.map_err(failed)?.owned;
        let options = Options {
            anchors: &anchors,
            from: args.from,
            rows: args.rows,
        };
        let mut progress = Progress::new(outside);
        let told = |done, of| progress.part("verifying", done, of, "");
        let verdict = audit::verify(&pool, &keys, options, told).await;
        Ok((verdict.map_err(failed)?, owned))
    })?;
    if let (Verdict::Unsound(faults), Some(from)) = (&verdict, args.from)
        && faults
            .findings
            .first()
            .is_some_and(|first| first.seq == from && first.kind.name() == "floor_unsigned")
    {
        return Err(Failure::Usage(format!(
            "--from {from}: no checkpoint covers exactly so many events; `systemprompt infra audit status` shows the last"
        )));
    }
    if args.json {
        write_json(outside, &answer(&verdict))?;
    }
    match verdict {
        Verdict::Sound {
            summary,
            rows,
            gone,
        } if !args.json => {
            let count = |n: u64| figure::grouped(&n.to_string());
            write!(
                outside.out,
                "The audit log is sound: {} events",
                count(summary.size)
            )?;
            if summary.dropped > 0 {
                let dropped = count(summary.dropped);
                write!(outside.out, " ({dropped} of them removed by retention)")?;
            }
            let (checkpoints, anchors) = (count(summary.checkpoints), count(summary.anchors));
            write!(
                outside.out,
                ", {checkpoints} checkpoints, {anchors} lines of anchors"
            )?;
            if args.rows {
                let (rows, gone) = (count(rows), count(gone));
                write!(outside.out, ", {rows} rows of requests ({gone} not stored)")?;
            }
            writeln!(outside.out, ", root {}", summary.root)?;
            if let Some(warning) = summary.warning {
                writeln!(
                    outside.err,
                    "note: event {} was recorded {} s before one that it follows: a clock was set back",
                    warning.seq,
                    warning.back.whole_seconds()
                )?;
            }
            if owned {
                writeln!(outside.err, "note: {OWNED}")?;
            }
            Ok(())
        }
        Verdict::Sound { .. } => Ok(()),
        Verdict::Unsound(faults) => {
            if !args.json {
                tell(&faults, outside)?;
            }
            Err(Failure::Refused(
                "the audit log is not what was recorded".to_owned(),
            ))
        }
    }
}

/// What one database role for everything means.
const OWNED: &str = "the role that writes the log also owns its tables, so no grants protect it: the tree is the proof";

/// The lines of this machine's anchor and of those that were named.
fn anchors(args: &Args, config: &Config) -> Result<Vec<String>, Failure> {
    let unreadable = |file: &PathBuf, error: std::io::Error| {
        Failure::Refused(format!(
            "cannot read the anchor {}: {error}",
            file.display()
        ))
    };
    let own = config.profile.audit_anchor();
    let mut lines = AnchorFile::new(own.clone())
        .lines()
        .map_err(|error| unreadable(&own, error))?;
    for file in &args.anchors {
        fs::metadata(file).map_err(|error| unreadable(file, error))?;
        let more = AnchorFile::new(file.clone()).lines();
        lines.extend(more.map_err(|error| unreadable(file, error))?);
    }
    Ok(lines)
}

fn tell(faults: &Faults, outside: &mut Outside<'_>) -> Result<(), Failure> {
    for finding in &faults.findings {
        let name = outside.look.alarming(finding.kind.name());
        let told = text::clean(&finding.kind.to_string()).into_owned();
        writeln!(outside.out, "event {}  {name}  {told}", finding.seq)?;
    }
    for (seq, request) in &faults.rows {
        let name = outside.look.alarming("row_differs");
        writeln!(
            outside.out,
            "event {seq}  {name}  the row of request {request} is not the one that was recorded"
        )?;
    }
    for pseudonym in &faults.people {
        let name = outside.look.alarming("person_differs");
        let who = text::clean(pseudonym).into_owned();
        writeln!(outside.out, "{who}  {name}  {PERSON}")?;
    }
    Ok(())
}

/// What is wrong with a person.
const PERSON: &str = "table audit_people: this pseudonym is not that of its name";

fn answer(verdict: &Verdict) -> Value {
    match verdict {
        Verdict::Sound {
            summary,
            rows,
            gone,
        } => json!({
            "sound": true,
            "size": summary.size,
            "dropped": summary.dropped,
            "root": summary.root.to_string(),
            "checkpoints": summary.checkpoints,
            "anchors": summary.anchors,
            "rows": rows,
            "rows_gone": gone,
            "clock_set_back": summary.warning.map(|warning| json!({
                "event": warning.seq,
                "seconds": warning.back.whole_seconds(),
            })),
            "faults": [],
        }),
        Verdict::Unsound(faults) => {
            let findings = faults.findings.iter().map(|finding| {
                json!({
                    "event": finding.seq,
                    "fault": finding.kind.name(),
                    "message": finding.kind.to_string(),
                })
            });
            let rows = faults.rows.iter().map(|(seq, request)| {
                json!({
                    "event": seq,
                    "fault": "row_differs",
                    "message": format!("the row of request {request} is not the one that was recorded"),
                })
            });
            let people = faults.people.iter().map(|pseudonym| {
                json!({ "person": pseudonym, "fault": "person_differs", "message": PERSON })
            });
            let all: Vec<Value> = findings.chain(rows).chain(people).collect();
            json!({ "sound": false, "faults": all })
        }
    }
}
