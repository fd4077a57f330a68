//! `infra logs view` and `infra logs search`: lines of a period, the newest
//! first.

use clap::{ArgMatches, Args, FromArgMatches as _};
use serde_json::Value;
use systemprompt_reporting::{Answer, Limit};
use systemprompt_storage::logs::{Order, read};

use super::args::{Filters, Within};
use super::line::line;
use crate::Outside;
use crate::alerts::write_json;
use crate::command::Globals;
use crate::database;
use crate::failure::Failure;

// No doc comments on these: clap would take them for the help of the commands.
#[derive(Clone, Debug, Args)]
pub(super) struct View {
    #[command(flatten)]
    filters: Filters,
    #[command(flatten)]
    within: Within,
    /// Most lines to show
    #[arg(long, value_name = "LINES", default_value = "50")]
    limit: Limit,
    /// Answer in JSON
    #[arg(long, help_heading = "Output")]
    json: bool,
}

#[derive(Clone, Debug, Args)]
pub(super) struct Search {
    /// What the message or a field holds, in either case
    #[arg(value_name = "TEXT")]
    text: String,
    #[command(flatten)]
    view: View,
}

/// Shows lines.
pub(crate) fn view(
    matches: &ArgMatches,
    globals: &Globals,
    outside: &mut Outside<'_>,
) -> Result<(), Failure> {
    let args = View::from_arg_matches(matches).map_err(Failure::CommandLine)?;
    show(&args, None, globals, outside)
}

/// Shows those that hold a text.
pub(crate) fn search(
    matches: &ArgMatches,
    globals: &Globals,
    outside: &mut Outside<'_>,
) -> Result<(), Failure> {
    let args = Search::from_arg_matches(matches).map_err(Failure::CommandLine)?;
    show(&args.view, Some(&args.text), globals, outside)
}

fn show(
    args: &View,
    text: Option<&str>,
    globals: &Globals,
    outside: &mut Outside<'_>,
) -> Result<(), Failure> {
    let (interval, period) = args.within.resolve(&args.filters, outside.clock.now())?;
    let wanted = args.filters.wanted(interval, text)?;
    let limit = u32::from(args.limit) as usize;
    let config = systemprompt_config::load(&globals.sources())?;
    let mut lines = database::with(&config, outside, async |storage, _| {
        let newest = Order::NewestFirst;
        Ok(read(storage.pool(), &wanted, newest, None, limit + 1).await?)
    })?;
    let more = lines.len() > limit;
    lines.truncate(limit);
    if args.json {
        let row = |line| serde_json::to_value(line).expect("plain data");
        let mut answer = Answer::<Value>::of(lines.iter().map(row).collect()).over(period);
        answer.more = more;
        return write_json(outside, &answer);
    }
    for shown in &lines {
        writeln!(outside.out, "{}", line(shown, outside.look))?;
    }
    let aside = match (lines.is_empty(), more) {
        (true, _) => "No lines. --since 7d asks about a longer period.",
        (_, true) => "There are more: --limit shows more of them.",
        _ => return Ok(()),
    };
    Ok(writeln!(outside.err, "{}", outside.look.faint(aside))?)
}
