//! `systemprompt import`: the past, from web servers' logs, from what others recorded of
//! requests, and from what providers say was used.

mod batches;
mod lines;
mod records;
mod repeats;
mod requests;
mod usage;
mod visits;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::{ArgMatches, Args as _, Command, FromArgMatches as _};
use serde_json::{Value, json};
use systemprompt_storage::web::content::aggregate;
use systemprompt_storage::web::import::Import;
use systemprompt_storage::web::{Bounds, Judge};

use self::batches::Batches;
use self::lines::Batch;
use self::visits::Converter;
use crate::Outside;
use crate::command::{Globals, group};
use crate::content::only_site;
use crate::database;
use crate::failure::Failure;
use crate::human::{figure, text};
use crate::progress::{Progress, so_many};

const HELP: &str = "\
Formats are told apart by themselves: the combined format of nginx and Apache, and Caddy's JSON;
compressed with gzip or not. Several logs are read together, in the order of their times, so that
those of several servers make one account. Each line is stored once, however often it is imported, so an import
that was interrupted goes on when it is started again. Addresses are hashed with a key that is
thrown away two days later; they are not stored. Imported traffic is kept for ever, unless
web.imported_retention_days says how long.

Examples:
  systemprompt import access-log /var/log/nginx/access.log*
  systemprompt import access-log --site example.com access.log.gz
  journalctl -u caddy -o cat | systemprompt import access-log -";

/// Faulty lines that are named one by one.
const NAMED: usize = 20;
/// The site of lines that name none, where the profile has not just one.
const SITE: &str = "localhost";

// No doc comment: clap would take it for the help of the command.
#[derive(Debug, clap::Args)]
struct AccessLog {
    /// Logs; - for standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Site of lines that do not name their host [default: that of web.sites if it is one, else localhost]
    #[arg(long, value_name = "HOST")]
    site: Option<String>,
    /// Answer in JSON
    #[arg(long, help_heading = "Output")]
    json: bool,
}

// None here either.
#[derive(Debug, clap::Args)]
struct Export {
    /// What was exported, as CSV or JSON; - for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Read and price everything, store nothing
    #[arg(long)]
    dry_run: bool,
    /// Answer in JSON
    #[arg(long, help_heading = "Output")]
    json: bool,
}

pub(crate) fn command() -> Command {
    let command = group("import", "Bring in the past").subcommand(AccessLog::augment_args(
        Command::new("access-log")
            .about("Import access logs of nginx, Apache and Caddy")
            .after_help(HELP),
    ));
    usage::commands(requests::commands(command))
}

/// What an import came to.
#[derive(Debug, Default)]
struct Outcome {
    lines: u64,
    stored: u64,
    known: u64,
    faulty: Vec<Faulty>,
    more_faulty: u64,
    sessions: u64,
    seconds: f64,
}

/// A line that is none of a log.
#[derive(Debug)]
struct Faulty {
    file: String,
    line: u64,
    reason: String,
}

/// Records that cannot be read; the first of them are named.
#[derive(Debug, Default)]
struct Blamed {
    named: Vec<(u64, String)>,
    more: u64,
}

impl Blamed {
    fn note(&mut self, line: u64, reason: String) {
        if self.named.len() < NAMED {
            self.named.push((line, reason));
        } else {
            self.more += 1;
        }
    }

    fn all(&self) -> u64 {
        self.named.len() as u64 + self.more
    }

    fn write(&self, file: &Path, outside: &mut Outside<'_>) -> Result<(), Failure> {
        let file = file.display().to_string();
        for (line, reason) in &self.named {
            let (file, reason) = (text::clean(&file), text::clean(reason));
            writeln!(outside.err, "{file}:{line}: {reason}")?;
        }
        if self.more > 0 {
            writeln!(outside.err, "and {} more such records", self.more)?;
        }
        Ok(())
    }

    fn json(&self) -> Value {
        let named = self.named.iter();
        named
            .map(|(line, reason)| json!({ "line": line, "reason": reason }))
            .collect()
    }
}

pub(crate) fn run(
    what: &str,
    matches: &ArgMatches,
    globals: &Globals,
    outside: &mut Outside<'_>,
) -> Result<(), Failure> {
    match what {
        "access-log" => access_log(matches, globals, outside),
        provider if usage::is(provider) => usage::run(provider, matches, globals, outside),
        source => requests::run(source, matches, globals, outside),
    }
}

fn access_log(
    matches: &ArgMatches,
    globals: &Globals,
    outside: &mut Outside<'_>,
) -> Result<(), Failure> {
    let args = AccessLog::from_arg_matches(matches).map_err(Failure::CommandLine)?;
    let config = systemprompt_config::load(&globals.sources())?;
    let site = args.site.clone().or_else(|| only_site(&config));
    let site = site.unwrap_or_else(|| SITE.to_owned());
    let batches = lines::open(&args.files)?;
    let now = outside.clock.now();
    let outcome = database::with_helper(&config, outside, async |storage, outside| {
        let web = &config.profile.web;
        let judge = Judge::new(web.rules().clone());
        let bounds = Bounds::new(web.paths_per_day, web.sources_per_day);
        let pool = storage.import_pool();
        let import = Import::begin(&pool, judge, bounds, now).await;
        let outcome = store(import.map_err(failed)?, batches, &site, outside).await?;
        if outcome.stored > 0 {
            // Content is discovered now, not when the job of a server is due.
            let counted = aggregate(&pool, web.rules(), now, false).await;
            counted.map_err(failed)?;
        }
        Ok(outcome)
    })?;
    if args.json {
        write_json(&outcome, outside)
    } else {
        write_text(&outcome, outside)
    }
}

async fn store(
    mut import: Import,
    mut batches: Batches<Batch>,
    site: &str,
    outside: &mut Outside<'_>,
) -> Result<Outcome, Failure> {
    let mut outcome = Outcome::default();
    let converter = Converter::new(site);
    let begun = Instant::now();
    let mut progress = Progress::new(outside);
    while let Some(batch) = batches.next().await {
        let batch = batch?;
        outcome.note(&batch);
        let salts = import.salts(&batch.days()).await.map_err(failed)?;
        let visits = converter.convert(batch, &salts);
        let n = visits.len() as u64;
        let stored = import.take(visits).await.map_err(failed)? as u64;
        outcome.stored += stored;
        outcome.known += n - stored;
        draw(
            &mut progress,
            "lines",
            outcome.lines,
            batches.share(),
            begun,
        );
    }
    outcome.sessions = import.finish().await.map_err(failed)?;
    outcome.seconds = begun.elapsed().as_secs_f64();
    Ok(outcome)
}

fn failed(error: sqlx::Error) -> Failure {
    Failure::from(systemprompt_reporting::Error::from(error))
}

impl Outcome {
    fn note(&mut self, batch: &Batch) {
        self.lines += batch.lines;
        for (file, line, reason) in &batch.faulty {
            if self.faulty.len() < NAMED {
                self.faulty.push(Faulty {
                    file: file.to_string(),
                    line: *line,
                    reason: reason.clone(),
                });
            } else {
                self.more_faulty += 1;
            }
        }
    }

    fn rate(&self) -> f64 {
        if self.seconds > 0.0 {
            self.lines as f64 / self.seconds
        } else {
            0.0
        }
    }
}

/// How far it is; how long a compressed file is nobody knows before its end.
fn draw(progress: &mut Progress<'_>, what: &str, n: u64, share: Option<f64>, begun: Instant) {
    let more = so_many(n, what, begun);
    match share {
        Some(share) => progress.part("importing", (share * 1e6) as u64, 1_000_000, &more),
        None => progress.step("importing", &more),
    }
}

fn write_text(outcome: &Outcome, outside: &mut Outside<'_>) -> Result<(), Failure> {
    for faulty in &outcome.faulty {
        writeln!(
            outside.err,
            "{}:{}: {}",
            text::clean(&faulty.file),
            faulty.line,
            faulty.reason
        )?;
    }
    if outcome.more_faulty > 0 {
        writeln!(outside.err, "and {} more such lines", outcome.more_faulty)?;
    }
    let grouped = |n: u64| figure::grouped(&n.to_string());
    let faulty = outcome.faulty.len() as u64 + outcome.more_faulty;
    writeln!(
        outside.out,
        "{} lines: {} stored, {} known already, {} not of a log. {} sessions, {:.1} s, {} lines a second.",
        grouped(outcome.lines),
        grouped(outcome.stored),
        grouped(outcome.known),
        grouped(faulty),
        grouped(outcome.sessions),
        outcome.seconds,
        grouped(outcome.rate().round() as u64),
    )?;
    Ok(())
}

fn write_json(outcome: &Outcome, outside: &mut Outside<'_>) -> Result<(), Failure> {
    let faulty: Vec<_> = outcome
        .faulty
        .iter()
        .map(|one| {
            BTreeMap::from([
                ("file", json!(one.file)),
                ("line", json!(one.line)),
                ("reason", json!(one.reason)),
            ])
        })
        .collect();
    let answer = json!({
        "lines": outcome.lines,
        "stored": outcome.stored,
        "known": outcome.known,
        "faulty": outcome.faulty.len() as u64 + outcome.more_faulty,
        "faulty_lines": faulty,
        "sessions": outcome.sessions,
        "seconds": outcome.seconds,
        "lines_per_second": outcome.rate().round(),
    });
    writeln!(outside.out, "{answer:#}")?;
    Ok(())
}
