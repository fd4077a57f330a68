//! `systemprompt admin token`: tokens are issued, listed, replaced and revoked.

mod show;

use clap::{ArgMatches, Args as _, Command, FromArgMatches};
use serde_json::{Value, json};
use systemprompt_config::Config;
use systemprompt_domain::TokenKind;
use systemprompt_domain::period::Zone;
use systemprompt_storage::tokens::{self, NewToken, Token};
use time::{Duration, OffsetDateTime};

use super::write_json;
use crate::Outside;
use crate::actor::actor;
use crate::alerts::Until;
use crate::command::group;
use crate::database;
use crate::failure::Failure;
use crate::human;
use crate::human::column::Unit;
use crate::human::text;

const HELP: &str = "\
Kinds, and what they may do:
  gw    send AI requests through the gateway
  rd    ask questions, by HTTP
  agt   one agent: send AI requests, and ask about itself by MCP
  ing   report events
  adm   everything

Running servers accept a new token at once and refuse a revoked one within a second. With the first
token a server that was open to its own machine asks everyone for one.

Examples:
  systemprompt admin token create alice --kind gw --user alice@example.com
  systemprompt admin token create scout-laptop --kind agt --agent scout --expires 90d
  systemprompt admin token rotate alice --overlap 7d
  systemprompt admin token revoke alice";

const CREATE_HELP: &str = "\
The token is shown once; only its hash is kept.

Examples:
  systemprompt admin token create alice --kind gw --user alice@example.com
  systemprompt admin token create dashboards --kind rd --expires 90d
  systemprompt admin token create scout-view --kind rd --agent scout

A token of the kind rd with --agent sees what concerns that agent. Agents are made known first:
systemprompt admin agent create scout";

const REVOKE_HELP: &str = "\
A name stands for every live token of that name: the one that was rotated and its successor.
Servers refuse it within a second, and within thirty where they do not hear of it.

Examples:
  systemprompt admin token revoke alice
  systemprompt admin token revoke 7hGq0ZtB";

const ROTATE_HELP: &str = "\
The new token has the same name, kind, user and agent, and lasts as long as the old one was to last.
The old one is accepted until the overlap is over.

Examples:
  systemprompt admin token rotate alice
  systemprompt admin token rotate alice --overlap 0
  systemprompt admin token rotate alice --overlap 7d --expires 90d";

// No doc comments: clap would take them for the help of the whole command.
#[derive(Debug, clap::Args)]
struct Create {
    /// What answers and the audit trail call it
    #[arg(value_name = "NAME")]
    name: String,
    /// What it is for: gw, rd, agt, ing or adm
    #[arg(long, value_name = "KIND")]
    kind: TokenKind,
    /// User its requests are recorded for
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Agent it stands for
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    /// When it ends: 12h, 90d, 52w, RFC 3339 [default: never]
    #[arg(long, value_name = "WHEN")]
    expires: Option<Until>,
    /// Answer in JSON
    #[arg(long, help_heading = "Output")]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct List {
    /// Also those that are over
    #[arg(long)]
    all: bool,
    /// Only those that stand for this agent
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    /// Answer in JSON
    #[arg(long, help_heading = "Output")]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Revoke {
    /// Name, id, or the eight characters that lists show
    #[arg(value_name = "TOKEN")]
    token: String,
    /// Answer in JSON
    #[arg(long, help_heading = "Output")]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Rotate {
    /// Name, id, or the eight characters that lists show
    #[arg(value_name = "TOKEN")]
    token: String,
    /// How long the old one is still accepted: 0, 30m, 24h, 7d
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = overlap)]
    overlap: Duration,
    /// When the new one ends [default: it lasts as long as the old one was to last]
    #[arg(long, value_name = "WHEN")]
    expires: Option<Until>,
    /// Answer in JSON
    #[arg(long, help_heading = "Output")]
    json: bool,
}

pub(super) fn command() -> Command {
    let new = |name, about, help| Command::new(name).about(about).after_help(help);
    group("token", "Issue, list, replace and revoke tokens")
        .after_help(HELP)
        .subcommand(Create::augment_args(new(
            "create",
            "Issue a token; it is shown this once",
            CREATE_HELP,
        )))
        .subcommand(List::augment_args(
            Command::new("list").about("List tokens, and when they were last used"),
        ))
        .subcommand(Rotate::augment_args(new(
            "rotate",
            "Replace a token; both are accepted for a while",
            ROTATE_HELP,
        )))
        .subcommand(Revoke::augment_args(new(
            "revoke",
            "End a token now",
            REVOKE_HELP,
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
        "rotate" => rotate(&args(matches), config, outside),
        "revoke" => revoke(&args(matches), config, outside),
        other => unreachable!("clap admits no other commands than {other:?}"),
    }
}

fn args<T: FromArgMatches>(matches: &ArgMatches) -> T {
    T::from_arg_matches(matches).expect("the command was made from these arguments")
}

fn create(args: &Create, config: &Config, outside: &mut Outside<'_>) -> Result<(), Failure> {
    let now = outside.clock.now();
    let new = NewToken {
        kind: args.kind,
        name: &args.name,
        user: args.user.as_deref(),
        agent: args.agent.as_deref(),
        expires_at: end(args.expires, now)?,
    };
    let issued = database::with(config, outside, async |storage, _| {
        Ok(tokens::create(storage.pool(), new, Some(actor()), now).await?)
    })?;
    if args.json {
        return Ok(write_json(outside, &show::issued(&issued, now))?);
    }
    Ok(outside
        .out
        .write_all(show::page(&issued, config).as_bytes())?)
}

fn list(args: &List, config: &Config, outside: &mut Outside<'_>) -> Result<(), Failure> {
    let now = outside.clock.now();
    let mut tokens = database::with(config, outside, async |storage, _| {
        Ok(tokens::list(storage.pool()).await?)
    })?;
    tokens.retain(|token| {
        (args.all || show::is_live(token, now))
            && (args.agent.is_none() || args.agent == token.agent)
    });
    let rows: Vec<Value> = tokens.iter().map(|token| show::row(token, now)).collect();
    if args.json {
        return Ok(write_json(outside, &json!({ "tokens": rows }))?);
    }
    Ok(outside
        .out
        .write_all(table(&tokens, now, outside).as_bytes())?)
}

fn rotate(args: &Rotate, config: &Config, outside: &mut Outside<'_>) -> Result<(), Failure> {
    let now = outside.clock.now();
    let expires = end(args.expires, now)?;
    let rotated = database::with(config, outside, async |storage, _| {
        let pool = storage.pool();
        Ok(tokens::rotate(pool, &args.token, args.overlap, expires, Some(actor()), now).await?)
    })?;
    if args.json {
        let mut answer = show::issued(&rotated.new, now);
        answer["replaces"] = show::row(&rotated.old, now);
        return Ok(write_json(outside, &answer)?);
    }
    let page = show::page(&rotated.new, config);
    let until = match show::until(&rotated.old, now) {
        Some(until) => format!("is accepted until {until} UTC"),
        None => "is not accepted any more".to_owned(),
    };
    writeln!(
        outside.out,
        "{page}\nThe old one, {}, {until}.",
        show::hint(&rotated.old)
    )?;
    Ok(())
}

fn revoke(args: &Revoke, config: &Config, outside: &mut Outside<'_>) -> Result<(), Failure> {
    let now = outside.clock.now();
    let revoked = database::with(config, outside, async |storage, _| {
        Ok(tokens::revoke(storage.pool(), &args.token, Some(actor()), now).await?)
    })?;
    if args.json {
        let rows: Vec<Value> = revoked.iter().map(|token| show::row(token, now)).collect();
        return Ok(write_json(outside, &json!({ "revoked": rows }))?);
    }
    for token in &revoked {
        let name = text::clean(&token.name);
        writeln!(outside.out, "Revoked {name} ({}).", show::hint(token))?;
    }
    Ok(())
}

/// Tokens for people.
pub(super) fn table(tokens: &[Token], now: OffsetDateTime, outside: &Outside<'_>) -> String {
    if tokens.is_empty() {
        return "No such tokens. Issue one: systemprompt admin token create NAME --kind gw\n"
            .to_owned();
    }
    let columns = [
        ("name", Unit::Text),
        ("token", Unit::Text),
        ("state", Unit::Text),
        ("user", Unit::Text),
        ("agent", Unit::Text),
        ("created_at", Unit::Time),
        ("expires_at", Unit::Time),
        ("last_used_at", Unit::Time),
    ];
    let row = |token: &Token| {
        let mut row = show::row(token, now);
        row["token"] = json!(show::hint(token));
        row
    };
    let rows: Vec<Value> = tokens.iter().map(row).collect();
    human::rows(&columns, &rows, outside.look)
}

/// The tokens that stand for an agent and are not over.
pub(super) fn live_of(tokens: Vec<Token>, agent: &str, now: OffsetDateTime) -> Vec<Token> {
    let mut tokens = tokens;
    tokens.retain(|token| show::is_live(token, now) && token.agent.as_deref() == Some(agent));
    tokens
}

/// Tokens as JSON has them.
pub(super) fn rows(tokens: &[Token], now: OffsetDateTime) -> Vec<Value> {
    tokens.iter().map(|token| show::row(token, now)).collect()
}

fn end(until: Option<Until>, now: OffsetDateTime) -> Result<Option<OffsetDateTime>, Failure> {
    let Some(until) = until else { return Ok(None) };
    let end = until.resolve(now, &Zone::default());
    match end.filter(|end| *end > now) {
        Some(end) => Ok(Some(end)),
        None => Err(Failure::Usage(
            "--expires is over already, or beyond the calendar".to_owned(),
        )),
    }
}

fn overlap(text: &str) -> Result<Duration, String> {
    match text.parse() {
        _ if text == "0" => Ok(Duration::ZERO),
        Ok(Until::In(duration)) => Ok(duration),
        _ => Err("use 0, 30m, 24h, 7d or 1w".to_owned()),
    }
}
