//! `systemprompt analytics`: one command for each question of the registry.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{ArgMatches, Args, Command, FromArgMatches};
use serde_json::Value;
use systemprompt_config::Config;
use systemprompt_domain::Sampling;
use systemprompt_reporting::{Answer, Entry, QUERIES, default_of, find};

use crate::Outside;
use crate::command::{Globals, group};
use crate::database;
use crate::export::{Envelope, Export};
use crate::failure::Failure;
use crate::human;

// How an answer is given. No doc comment: clap would take it for the help of
// the whole command.
#[derive(Clone, Debug, Args)]
#[group(skip)]
#[command(next_help_heading = "Output")]
pub(crate) struct Output {
    /// Answer in JSON, as the HTTP API does
    #[arg(long)]
    json: bool,
    /// Write the answer to a file: .csv, .json or .jsonl
    #[arg(long, value_name = "FILE")]
    export: Option<PathBuf>,
}

pub(crate) fn command() -> Command {
    let mut command = group(
        "analytics",
        "Ask about costs, requests, agents, conversations, web traffic and alerts",
    );
    let mut last = "";
    for entry in QUERIES
        .iter()
        .filter(|entry| std::mem::replace(&mut last, entry.group()) != entry.group())
    {
        command = command.subcommand(match entry.name() {
            None => question(entry, entry.group()),
            Some(_) => questions(entry),
        });
    }
    command
}

/// A group of questions; without a name it asks its first one.
fn questions(first: &Entry) -> Command {
    let about = format!(
        "{}: {}",
        capitalised(first.group()),
        names(first.group()).join(", ")
    );
    let since = first.params().pointer("/properties/since").is_some();
    let examples = format!(
        "Without a command this asks {}.\n\nExample:\n  systemprompt analytics {}{}",
        first.path.join(" "),
        first.group(),
        if since { " --since 7d" } else { "" },
    );
    let command = question(first, first.group())
        .about(about)
        .long_about(None)
        .after_help(examples)
        .args_conflicts_with_subcommands(true);
    let members = QUERIES
        .iter()
        .filter(|entry| entry.group() == first.group());
    command.subcommands(members.filter_map(|entry| Some(question(entry, entry.name()?))))
}

/// The command that asks a question.
pub(crate) fn question(entry: &Entry, name: &'static str) -> Command {
    let command = Output::augment_args(entry.augment(Command::new(name)));
    // Where there is nothing more to say, --help is as short as -h.
    if entry.description() == entry.about() {
        command.long_about(None)
    } else {
        command
    }
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// The names of a group's questions.
fn names(group: &str) -> Vec<&'static str> {
    QUERIES
        .iter()
        .filter(|entry| entry.group() == group)
        .filter_map(Entry::name)
        .collect()
}

/// Asks the question that the command's words name.
pub(crate) fn run(
    words: &[&str],
    matches: &ArgMatches,
    globals: &Globals,
    outside: &mut Outside<'_>,
) -> Result<(), Failure> {
    let entry = find(words)
        .or_else(|| default_of(words.first()?))
        .expect("commands are made from questions");
    let output = Output::from_arg_matches(matches).expect("every question has these arguments");
    let params = entry.from_matches(matches)?;
    let export = output.export.as_deref().map(Export::to).transpose()?;
    let config = systemprompt_config::load(&globals.sources())?;
    let answer = match &export {
        Some(export) => written(&config, entry, params, export, outside)?,
        None => database::ask(&config, entry, params, outside)?,
    };
    if let Some(export) = &export {
        writeln!(
            outside.err,
            "Wrote {} to {}.",
            count(&answer),
            export.path().display()
        )?;
    }
    if output.json {
        Envelope::new(entry, &answer).write(&mut *outside.out)?;
    } else if export.is_none() {
        outside
            .out
            .write_all(human::render(entry, &answer, &next(&config), outside.look).as_bytes())?;
    }
    if words != entry.path {
        let others = names(entry.group())
            .into_iter()
            .filter(|name| Some(*name) != entry.name());
        let others = others.collect::<Vec<_>>().join(", ");
        writeln!(
            outside.err,
            "This was {}. Other questions: {others}.",
            entry.path.join(" ")
        )?;
    }
    Ok(())
}

/// Asks, and writes the answer to a file. One that names people is there only once
/// the audit trail says so.
fn written(
    config: &Config,
    entry: &Entry,
    params: Value,
    export: &Export,
    outside: &mut Outside<'_>,
) -> Result<Answer<Value>, Failure> {
    database::with(config, outside, async |storage, outside| {
        let personal = entry.names_people(&params);
        let answer = entry
            .run(&database::ctx(config, storage, outside), params)
            .await?;
        let draft = export.draft(entry, &answer)?;
        if personal {
            let rows = answer.rows.len();
            let what = entry.path.join(" ");
            database::exported(storage, &what, export.format(), rows, outside).await?;
        }
        draft.publish()?;
        Ok(answer)
    })
}

/// How many rows were written, and what a file does not say of them.
fn count(answer: &Answer<Value>) -> String {
    let mut count = match answer.rows.len() {
        1 => "1 row".to_owned(),
        rows => format!("{rows} rows"),
    };
    if answer.more {
        count.push_str(", more exist");
    }
    if let Some(rate) = answer.sampled {
        let sampling = Sampling::new(rate);
        write!(count, ", sampled {sampling}").expect("a String takes all");
    }
    if let Some(currency) = &answer.currency {
        write!(count, ", amounts in {currency}").expect("a String takes all");
    }
    count
}

/// What to do where nothing was recorded.
fn next(config: &Config) -> String {
    let host = config.profile.server.listen;
    format!(
        "Ask about a longer period (--since 30d), or point an SDK at the gateway:\n\
         \x20 ANTHROPIC_BASE_URL=http://{host}/anthropic\n\
         \x20 OPENAI_BASE_URL=http://{host}/openai/v1"
    )
}
