//! `systemprompt export`: all rows of a period, written as they are read.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Instant;

use clap::{ArgMatches, Args as _, Command, FromArgMatches as _};
use systemprompt_domain::period::{Interval, Period, When, Zone};
use systemprompt_storage::Storage;
use systemprompt_storage::cursor::{self, Cursor};

use super::rows::{Format, Sink};
use super::{Draft, ExportError};
use crate::Outside;
use crate::command::{Globals, group};
use crate::database;
use crate::failure::Failure;
use crate::human::column::{Column, Unit};
use crate::human::figure;
use crate::progress::{Progress, so_many};

const HELP: &str = "\
Rows come in the order in which they happened, as they were at one moment. A file is complete or
absent. Memory does not grow with their number. Amounts are US dollars. Each export is recorded in
the audit trail.

Parquet has types: moments are timestamps in UTC, tokens whole numbers, amounts DECIMAL(18, 9),
as exact as they are stored. Container images have it; other builds where they were made with
--features parquet.

Examples:
  systemprompt export requests requests.csv --since 2026-10-01 --until 2026-11-01
  systemprompt export requests requests.parquet --since last-month
  duckdb -c \"select agent, sum(cost_usd) from 'requests.parquet' group by agent\"
  systemprompt export tools --since 7d | jq -r .tool | sort | uniq -c";

// No doc comment: clap would take it for the help of the command.
#[derive(Debug, clap::Args)]
struct Args {
    /// Where to write: .csv, .jsonl or .parquet; standard output without
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// How to write [default: as the file is called, else jsonl]
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Format>,
    /// Begin of the period: 24h, 7d, today, this-week, last-month, 2026-11-01, RFC 3339 and the like
    #[arg(long, value_name = "WHEN", default_value = "24h")]
    since: When,
    /// End of the period, written alike; what it names is no longer part of it
    #[arg(long, value_name = "WHEN", default_value = "now")]
    until: When,
    /// Time zone in which days, weeks and months begin: an IANA name, or local
    #[arg(long, value_name = "ZONE", default_value_t)]
    timezone: Zone,
}

/// What can be exported.
struct Kind {
    name: &'static str,
    about: &'static str,
    table: cursor::Table,
    columns: &'static [(&'static str, Unit)],
}

use Unit::{Count, Flag, Id, Nested, Number, Text, Time, Usd};

const KINDS: [Kind; 4] = [
    Kind {
        name: "requests",
        about: "All requests, with tokens, cost and times",
        table: cursor::Table::Requests,
        columns: &[
            ("id", Id),
            ("created_at", Time),
            ("finished_at", Time),
            ("trace_id", Id),
            ("conversation_id", Text),
            ("session_id", Text),
            ("user", Text),
            ("agent", Text),
            ("token", Text),
            ("provider", Text),
            ("api", Text),
            ("requested_model", Text),
            ("served_model", Text),
            ("streamed", Flag),
            ("service_tier", Text),
            ("state", Text),
            ("http_status", Number),
            ("error_type", Text),
            ("error_code", Text),
            ("finish_reason", Text),
            ("tool_calls", Text),
            ("usage_source", Text),
            ("input", Count),
            ("cache_read", Count),
            ("cache_write_5m", Count),
            ("cache_write_1h", Count),
            ("audio_input", Count),
            ("tool_input", Count),
            ("output", Count),
            ("reasoning", Count),
            ("audio_output", Count),
            ("cost_usd", Usd),
            ("price_version", Text),
            ("latency_us", Count),
            ("ttfb_us", Count),
            ("request_bytes", Count),
            ("response_bytes", Count),
            ("provider_request_id", Text),
            ("response_id", Text),
        ],
    },
    Kind {
        name: "sessions",
        about: "All sessions of web sites that are over, with class, pages and channel",
        table: cursor::Table::Sessions,
        columns: &[
            ("id", Id),
            ("started_at", Time),
            ("last_seen_at", Time),
            ("site", Text),
            ("class", Text),
            ("bot_kind", Text),
            ("bot_name", Text),
            ("bot_operator", Text),
            ("score", Count),
            ("landing_page", Text),
            ("exit_page", Text),
            ("pages", Count),
            ("requests", Count),
            ("events", Count),
            ("engaged_ms", Count),
            ("max_scroll", Count),
            ("clicks", Count),
            ("channel", Text),
            ("source", Text),
            ("referrer", Text),
            ("campaign", Text),
            ("device", Text),
            ("browser", Text),
            ("os", Text),
            ("country", Text),
            ("region", Text),
            ("language", Text),
            ("imported", Flag),
        ],
    },
    Kind {
        name: "tools",
        about: "All tool calls",
        table: cursor::Table::Tools,
        columns: &[
            ("id", Id),
            ("created_at", Time),
            ("trace_id", Id),
            ("request_id", Id),
            ("server", Text),
            ("tool", Text),
            ("via", Text),
            ("user", Text),
            ("agent", Text),
            ("token", Text),
            ("session_id", Text),
            ("conversation_id", Text),
            ("call_id", Text),
            ("client_name", Text),
            ("client_version", Text),
            ("protocol_version", Text),
            ("status", Text),
            ("error_type", Text),
            ("error_code", Text),
            ("argument_hash", Text),
            ("latency_us", Count),
            ("ttfb_us", Count),
            ("request_bytes", Count),
            ("response_bytes", Count),
        ],
    },
    Kind {
        name: "audit",
        about: "The audit trail with people's names; `infra audit export` writes what was hashed",
        table: cursor::Table::Audit,
        columns: &[
            ("seq", Count),
            ("created_at", Time),
            ("category", Text),
            ("event", Text),
            ("outcome", Text),
            ("user", Text),
            ("agent", Text),
            ("token", Text),
            ("trace_id", Id),
            ("subject_id", Id),
            ("state", Text),
            ("detail", Nested),
        ],
    },
];

pub(crate) fn command() -> Command {
    KINDS.iter().fold(
        group("export", "Write all rows of a period, for other programs"),
        |command, kind| {
            let one = Command::new(kind.name).about(kind.about).after_help(HELP);
            command.subcommand(Args::augment_args(one))
        },
    )
}

pub(crate) fn run(
    name: &str,
    matches: &ArgMatches,
    globals: &Globals,
    outside: &mut Outside<'_>,
) -> Result<(), Failure> {
    let kind = KINDS.iter().find(|kind| kind.name == name);
    let kind = kind.expect("clap admits no others");
    let args = Args::from_arg_matches(matches).map_err(Failure::CommandLine)?;
    let period = Period {
        since: args.since.clone(),
        until: args.until.clone(),
    };
    let interval = period
        .resolve(outside.clock.now(), &args.timezone)
        .map_err(|error| Failure::Usage(error.to_string()))?;
    let format = Format::of(args.format, args.file.as_deref())?;
    let config = systemprompt_config::load(&globals.sources())?;
    let called = format!("export {}", kind.name);
    let Some(file) = &args.file else {
        return database::with(&config, outside, async |storage, outside| {
            // Rows are progress enough.
            let quiet = Progress::on(&mut *outside.err, false);
            let out = &mut *outside.out;
            let count = write(storage, kind, &interval, format, out, quiet).await?;
            database::exported(storage, &called, format.as_str(), count, outside).await
        });
    };
    let failed = |error: io::Error| ExportError::Write(file.clone(), error);
    let mut draft = Draft::of(file).map_err(failed)?;
    let count = database::with(&config, outside, async |storage, outside| {
        let progress = Progress::new(outside);
        let written = write(storage, kind, &interval, format, &mut draft, progress);
        let count = written.await?;
        database::exported(storage, &called, format.as_str(), count, outside).await?;
        Ok(count)
    })
    .map_err(|error| match error {
        Failure::Output(error) => failed(error).into(),
        other => other,
    })?;
    draft.publish()?;
    let rows = figure::grouped(&count.to_string());
    let noun = if count == 1 { "row" } else { "rows" };
    Ok(writeln!(
        outside.err,
        "Wrote {rows} {noun} to {}.",
        file.display()
    )?)
}

/// Writes the rows as they come; answers how many there were.
async fn write(
    storage: &Storage,
    kind: &Kind,
    interval: &Interval,
    format: Format,
    out: &mut dyn Write,
    mut progress: Progress<'_>,
) -> Result<usize, Failure> {
    let failed = |error: sqlx::Error| Failure::Question(error.into());
    let columns: Vec<Column> = kind
        .columns
        .iter()
        .map(|(key, unit)| Column {
            key: (*key).to_owned(),
            unit: *unit,
        })
        .collect();
    let pool = storage.upkeep_pool();
    let (since, until) = (interval.since, interval.until);
    let cursor = Cursor::open(&pool, kind.table, since, until).await;
    let mut cursor = cursor.map_err(failed)?;
    let mut sink = Sink::begin(format, &columns, out)?;
    let (mut count, begun) = (0, Instant::now());
    loop {
        let rows = cursor.next().await.map_err(failed)?;
        if rows.is_empty() {
            break;
        }
        sink.rows(&rows)?;
        count += rows.len();
        progress.step("exporting", &so_many(count as u64, "rows", begun));
    }
    sink.finish()?;
    Ok(count)
}
