//! `systemprompt infra logs audit`: one request on a page, its cost to be
//! checked line by line.

mod page;

use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::{Value, json};
use systemprompt_reporting::find;

use crate::Outside;
use crate::command::Globals;
use crate::database;
use crate::export::Envelope;
use crate::failure::Failure;
use crate::human::column::Column;
use crate::human::locale::Locale;

pub(crate) fn command() -> Command {
    Command::new("audit")
        .about("Show one request: who, what, how long, and its cost line by line")
        .after_help("Example:\n  systemprompt infra logs audit 01935e8d-7c2a\n\nIds: systemprompt analytics requests list")
        .arg(
            Arg::new("id")
                .value_name("ID")
                .required(true)
                .help("The request's id, or its first 8 digits or more"),
        )
        .arg(
            Arg::new("json")
                .long("json")
                .action(ArgAction::SetTrue)
                .help_heading("Output")
                .help("Answer in JSON, as analytics requests show does"),
        )
}

pub(crate) fn run(
    matches: &ArgMatches,
    globals: &Globals,
    outside: &mut Outside<'_>,
) -> Result<(), Failure> {
    let id: &String = matches.get_one("id").expect("clap requires it");
    let entry = find(&["requests", "show"]).expect("the registry has it");
    let config = systemprompt_config::load(&globals.sources())?;
    let answer = database::ask(&config, entry, json!({ "id": id }), outside)?;
    if matches.get_flag("json") {
        Envelope::new(entry, &answer).write(&mut *outside.out)?;
    } else {
        let columns = Column::of(entry.row().as_value());
        let locale = Locale::of(&answer);
        for row in answer.rows.iter().filter_map(Value::as_object) {
            outside
                .out
                .write_all(page::page(&columns, row, &locale, outside.look).as_bytes())?;
        }
    }
    Ok(())
}
