//! `infra logs stream`: lines as they come. Servers store theirs by the batch,
//! each in its own time, so the last moments are read again and again, and what
//! was shown is remembered.

use std::collections::HashMap;
use std::time::Duration;

use clap::{ArgMatches, Args, FromArgMatches as _};
use systemprompt_domain::period::Interval;
use systemprompt_storage::Storage;
use systemprompt_storage::logs::{Line, Order, Wanted, read};
use time::OffsetDateTime;

use super::args::Filters;
use super::line::line;
use crate::Outside;
use crate::command::Globals;
use crate::database;
use crate::failure::Failure;

/// How often it is looked for new lines.
const ROUND: Duration = Duration::from_secs(1);
/// A line that needs longer than this into the database is not shown.
const LATE: time::Duration = time::Duration::seconds(15);
/// The most lines that are shown in one round.
const MOST: usize = 10_000;

// No doc comment: clap would take it for the help of the command.
#[derive(Clone, Debug, Args)]
pub(super) struct Stream {
    #[command(flatten)]
    filters: Filters,
    /// Begin with so many lines of the last 24 hours
    #[arg(long, value_name = "LINES", default_value_t = 10)]
    limit: u16,
    /// One JSON object a line
    #[arg(long, help_heading = "Output")]
    json: bool,
}

/// Shows lines until Ctrl-C.
pub(crate) fn run(
    matches: &ArgMatches,
    globals: &Globals,
    outside: &mut Outside<'_>,
) -> Result<(), Failure> {
    let args = Stream::from_arg_matches(matches).map_err(Failure::CommandLine)?;
    let since = outside.clock.now() - time::Duration::DAY;
    let interval = Interval {
        since,
        until: since + time::Duration::DAY,
    };
    let wanted = args.filters.wanted(interval, None)?;
    let config = systemprompt_config::load(&globals.sources())?;
    database::with(&config, outside, async |storage, outside| {
        let interrupted = tokio::signal::ctrl_c();
        tokio::select! {
            ended = follow(storage, wanted, &args, outside) => ended,
            ended = interrupted => Ok(ended?),
        }
    })
}

async fn follow(
    storage: &Storage,
    mut wanted: Wanted,
    args: &Stream,
    outside: &mut Outside<'_>,
) -> Result<(), Failure> {
    let mut shown = HashMap::new();
    let begin = usize::from(args.limit);
    let mut lines = read(storage.pool(), &wanted, Order::NewestFirst, None, begin).await?;
    lines.reverse();
    let mut from = outside.clock.now();
    loop {
        for line in lines {
            if shown.insert(line.id, line.created_at).is_none() {
                write(&line, args.json, outside)?;
            }
        }
        // What is written is seen at once.
        outside.out.flush()?;
        tokio::time::sleep(ROUND).await;
        wanted.since = from - LATE;
        from = outside.clock.now();
        wanted.until = from + LATE;
        shown.retain(|_, at: &mut OffsetDateTime| *at >= wanted.since);
        lines = read(storage.pool(), &wanted, Order::OldestFirst, None, MOST).await?;
    }
}

fn write(shown: &Line, json: bool, outside: &mut Outside<'_>) -> Result<(), Failure> {
    if json {
        let text = serde_json::to_string(shown).expect("plain data");
        writeln!(outside.out, "{text}")?;
    } else {
        writeln!(outside.out, "{}", line(shown, outside.look))?;
    }
    Ok(())
}
