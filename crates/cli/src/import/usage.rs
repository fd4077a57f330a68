//! `systemprompt import anthropic | openai`: what providers say was used, before
//! anybody recorded requests. Their exports hold sums, not requests, and are stored as such.

mod anthropic;
mod costs;
mod openai;
mod outcome;
mod row;

use std::path::PathBuf;
use std::time::Instant;

use clap::{ArgMatches, Args as _, Command, FromArgMatches as _};
use sqlx::PgPool;
use systemprompt_budgets::Rules;
use systemprompt_config::Config;
use systemprompt_pricing::Catalogue;
use systemprompt_storage::imported::{self, Covered, ImportedUsage};
use systemprompt_storage::{Storage, prices};
use time::OffsetDateTime;

use self::outcome::Outcome;
use self::row::Row;
use super::records::{self, Record, Records};
use super::repeats::Repeats;
use super::{Export, draw, failed};
use crate::Outside;
use crate::actor::actor;
use crate::command::Globals;
use crate::database;
use crate::failure::Failure;
use crate::progress::Progress;

const HELP: &str = "\
A row of such an export is what a key used of a model in an hour or a day, in sums. It counts in
every total of requests, tokens and costs, in equal parts for each of its hours, and not in lists of
requests, latencies and conversations: no single request is known. The agent is the key, or the
workspace or project where the export names no key; the user is the export's user.

Each row is stored once, however often it is imported. Days that are not over are left out: they
would grow. Days of which requests of this provider are recorded are left out as well: they would
count twice (--overlapping brings them all the same). Rows that say the same grouped otherwise are
others: export a time once, and one way.

Costs are ours, by the prices at the time, of each row as a whole. Where long prompts have prices of
their own, the export's range of prompt sizes decides (Anthropic), or the average prompt of the row
(OpenAI), which cannot be right for each request of it. --costs reads the provider's own export of
costs and shows its sum over the same days, in which there may be more than tokens.

Examples:
  systemprompt import anthropic claude_api_tokens_2026_03.csv --dry-run
  systemprompt import openai completions_usage.csv --costs cost.csv";

/// Rows that are stored in one transaction: a row of a day has twenty-four parts.
const STORED: usize = 500;

// No doc comment: clap would take it for the help of the command.
#[derive(Debug, clap::Args)]
struct Args {
    /// The provider's export of costs, to compare with
    #[arg(long, value_name = "FILE")]
    costs: Option<PathBuf>,
    /// Also bring days of which requests are recorded
    #[arg(long)]
    overlapping: bool,
    #[command(flatten)]
    export: Export,
}

/// Whose export it is.
#[derive(Clone, Copy)]
struct Source {
    /// Also what the provider is called in configurations.
    name: &'static str,
    about: &'static str,
    /// The columns that must be there, by any of their names.
    columns: &'static [&'static [&'static str]],
    /// A record as a row; `None` for one of no usage.
    read: fn(&Record) -> Result<Option<Row>, String>,
}

const SOURCES: [Source; 2] = [
    Source {
        name: "anthropic",
        about: "Import the token usage that the Claude Console exports",
        columns: anthropic::COLUMNS,
        read: anthropic::read,
    },
    Source {
        name: "openai",
        about: "Import the completions usage that OpenAI's dashboard exports",
        columns: openai::COLUMNS,
        read: openai::read,
    },
];

fn source(name: &str) -> Option<&'static Source> {
    SOURCES.iter().find(|source| source.name == name)
}

/// Whether there is such a command.
pub(super) fn is(name: &str) -> bool {
    source(name).is_some()
}

/// Adds the commands.
pub(super) fn commands(to: Command) -> Command {
    SOURCES.iter().fold(to, |to, source| {
        let one = Command::new(source.name)
            .about(source.about)
            .after_help(HELP);
        to.subcommand(Args::augment_args(one))
    })
}

pub(super) fn run(
    name: &str,
    matches: &ArgMatches,
    globals: &Globals,
    outside: &mut Outside<'_>,
) -> Result<(), Failure> {
    let source = source(name).expect("clap admits no others");
    let args = Args::from_arg_matches(matches).map_err(Failure::CommandLine)?;
    let config = systemprompt_config::load(&globals.sources())?;
    let records = records::open(&args.export.file)?;
    let outcome = database::with(&config, outside, async |storage, outside| {
        let mut import = Import::begin(source, &args, &config, storage, outside).await?;
        import.all(records, &args, outside).await?;
        if let Some(file) = &args.costs {
            let stated = costs::sum(file, &import.outcome.days).await?;
            import.outcome.stated = Some(stated);
        }
        Ok(import.outcome)
    })?;
    match args.export.json {
        true => outcome.write_json(args.export.dry_run, outside),
        false => outcome.write_text(source.name, args.export.dry_run, &args.export.file, outside),
    }
}

/// An import that is under way.
struct Import {
    source: &'static Source,
    catalogue: Catalogue,
    covered: Covered,
    overlapping: bool,
    now: OffsetDateTime,
    /// Where rows go; `None`: nowhere.
    store: Option<(PgPool, Rules)>,
    repeats: Repeats,
    /// Rows that are to be stored.
    pending: Vec<ImportedUsage>,
    outcome: Outcome,
}

impl Import {
    async fn begin(
        source: &'static Source,
        args: &Args,
        config: &Config,
        storage: &Storage,
        outside: &Outside<'_>,
    ) -> Result<Self, Failure> {
        let analytics = &config.profile.analytics;
        let now = outside.clock.now();
        let catalogue = prices::in_force(storage.pool(), &analytics.costs.custom_pricing).await?;
        let pool = storage.import_pool();
        let covered = imported::covered(&pool, source.name);
        let covered = covered.await.map_err(failed)?;
        let store = match args.export.dry_run {
            true => None,
            false => {
                // Without the keys of the audit log nothing can be recorded.
                storage.log()?;
                // Costs refer to them.
                let kept = prices::keep(&pool, &catalogue, now);
                kept.await.map_err(failed)?;
                Some((pool, Rules::new(&analytics.alerts)))
            }
        };
        Ok(Self {
            source,
            catalogue,
            covered,
            overlapping: args.overlapping,
            now,
            store,
            repeats: Repeats::default(),
            pending: Vec::new(),
            outcome: Outcome::default(),
        })
    }

    async fn all(
        &mut self,
        mut records: Records,
        args: &Args,
        outside: &mut Outside<'_>,
    ) -> Result<(), Failure> {
        let begun = Instant::now();
        let mut progress = Progress::new(outside);
        while let Some(batch) = records.next().await {
            for (line, record) in batch? {
                if self.outcome.rows == 0
                    && let Ok(first) = &record
                {
                    complete(self.source, first).map_err(|reason| Failure::TrafficFile {
                        file: args.export.file.clone(),
                        reason,
                    })?;
                }
                self.take(line, record);
                if self.pending.len() == STORED {
                    self.flush().await?;
                }
            }
            let (rows, share) = (self.outcome.rows, records.share());
            draw(&mut progress, "rows", rows, share, begun);
        }
        self.flush().await?;
        self.outcome.seconds = begun.elapsed().as_secs_f64();
        Ok(())
    }

    fn take(&mut self, line: u64, record: Result<Record, String>) {
        let outcome = &mut self.outcome;
        outcome.rows += 1;
        let read = record.and_then(|record| (self.source.read)(&record));
        let row = match read.and_then(|row| row.map(Row::checked).transpose()) {
            Ok(Some(row)) => row,
            Ok(None) => return outcome.empty += 1,
            Err(reason) => return outcome.faulty.note(line, reason),
        };
        let days = row.days();
        let recorded = days.iter().any(|day| self.covered.recorded.contains(day));
        if row.period.until > self.now {
            outcome.unfinished += 1;
        } else if recorded && !self.overlapping {
            outcome.recorded += 1;
        } else {
            let usage = row.priced(self.source.name, &mut self.repeats, &self.catalogue);
            outcome.count(&usage);
            outcome.days.extend(days);
            self.pending.push(usage);
        }
    }

    async fn flush(&mut self) -> Result<(), Failure> {
        let pending = std::mem::take(&mut self.pending);
        let Some((pool, rules)) = &self.store else {
            return Ok(());
        };
        let stored = imported::store(pool, rules, &pending, actor(), self.now);
        let stored = stored.await.map_err(failed)?;
        let outcome = &mut self.outcome;
        outcome.stored += stored.len() as u64;
        let new = pending.iter().filter(|row| stored.contains(&row.id));
        let beside = new.filter(|row| self.covered.imported.contains(&row.period.since.date()));
        outcome.beside += beside.count() as u64;
        Ok(())
    }
}

/// Whether a record has every column that is needed.
fn complete(source: &Source, record: &Record) -> Result<(), String> {
    let lacks = |names: &&&[&str]| !names.iter().any(|name| record.has(name));
    let missing: Vec<String> = source
        .columns
        .iter()
        .filter(lacks)
        .map(|names| names.join(" or "))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let hint = match ["cost_usd", "amount_value"].iter().any(|n| record.has(n)) {
        true => "; this looks like the export of costs, which --costs takes",
        false => "",
    };
    let (name, missing) = (source.name, missing.join(", "));
    Err(format!(
        "it is no export of usage by {name}: the columns {missing} are missing{hint}"
    ))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use proptest::prelude::*;

    use super::*;

    /// The rows of a file, as far as they can be read.
    async fn read(text: &[u8]) -> Vec<Result<ImportedUsage, String>> {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(text).expect("written");
        let mut records = records::open(file.path()).expect("opened");
        let mut rows = Vec::new();
        while let Some(Ok(batch)) = records.next().await {
            for (_, record) in batch {
                for source in &SOURCES {
                    let row = record.as_ref().map_err(String::clone).and_then(|record| {
                        let _ = complete(source, record);
                        (source.read)(record)
                    });
                    let row = row.and_then(|row| row.map(Row::checked).transpose());
                    let mut repeats = Repeats::default();
                    let builtin = Catalogue::builtin();
                    rows.extend(
                        row.transpose().map(|row| {
                            row.map(|row| row.priced(source.name, &mut repeats, builtin))
                        }),
                    );
                }
            }
        }
        rows
    }

    const NAMES: [&str; 20] = [
        "usage_date_utc",
        "model_version",
        "usage_input_tokens_no_cache",
        "usage_output_tokens",
        "context_window",
        "web_search_count",
        "usage_type",
        "api_key",
        "start_time",
        "end_time",
        "model",
        "input_tokens",
        "output_tokens",
        "num_model_requests",
        "input_cached_tokens",
        "input_text_tokens",
        "input_audio_tokens",
        "batch",
        "cost_usd",
        "amount_value",
    ];
    const VALUES: [&str; 14] = [
        "",
        "0",
        "7",
        "59200.0",
        "-1",
        "999999999999",
        "18446744073709551615",
        "2026-03-04",
        "1772582400",
        "1772668800.0",
        "9999999999999999",
        "> 200k",
        "\"a\"\"b\n\"",
        "gpt-4o",
    ];

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime")
    }

    proptest! {
        /// Whatever is in a file, it is read or refused, and what is read can be stored.
        #[test]
        fn any_table_is_read_or_refused(
            header in prop::sample::subsequence(NAMES.to_vec(), 1..NAMES.len()),
            picks in prop::collection::vec(any::<prop::sample::Index>(), 60),
        ) {
            let mut text = header.join(",");
            for row in picks.chunks(header.len()) {
                let fields: Vec<&str> = row.iter().map(|pick| *pick.get(&VALUES)).collect();
                text += "\n";
                text += &fields.join(",");
            }
            for row in runtime().block_on(read(text.as_bytes())).into_iter().flatten() {
                prop_assert!(row.period.since < row.period.until);
                prop_assert!(!row.model.is_empty());
                let tokens = row.usage.tokens;
                let all = tokens.input_total().saturating_add(tokens.output_total());
                prop_assert!(all < 1 << 53, "{:?}", tokens);
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..500)) {
            runtime().block_on(read(&bytes));
        }
    }
}
