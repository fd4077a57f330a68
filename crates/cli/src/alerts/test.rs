//! `systemprompt alerts test`: sends a message that only shows that a channel
//! works.

use clap::{Arg, ArgGroup, ArgMatches, Command};
use serde::Serialize;
use systemprompt_config::{Action, Config};
use systemprompt_notify::{Channel, Channels, Message};

use super::{json, named, write_json};
use crate::Outside;
use crate::command::Globals;
use crate::failure::Failure;
use crate::human::text;

pub(crate) fn command() -> Command {
    let channels = Channel::ALL.map(Channel::as_str);
    Command::new("test")
        .about("Send a test message through the channels of an alert, or through one channel")
        .after_help(
            "Nothing is recorded and nothing is tried again: this says at once whether a message \
             arrives.\n\nExamples:\n  systemprompt alerts test daily_cost\n  \
             systemprompt alerts test --channel email\n\nNames: systemprompt alerts list",
        )
        .arg(
            Arg::new("name")
                .value_name("NAME")
                .help("The alert whose channels are tried"),
        )
        .arg(
            Arg::new("channel")
                .long("channel")
                .value_name("CHANNEL")
                .value_parser(channels)
                .help("The channel that is tried, whatever alerts use it"),
        )
        .group(
            ArgGroup::new("what")
                .args(["name", "channel"])
                .required(true),
        )
        .arg(json())
}

/// What became of a message.
#[derive(Debug, Serialize)]
struct Tried {
    channel: Channel,
    sent: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

pub(crate) fn test(
    matches: &ArgMatches,
    globals: &Globals,
    outside: &mut Outside<'_>,
) -> Result<(), Failure> {
    let config = systemprompt_config::load(&globals.sources())?;
    let wanted = wanted(matches, &config)?;
    let channels = Channels::new(&config.profile.notifications)?;
    let message = Message::test(outside.clock.now());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut tried = Vec::new();
    for channel in wanted {
        let result = runtime.block_on(channels.send(channel, &message));
        let error = result.err().map(|error| error.to_string());
        if !matches.get_flag("json") {
            let line = match &error {
                None => format!("{channel}: sent"),
                Some(error) => outside.look.alarming(&text::clean(error)),
            };
            writeln!(outside.out, "{line}")?;
        }
        tried.push(Tried {
            channel,
            sent: error.is_none(),
            error,
        });
    }
    if matches.get_flag("json") {
        write_json(outside, &serde_json::json!({ "tried": tried }))?;
    }
    if tried.iter().all(|tried| tried.sent) {
        Ok(())
    } else {
        Err(Failure::Refused(
            "not every message was accepted".to_owned(),
        ))
    }
}

/// The channels to try.
fn wanted(matches: &ArgMatches, config: &Config) -> Result<Vec<Channel>, Failure> {
    if let Some(channel) = matches.get_one::<String>("channel") {
        return Ok(vec![channel.parse().expect("clap admits no other")]);
    }
    let name: &String = matches.get_one("name").expect("clap requires one of both");
    let actions: &[Action] = &named(config, name)?.action;
    let channels: Vec<Channel> = actions.iter().copied().filter_map(Channel::of).collect();
    if channels.is_empty() {
        return Err(Failure::Refused(format!(
            "{name} tells nobody: its only action is pause_requests"
        )));
    }
    Ok(channels)
}
