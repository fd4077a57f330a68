//! `systemprompt pricing`: the prices in force, bringing others, and pricing
//! history again.

mod import;
mod list;
mod recompute;
mod show;

use std::io::{self, Write};

use clap::{ArgMatches, Args as _, Command};
use serde::Serialize;
use systemprompt_config::Config;
use systemprompt_pricing::{Catalogue, LAUNCH, PriceVersion};
use systemprompt_storage::prices;
use time::{Date, OffsetDateTime, UtcOffset};

use crate::Outside;
use crate::command::{Globals, group};
use crate::database;
use crate::failure::Failure;

pub(crate) fn command() -> Command {
    group("pricing", "See and change prices, and price history again")
        .subcommand(list::Args::augment_args(
            Command::new("list")
                .about("List the prices in force: per million tokens, in US dollars")
                .after_help(list::HELP),
        ))
        .subcommand(show::Args::augment_args(
            Command::new("show")
                .about("Show every price a model had, has and will have")
                .after_help(show::HELP),
        ))
        .subcommand(import::Import::augment_args(
            Command::new("import")
                .about("Import prices from a file, over the compiled ones")
                .after_help(import::IMPORT_HELP),
        ))
        .subcommand(import::Diff::augment_args(
            Command::new("diff")
                .about("Compare the prices in force with a file")
                .after_help(import::DIFF_HELP),
        ))
        .subcommand(recompute::Args::augment_args(
            Command::new("recompute")
                .about("Price stored requests again, with the prices in force")
                .after_help(recompute::HELP),
        ))
}

pub(crate) fn run(
    command: &str,
    matches: &ArgMatches,
    globals: &Globals,
    outside: &mut Outside<'_>,
) -> Result<(), Failure> {
    let config = systemprompt_config::load(&globals.sources())?;
    match command {
        "list" => list::run(matches, &config, outside),
        "show" => show::run(matches, &config, outside),
        "import" => import::import(matches, &config, outside),
        "diff" => import::diff(matches, &config, outside),
        "recompute" => recompute::run(matches, &config, outside),
        other => unreachable!("clap admits no other commands than {other:?}"),
    }
}

/// The prices in force, the profile's included.
fn in_force(config: &Config, outside: &mut Outside<'_>) -> Result<Catalogue, Failure> {
    let custom = &config.profile.analytics.costs.custom_pricing;
    database::with(config, outside, async |storage, _| {
        Ok(prices::in_force(storage.pool(), custom).await?)
    })
}

/// What a version is on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Past,
    InForce,
    Scheduled,
    /// It would be in force, but the profile states another price.
    Overridden,
}

impl State {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Past => "past",
            Self::InForce => "in force",
            Self::Scheduled => "scheduled",
            Self::Overridden => "overridden",
        }
    }

    /// The state of a version among those listed under a name.
    fn of(version: &PriceVersion, catalogue: &Catalogue, name: &str, day: Date) -> Self {
        if version.custom {
            return Self::InForce;
        }
        let history = catalogue.history(&version.provider, name);
        let begun = history.iter().rfind(|version| version.from <= day);
        let current = begun.or_else(|| history.first());
        if current.is_some_and(|current| current.id == version.id) {
            let at = day.midnight().assume_utc();
            match catalogue.find(&version.provider, Some(name), None, at) {
                Some(found) if found.custom => Self::Overridden,
                _ => Self::InForce,
            }
        } else if version.from > day {
            Self::Scheduled
        } else {
            Self::Past
        }
    }
}

/// A version as `--json` prints it.
#[derive(Debug, Serialize)]
struct Priced<'a> {
    state: State,
    #[serde(flatten)]
    version: &'a PriceVersion,
}

/// The first day of a version, for people.
fn from(version: &PriceVersion) -> String {
    if version.from == LAUNCH {
        "launch".to_owned()
    } else {
        version.from.to_string()
    }
}

fn utc_date(at: OffsetDateTime) -> Date {
    at.to_offset(UtcOffset::UTC).date()
}

/// Indented JSON, with a line's end.
fn write_json(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    out.write_all(b"\n")
}
