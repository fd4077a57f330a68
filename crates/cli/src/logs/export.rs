//! `infra logs export`: all lines of a period, as CSV, JSON Lines or Parquet,
//! the oldest first, read and written a page at a time.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{ArgMatches, Args, FromArgMatches as _};
use serde_json::Value;
use systemprompt_storage::Storage;
use systemprompt_storage::logs::{Order, Wanted, read};

use super::args::{Filters, Within};
use crate::Outside;
use crate::command::Globals;
use crate::database;
use crate::export::rows::{Format, Sink};
use crate::export::{self, ExportError};
use crate::failure::Failure;
use crate::human::column::{Column, Unit};

/// What the audit trail calls it. Lines may name people.
const EXPORT: &str = "infra logs export";
/// Lines that are read at once.
const PAGE: usize = 1_000;

/// The columns, in order.
const COLUMNS: [(&str, Unit); 8] = [
    ("created_at", Unit::Time),
    ("level", Unit::Text),
    ("target", Unit::Text),
    ("message", Unit::Text),
    ("fields", Unit::Nested),
    ("trace_id", Unit::Id),
    ("request_id", Unit::Id),
    ("id", Unit::Id),
];

// No doc comments on these: clap would take them for the help of the command.
#[derive(Clone, Debug, Args)]
pub(super) struct Export {
    /// Where to write: .csv, .jsonl or .parquet; standard output without
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// How to write [default: as the file is called, else jsonl]
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Format>,
    #[command(flatten)]
    filters: Filters,
    #[command(flatten)]
    within: Within,
}

/// Writes lines to a file, which is complete or absent, or to a pipe.
pub(crate) fn run(
    matches: &ArgMatches,
    globals: &Globals,
    outside: &mut Outside<'_>,
) -> Result<(), Failure> {
    let args = Export::from_arg_matches(matches).map_err(Failure::CommandLine)?;
    let (interval, _) = args.within.resolve(&args.filters, outside.clock.now())?;
    let wanted = args.filters.wanted(interval, None)?;
    let format = Format::of(args.format, args.file.as_deref())?;
    let config = systemprompt_config::load(&globals.sources())?;
    let Some(file) = &args.file else {
        return database::with(&config, outside, async |storage, outside| {
            let count = lines(storage, &wanted, format, &mut *outside.out).await?;
            database::exported(storage, EXPORT, format.as_str(), count, outside).await
        });
    };
    let failed = |error: io::Error| ExportError::Write(file.clone(), error);
    let mut draft = export::Draft::of(file).map_err(failed)?;
    let count = database::with(&config, outside, async |storage, outside| {
        let count = lines(storage, &wanted, format, &mut draft).await?;
        database::exported(storage, EXPORT, format.as_str(), count, outside).await?;
        Ok(count)
    })
    .map_err(|error| match error {
        Failure::Output(error) => failed(error).into(),
        other => other,
    })?;
    draft.publish()?;
    let noun = if count == 1 { "line" } else { "lines" };
    Ok(writeln!(
        outside.err,
        "Wrote {count} {noun} to {}.",
        file.display()
    )?)
}

/// Writes them page by page; answers how many there were.
async fn lines(
    storage: &Storage,
    wanted: &Wanted,
    format: Format,
    out: &mut dyn Write,
) -> Result<usize, Failure> {
    let columns = COLUMNS.map(|(key, unit)| Column {
        key: key.to_owned(),
        unit,
    });
    let mut sink = Sink::begin(format, &columns, out)?;
    let (mut count, mut last) = (0, None);
    loop {
        let page = read(
            storage.pool(),
            wanted,
            Order::OldestFirst,
            last.as_ref(),
            PAGE,
        )
        .await?;
        let rows: Vec<Value> = page
            .iter()
            .map(|line| serde_json::to_value(line).expect("plain data"))
            .collect();
        sink.rows(&rows)?;
        count += page.len();
        if page.len() < PAGE {
            break;
        }
        last = page.into_iter().next_back();
    }
    sink.finish()?;
    Ok(count)
}
