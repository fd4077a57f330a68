//! `systemprompt import litellm | langfuse`: requests of the past, as others recorded
//! them. They take the way of those that exporters tell of: through a spool of
//! their own into rows, totals, budgets and the audit trail.

mod langfuse;
mod litellm;
mod parsed;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use clap::{ArgMatches, Args as _, Command, FromArgMatches as _};
use serde_json::json;
use systemprompt_budgets::Rules;
use systemprompt_capture::{Spool, SpoolOptions};
use systemprompt_config::Config;
use systemprompt_domain::event::RequestFinished;
use systemprompt_domain::ids::BootId;
use systemprompt_domain::{Event, Nanos, Sampling, UsageSource};
use systemprompt_pricing::Catalogue;
use systemprompt_storage::{Storage, Writer, prices};

use self::parsed::Parsed;
use super::records::{self, Record, Records};
use super::{Blamed, Export, draw};
use crate::Outside;
use crate::command::Globals;
use crate::database;
use crate::failure::Failure;
use crate::human::figure;
use crate::progress::Progress;

const HELP: &str = "\
Files are CSV with a header, JSON Lines or a JSON array, told apart by themselves; - is standard
input. Each request is stored once, however often it is imported, so an import that was interrupted
goes on when it is started again. Costs are ours, by the prices at the time of each request; what the
source says it cost is only summed up for comparison. Lines that cannot be read are named and left
out. Requests that are also in the gateway's record should not be imported: they would count twice.

Examples:
  systemprompt import litellm spend-logs.csv --dry-run
  systemprompt import langfuse observations.jsonl";

/// Whose export it is.
#[derive(Clone, Copy)]
struct Source {
    name: &'static str,
    about: &'static str,
    /// A record as a request; `None` for one of something else.
    read: fn(&Record) -> Result<Option<Parsed>, String>,
}

const SOURCES: [Source; 2] = [
    Source {
        name: "litellm",
        about: "Import spend logs of LiteLLM (the table LiteLLM_SpendLogs, or /spend/logs)",
        read: litellm::read,
    },
    Source {
        name: "langfuse",
        about: "Import generations that Langfuse exported",
        read: langfuse::read,
    },
];

/// Adds the commands.
pub(super) fn commands(to: Command) -> Command {
    SOURCES.iter().fold(to, |to, source| {
        let one = Command::new(source.name)
            .about(source.about)
            .after_help(HELP);
        to.subcommand(Export::augment_args(one))
    })
}

/// What an import came to.
#[derive(Debug, Default)]
struct Outcome {
    records: u64,
    requests: u64,
    /// Of something else.
    ignored: u64,
    unpriced: u64,
    known: u64,
    cost: i128,
    /// What the source says it cost, in billionths of a dollar.
    stated: i128,
    faulty: Blamed,
    seconds: f64,
}

pub(crate) fn run(
    name: &str,
    matches: &ArgMatches,
    globals: &Globals,
    outside: &mut Outside<'_>,
) -> Result<(), Failure> {
    let source = SOURCES.iter().find(|source| source.name == name);
    let source = source.expect("clap admits no others");
    let export = Export::from_arg_matches(matches).map_err(Failure::CommandLine)?;
    let config = systemprompt_config::load(&globals.sources())?;
    let records = records::open(&export.file)?;
    let outcome = database::with(&config, outside, async |storage, outside| {
        let custom = &config.profile.analytics.costs.custom_pricing;
        let catalogue = prices::in_force(storage.pool(), custom).await?;
        let store = match export.dry_run {
            true => None,
            false => Some(Store::open(&config, storage, outside).await?),
        };
        all(*source, records, &catalogue, store, outside).await
    })?;
    match export.json {
        true => write_json(&outcome, export.dry_run, outside),
        false => write_text(&outcome, export.dry_run, &export.file, outside),
    }
}

async fn all(
    source: Source,
    mut records: Records,
    catalogue: &Catalogue,
    mut store: Option<Store>,
    outside: &mut Outside<'_>,
) -> Result<Outcome, Failure> {
    let mut outcome = Outcome::default();
    let begun = Instant::now();
    let now = outside.clock.now();
    let mut progress = Progress::new(outside);
    while let Some(batch) = records.next().await {
        for (line, record) in batch? {
            outcome.records += 1;
            let read = record.and_then(|record| (source.read)(&record));
            let read =
                read.and_then(|parsed| parsed.map(|p| p.request(source.name, now)).transpose());
            match read {
                Ok(None) => outcome.ignored += 1,
                Ok(Some((mut request, stated))) => {
                    price(&mut request, catalogue);
                    outcome.count(&request, stated);
                    if let Some(store) = &store {
                        store.append(request);
                    }
                }
                Err(reason) => outcome.faulty.note(line, reason),
            }
        }
        if let Some(store) = &mut store {
            store.drain().await?;
        }
        draw(
            &mut progress,
            "records",
            outcome.records,
            records.share(),
            begun,
        );
    }
    if let Some(store) = store {
        outcome.known = store.close().await?;
    }
    outcome.seconds = begun.elapsed().as_secs_f64();
    Ok(outcome)
}

impl Outcome {
    fn count(&mut self, request: &RequestFinished, stated: Option<Nanos>) {
        self.requests += 1;
        match request.cost {
            Some(cost) => self.cost += i128::from(cost.0),
            None if request.usage_source == UsageSource::None => {}
            None => self.unpriced += 1,
        }
        self.stated += stated.map_or(0, |stated| i128::from(stated.0));
    }

    fn rate(&self) -> f64 {
        if self.seconds > 0.0 {
            self.records as f64 / self.seconds
        } else {
            0.0
        }
    }
}

fn price(request: &mut RequestFinished, catalogue: &Catalogue) {
    if request.usage_source == UsageSource::None {
        return;
    }
    let cost = catalogue.cost(
        &request.context.provider,
        request.served_model.as_deref(),
        request.context.requested_model.as_deref(),
        request.context.created_at,
        &request.usage,
    );
    request.price_version = cost.as_ref().map(|cost| cost.price_version.clone());
    request.cost = cost.map(|cost| cost.total);
}

/// The provider by the name that a configuration would give it.
fn known_provider(name: &str) -> String {
    match name.to_ascii_lowercase().as_str() {
        "google" | "google_genai" | "gemini" => "gemini".to_owned(),
        "text-completion-openai" => "openai".to_owned(),
        other => other.to_owned(),
    }
}

/// Who makes a model, by how its name begins.
fn parsed_provider(model: &str) -> String {
    let begins = |with: &[&str]| with.iter().any(|start| model.starts_with(start));
    if begins(&["claude"]) {
        "anthropic".to_owned()
    } else if begins(&["gpt-", "o1", "o3", "o4", "chatgpt", "text-embedding-"]) {
        "openai".to_owned()
    } else if begins(&["gemini"]) {
        "gemini".to_owned()
    } else {
        "unknown".to_owned()
    }
}

/// Where requests go: a spool that is emptied after every batch and thrown away at
/// the end. An import that is cut off leaves nothing that a second one would need.
struct Store {
    spool: Spool,
    writer: Writer,
    folder: tempfile::TempDir,
}

impl Store {
    async fn open(
        config: &Config,
        storage: &Storage,
        outside: &Outside<'_>,
    ) -> Result<Self, Failure> {
        // Without the keys of the audit log nothing can be recorded.
        storage.log()?;
        let profile = &config.profile;
        let storage_folder = &profile.server.storage;
        let made = std::fs::create_dir_all(storage_folder).and_then(|()| {
            tempfile::Builder::new()
                .prefix("import-")
                .tempdir_in(storage_folder)
        });
        let folder = made.map_err(|error| Failure::TrafficFile {
            file: storage_folder.clone(),
            reason: format!("cannot be written to: {error}"),
        })?;
        let spool = Spool::open(SpoolOptions {
            dir: folder.path().to_owned(),
            lane: "import",
            cap: profile.limits.spool.cap,
            segment: profile.limits.spool.segment,
            keep: Duration::ZERO,
        })?;
        let analytics = &profile.analytics;
        let writer = Writer::start(
            storage.writer_pool(),
            spool.clone(),
            outside.clock,
            BootId::new(),
            Sampling::new(analytics.sampling_rate),
            false,
        );
        Ok(Self {
            writer: writer
                .await?
                .with_rules(Arc::new(Rules::new(&analytics.alerts))),
            spool,
            folder,
        })
    }

    fn append(&self, request: RequestFinished) {
        let event = Event::RequestReported(Box::new(request));
        let event = serde_json::to_vec(&event).expect("events hold only what JSON can say");
        self.spool.append(&event, false);
    }

    async fn drain(&mut self) -> Result<(), Failure> {
        self.spool.flush().await;
        Ok(self.writer.drain().await?)
    }

    /// Throws the spool away; answers how many requests were there before.
    async fn close(self) -> Result<u64, Failure> {
        let known = self.writer.stats().duplicates.load(Ordering::Relaxed);
        self.writer.retire().await?;
        drop(self.spool);
        self.folder.close()?;
        Ok(known)
    }
}

fn write_text(
    outcome: &Outcome,
    dry: bool,
    file: &Path,
    outside: &mut Outside<'_>,
) -> Result<(), Failure> {
    outcome.faulty.write(file, outside)?;
    let grouped = |n: u64| figure::grouped(&n.to_string());
    let stored = outcome.requests - outcome.known;
    let what = match dry {
        true => format!(
            "{} would be looked for and stored",
            grouped(outcome.requests)
        ),
        false => format!(
            "{} stored, {} known already",
            grouped(stored),
            grouped(outcome.known)
        ),
    };
    writeln!(
        outside.out,
        "{} records: {what}, {} of something else, {} not readable. {:.1} s, {} records a second.",
        grouped(outcome.records),
        grouped(outcome.ignored),
        grouped(outcome.faulty.all()),
        outcome.seconds,
        grouped(outcome.rate().round() as u64),
    )?;
    writeln!(
        outside.out,
        "They cost {} USD by our prices, {} USD by the source; {} without a price.",
        usd(outcome.cost),
        usd(outcome.stated),
        grouped(outcome.unpriced),
    )?;
    Ok(())
}

pub(super) fn usd(nanos: i128) -> String {
    i64::try_from(nanos).map_or_else(|_| "very many".to_owned(), |n| Nanos(n).to_string())
}

fn write_json(outcome: &Outcome, dry: bool, outside: &mut Outside<'_>) -> Result<(), Failure> {
    let stored = (!dry).then(|| outcome.requests - outcome.known);
    let answer = json!({
        "records": outcome.records,
        "requests": outcome.requests,
        "stored": stored,
        "known": (!dry).then_some(outcome.known),
        "ignored": outcome.ignored,
        "faulty": outcome.faulty.all(),
        "faulty_lines": outcome.faulty.json(),
        "unpriced": outcome.unpriced,
        "cost_usd": usd(outcome.cost),
        "stated_cost_usd": usd(outcome.stated),
        "seconds": outcome.seconds,
        "records_per_second": outcome.rate().round(),
    });
    Ok(writeln!(outside.out, "{answer:#}")?)
}
