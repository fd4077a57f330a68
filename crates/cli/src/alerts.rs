//! `systemprompt alerts`: what alerts watch, how they stand, whether their
//! messages arrive, and how to lift a limit. How they stand and what they told
//! are questions of the registry.

mod list;
mod resume;
mod test;
mod until;

use clap::Command;
use systemprompt_config::{Alert, Config};
use systemprompt_reporting::find;

use crate::Outside;
use crate::analytics::question;
use crate::command::group;
use crate::failure::Failure;

pub(crate) use self::list::list;
pub(crate) use self::resume::resume;
pub(crate) use self::test::test;
pub(crate) use self::until::Until;

const EXAMPLES: &str = "\
Examples:
  systemprompt alerts list
  systemprompt alerts status
  systemprompt alerts test daily_cost
  systemprompt alerts test --channel email
  systemprompt alerts history --since 30d
  systemprompt alerts resume monthly_cost --until 2h

Alerts are set in the profile, under analytics.alerts. A budget is an alert on
costs; with the action pause_requests it refuses requests beyond its limit.";

pub(crate) fn command() -> Command {
    let ask = |name| {
        let entry = find(&["alerts", name]).expect("the registry has it");
        question(entry, name)
    };
    group(
        "alerts",
        "See what alerts watch and how they stand; lift a limit",
    )
    .after_help(EXAMPLES)
    .subcommand(list::command())
    .subcommand(ask("status"))
    .subcommand(test::command())
    .subcommand(ask("history"))
    .subcommand(resume::command())
}

/// The argument `--json`.
pub(crate) fn json() -> clap::Arg {
    clap::Arg::new("json")
        .long("json")
        .action(clap::ArgAction::SetTrue)
        .help_heading("Output")
        .help("Answer in JSON")
}

/// The alert of that name.
fn named<'a>(config: &'a Config, name: &str) -> Result<&'a Alert, Failure> {
    let alerts = &config.profile.analytics.alerts;
    let found = alerts.iter().find(|alert| alert.name() == name);
    found.ok_or_else(|| {
        let names: Vec<String> = alerts.iter().map(Alert::name).collect();
        Failure::NotFound(if names.is_empty() {
            format!("no alert is called {name}; there are none (analytics.alerts in the profile)")
        } else {
            format!("no alert is called {name}; there are: {}", names.join(", "))
        })
    })
}

/// Writes JSON as `--json` does everywhere.
pub(crate) fn write_json(
    outside: &mut Outside<'_>,
    value: &impl serde::Serialize,
) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).expect("plain data");
    Ok(writeln!(outside.out, "{text}")?)
}
