//! `systemprompt admin agent`: the agents that tokens are issued for.

use clap::{ArgGroup, ArgMatches, Args as _, Command, FromArgMatches};
use serde_json::{Value, json};
use systemprompt_config::Config;
use systemprompt_storage::agents::{self, Agent, Change};
use systemprompt_storage::tokens;

use super::{stamp, token, write_json};
use crate::Outside;
use crate::actor::actor;
use crate::command::group;
use crate::database;
use crate::failure::Failure;
use crate::human;
use crate::human::column::Unit;
use crate::human::text;

const HELP: &str = "\
An agent is made known once; then tokens can be issued for it. What it did and cost is a question:
systemprompt analytics agents show NAME

Examples:
  systemprompt admin agent create scout --description 'Reads the web'
  systemprompt admin token create scout-laptop --kind agt --agent scout
  systemprompt admin agent set scout --disable
  systemprompt admin agent delete scout";

// No doc comments: clap would take them for the help of the whole command.
#[derive(Debug, clap::Args)]
struct Create {
    /// What requests and answers call it
    #[arg(value_name = "NAME")]
    name: String,
    /// What it is, for people
    #[arg(long, value_name = "TEXT", default_value = "")]
    description: String,
    /// Answer in JSON
    #[arg(long, help_heading = "Output")]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct List {
    /// Answer in JSON
    #[arg(long, help_heading = "Output")]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct One {
    /// The agent's name
    #[arg(value_name = "NAME")]
    name: String,
    /// Answer in JSON
    #[arg(long, help_heading = "Output")]
    json: bool,
}

#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("change").required(true).multiple(true))]
struct Set {
    /// The agent's name
    #[arg(value_name = "NAME")]
    name: String,
    /// What it is, for people
    #[arg(long, value_name = "TEXT", group = "change")]
    description: Option<String>,
    /// Refuse its tokens, from the next second on
    #[arg(long, group = "change", conflicts_with = "enable")]
    disable: bool,
    /// Accept its tokens again
    #[arg(long, group = "change")]
    enable: bool,
    /// Answer in JSON
    #[arg(long, help_heading = "Output")]
    json: bool,
}

pub(super) fn command() -> Command {
    let new = |name, about| Command::new(name).about(about);
    group("agent", "Make agents known, disable and delete them")
        .after_help(HELP)
        .subcommand(Create::augment_args(new(
            "create",
            "Make an agent known, so that tokens can be issued for it",
        )))
        .subcommand(List::augment_args(new("list", "List the agents")))
        .subcommand(One::augment_args(new(
            "show",
            "Show an agent and its tokens",
        )))
        .subcommand(Set::augment_args(new(
            "set",
            "Describe, disable or enable an agent",
        )))
        .subcommand(One::augment_args(new(
            "delete",
            "Delete an agent and revoke its tokens; what was recorded of it stays",
        )))
}

pub(super) fn run(
    command: &str,
    matches: &ArgMatches,
    config: &Config,
    outside: &mut Outside<'_>,
) -> Result<(), Failure> {
    match command {
        "create" => create(&args(matches), config, outside),
        "list" => list(&args(matches), config, outside),
        "show" => show(&args(matches), config, outside),
        "set" => set(&args(matches), config, outside),
        "delete" => delete(&args(matches), config, outside),
        other => unreachable!("clap admits no other commands than {other:?}"),
    }
}

fn args<T: FromArgMatches>(matches: &ArgMatches) -> T {
    T::from_arg_matches(matches).expect("the command was made from these arguments")
}

fn create(args: &Create, config: &Config, outside: &mut Outside<'_>) -> Result<(), Failure> {
    let (name, now) = (&args.name, outside.clock.now());
    let agent = database::with(config, outside, async |storage, _| {
        Ok(agents::create(storage.pool(), name, &args.description, Some(actor()), now).await?)
    })?;
    if args.json {
        return Ok(write_json(outside, &row(&agent))?);
    }
    let name = text::clean(name);
    writeln!(
        outside.out,
        "The agent {name} is known. Issue a token for it:\n\n  \
         systemprompt admin token create {name} --kind agt --agent {name}"
    )?;
    Ok(())
}

fn list(args: &List, config: &Config, outside: &mut Outside<'_>) -> Result<(), Failure> {
    let agents = database::with(config, outside, async |storage, _| {
        Ok(agents::list(storage.pool()).await?)
    })?;
    let rows: Vec<Value> = agents.iter().map(row).collect();
    if args.json {
        return Ok(write_json(outside, &json!({ "agents": rows }))?);
    }
    if rows.is_empty() {
        writeln!(
            outside.out,
            "No agents are known. Make one known: systemprompt admin agent create NAME"
        )?;
        return Ok(());
    }
    Ok(outside.out.write_all(table(&rows, outside).as_bytes())?)
}

fn show(args: &One, config: &Config, outside: &mut Outside<'_>) -> Result<(), Failure> {
    let (name, now) = (&args.name, outside.clock.now());
    let (agent, tokens) = database::with(config, outside, async |storage, _| {
        let pool = storage.pool();
        Ok((agents::find(pool, name).await?, tokens::list(pool).await?))
    })?;
    let tokens = token::live_of(tokens, name, now);
    if args.json {
        let mut answer = row(&agent);
        answer["tokens"] = json!(token::rows(&tokens, now));
        return Ok(write_json(outside, &answer)?);
    }
    let about = table(&[row(&agent)], outside);
    let tokens = token::table(&tokens, now, outside);
    Ok(write!(outside.out, "{about}\n{tokens}")?)
}

fn set(args: &Set, config: &Config, outside: &mut Outside<'_>) -> Result<(), Failure> {
    let (name, now) = (&args.name, outside.clock.now());
    let change = Change {
        description: args.description.as_deref(),
        disabled: (args.disable || args.enable).then_some(args.disable),
    };
    let agent = database::with(config, outside, async |storage, _| {
        Ok(agents::set(storage.pool(), name, change, Some(actor()), now).await?)
    })?;
    let row = row(&agent);
    if args.json {
        return Ok(write_json(outside, &row)?);
    }
    Ok(outside.out.write_all(table(&[row], outside).as_bytes())?)
}

fn delete(args: &One, config: &Config, outside: &mut Outside<'_>) -> Result<(), Failure> {
    let (name, now) = (&args.name, outside.clock.now());
    let revoked = database::with(config, outside, async |storage, _| {
        Ok(agents::delete(storage.pool(), name, Some(actor()), now).await?)
    })?;
    if args.json {
        let answer = json!({ "deleted": name, "revoked_tokens": revoked });
        return Ok(write_json(outside, &answer)?);
    }
    let name = text::clean(name);
    writeln!(
        outside.out,
        "Deleted the agent {name}. Tokens revoked: {revoked}."
    )?;
    Ok(())
}

fn table(rows: &[Value], outside: &Outside<'_>) -> String {
    let columns = [
        ("name", Unit::Text),
        ("state", Unit::Text),
        ("description", Unit::Text),
        ("created_at", Unit::Time),
    ];
    human::rows(&columns, rows, outside.look)
}

/// An agent as `--json` prints it.
fn row(agent: &Agent) -> Value {
    let state = if agent.disabled_at.is_some() {
        "disabled"
    } else {
        "enabled"
    };
    json!({
        "name": agent.name,
        "state": state,
        "description": agent.description,
        "created_at": stamp(Some(agent.created_at)),
        "disabled_at": stamp(agent.disabled_at),
    })
}
