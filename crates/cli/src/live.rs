//! `analytics sessions live`: on a terminal the answer is drawn anew while it
//! changes; elsewhere it is given once.

use std::time::Duration;

use clap::ArgMatches;
use serde_json::Value;
use systemprompt_config::Config;
use systemprompt_reporting::find;
use systemprompt_storage::Storage;

use crate::Outside;
use crate::analytics;
use crate::command::Globals;
use crate::database;
use crate::failure::Failure;
use crate::human;

const WORDS: [&str; 2] = ["sessions", "live"];
/// How often it is asked again.
const ROUND: Duration = Duration::from_secs(2);
/// To the first line, and what was written there goes.
const CLEAR: &str = "\u{1b}[H\u{1b}[2J";

pub(crate) fn run(
    matches: &ArgMatches,
    globals: &Globals,
    outside: &mut Outside<'_>,
) -> Result<(), Failure> {
    let once = matches.get_flag("json") || matches.contains_id("export");
    if once || !outside.look.colour || outside.look.width.is_none() {
        return analytics::run(&WORDS, matches, globals, outside);
    }
    let entry = find(&WORDS).expect("the question is in the registry");
    let params = entry.from_matches(matches)?;
    let config = systemprompt_config::load(&globals.sources())?;
    database::with(&config, outside, async |storage, outside| {
        tokio::select! {
            ended = redraw(&config, storage, &params, outside) => ended,
            ended = tokio::signal::ctrl_c() => Ok(ended?),
        }
    })
}

/// Draws the answer again and again.
async fn redraw(
    config: &Config,
    storage: &Storage,
    params: &Value,
    outside: &mut Outside<'_>,
) -> Result<(), Failure> {
    let entry = find(&WORDS).expect("the question is in the registry");
    loop {
        let ctx = database::ctx(config, storage, outside);
        let answer = entry.run(&ctx, params.clone()).await?;
        let text = human::render(entry, &answer, "", outside.look);
        writeln!(outside.out, "{CLEAR}{text}Ctrl-C ends this.")?;
        outside.out.flush()?;
        tokio::time::sleep(ROUND).await;
    }
}
