//! `systemprompt infra logs audit`: one request on a page, its cost to be
//! checked line by line; in full, everything that happened on its trace.

mod otlp;
mod page;
mod timeline;

use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::{Value, json};
use systemprompt_reporting::{self as reporting, Answer, find};

use crate::Outside;
use crate::alerts::{json as json_arg, write_json};
use crate::command::Globals;
use crate::database;
use crate::export::Envelope;
use crate::failure::Failure;
use crate::human::column::Column;
use crate::human::locale::Locale;

const EXAMPLES: &str = "\
Examples:
  systemprompt infra logs audit 01935e8d-7c2a
  systemprompt infra logs audit 01935e8d-7c2a --full
  systemprompt infra logs audit 01935e8d-7c2a --full --otlp |
    curl -H 'content-type: application/json' --data-binary @- http://collector:4318/v1/traces

Ids: systemprompt analytics requests list, systemprompt infra logs trace list

What is no request stands for its trace, which is shown in full.
An id that could mean several things is answered with what it could mean, and exit code 2.";

/// What an id may be of.
const IDS: &str =
    "The id of a request, a trace, a session or an audit event, or its first 8 digits or more";

/// What `--otlp` writes.
const OTLP: &str = "Write OpenTelemetry spans (OTLP in JSON), for POST /v1/traces of any collector";

fn otlp_arg() -> Arg {
    Arg::new("otlp")
        .long("otlp")
        .action(ArgAction::SetTrue)
        .conflicts_with("json")
        .help(OTLP)
}

fn id() -> Arg {
    Arg::new("id").value_name("ID").required(true).help(IDS)
}

pub(crate) fn command() -> Command {
    Command::new("audit")
        .about("Show one request: who, what, how long, its cost line by line, and its whole trace")
        .after_help(EXAMPLES)
        .arg(id())
        .arg(
            Arg::new("full")
                .long("full")
                .action(ArgAction::SetTrue)
                .help("Also show everything that happened on its trace, in order"),
        )
        .arg(otlp_arg())
        .arg(json_arg())
}

pub(crate) fn trace_command() -> Command {
    Command::new("show")
        .about("Show everything that happened on a trace, in order, as audit --full does")
        .arg(id())
        .arg(otlp_arg())
        .arg(json_arg())
}

/// Shows a request, and with `--full` its trace.
pub(crate) fn run(
    matches: &ArgMatches,
    globals: &Globals,
    outside: &mut Outside<'_>,
) -> Result<(), Failure> {
    show(matches, matches.get_flag("full"), globals, outside)
}

/// Shows a trace.
pub(crate) fn trace(
    matches: &ArgMatches,
    globals: &Globals,
    outside: &mut Outside<'_>,
) -> Result<(), Failure> {
    show(matches, true, globals, outside)
}

/// What was found.
struct Found {
    request: Option<Answer<Value>>,
    trace: Option<Answer<Value>>,
}

fn show(
    matches: &ArgMatches,
    full: bool,
    globals: &Globals,
    outside: &mut Outside<'_>,
) -> Result<(), Failure> {
    let id: &String = matches.get_one("id").expect("clap requires it");
    let config = systemprompt_config::load(&globals.sources())?;
    let [request, trace] = [["requests", "show"], ["traces", "show"]]
        .map(|path| find(&path).expect("the registry has it"));
    let as_spans = matches.get_flag("otlp");
    let (found, spans) = database::with(&config, outside, async |storage, outside| {
        let ctx = database::ctx(&config, storage, outside);
        let params = json!({ "id": id });
        let of_request = match request.run(&ctx, params.clone()).await {
            Ok(answer) => Some(answer),
            // It may be the id of something else, or of one thing among others.
            Err(reporting::Error::NotFound(_) | reporting::Error::Usage(_)) => None,
            Err(error) => return Err(error.into()),
        };
        let of_trace = if full || of_request.is_none() {
            Some(trace.run(&ctx, params).await?)
        } else {
            None
        };
        let found = Found {
            request: of_request,
            trace: of_trace,
        };
        let spans = match as_spans {
            true => Some(otlp::spans(storage, &found).await?),
            false => None,
        };
        Ok((found, spans))
    })?;
    if let Some(spans) = spans {
        return otlp::write(&found, &spans, outside);
    }
    if matches.get_flag("json") {
        return as_json(&found, outside);
    }
    if let Some(answer) = &found.request {
        let columns = Column::of(request.row().as_value());
        let locale = Locale::of(answer);
        for row in answer.rows.iter().filter_map(Value::as_object) {
            let page = page::page(&columns, row, &locale, outside.look);
            outside.out.write_all(page.as_bytes())?;
        }
    }
    if let Some(answer) = &found.trace {
        if found.request.is_some() {
            writeln!(outside.out)?;
        }
        let page = timeline::page(answer, outside.look);
        outside.out.write_all(page.as_bytes())?;
    }
    Ok(())
}

/// As the API answers: the request, or the trace and, if one was meant, the
/// request beside it.
fn as_json(found: &Found, outside: &mut Outside<'_>) -> Result<(), Failure> {
    let envelope = |path: &[&str], answer| {
        let entry = find(path).expect("the registry has it");
        serde_json::to_value(Envelope::new(entry, answer)).expect("plain data")
    };
    let request = found.request.as_ref();
    let whole = match &found.trace {
        Some(trace) => {
            let mut whole = envelope(&["traces", "show"], trace);
            if let Some(row) = request.and_then(|answer| answer.rows.first()) {
                whole["request"] = row.clone();
            }
            Some(whole)
        }
        None => request.map(|answer| envelope(&["requests", "show"], answer)),
    };
    write_json(outside, &whole)
}
