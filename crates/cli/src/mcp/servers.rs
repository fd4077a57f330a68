//! `systemprompt mcp servers`: the MCP servers behind the proxy, and whether they
//! answer.

mod probe;

use clap::{Arg, ArgMatches, Command};
use serde::Serialize;
use systemprompt_config::McpServer;

use self::probe::{Found, probe};
use crate::Outside;
use crate::alerts::{json, write_json};
use crate::command::{Globals, group};
use crate::failure::Failure;
use crate::human::text;

/// A server as it is set up.
#[derive(Debug, Serialize)]
struct Listed<'a> {
    name: &'a str,
    /// Where clients reach it here.
    path: String,
    url: &'a str,
    /// Whether it is sent a key.
    key: bool,
    allow: &'a [String],
    deny: &'a [String],
}

pub(super) fn command() -> Command {
    group("servers", "See the MCP servers behind /mcp/NAME, and whether they answer")
        .subcommand(
            Command::new("list")
                .about("List the MCP servers of services/mcp/servers.yaml and the profile")
                .after_help("Their tools: systemprompt mcp servers test NAME; how they do: systemprompt analytics tools list")
                .arg(json()),
        )
        .subcommand(
            Command::new("test")
                .about("Ask an MCP server for its tools, with the key that the proxy would send")
                .after_help("Exit code 1 if it does not answer as it should.")
                .arg(Arg::new("name").required(true).value_name("NAME").help("The server"))
                .arg(json()),
        )
}

pub(crate) fn list(
    matches: &ArgMatches,
    globals: &Globals,
    outside: &mut Outside<'_>,
) -> Result<(), Failure> {
    let config = systemprompt_config::load(&globals.sources())?;
    let servers = config.profile.mcp.servers.iter();
    let listed: Vec<_> = servers.map(|(name, server)| listed(name, server)).collect();
    if matches.get_flag("json") {
        return write_json(outside, &listed);
    }
    if listed.is_empty() {
        writeln!(
            outside.out,
            "No MCP servers are set: see services/mcp/servers.yaml."
        )?;
    }
    for server in listed {
        let key = if server.key {
            "with a key"
        } else {
            "without a key"
        };
        let url = text::clean(server.url);
        writeln!(outside.out, "{}  {url}  {key}", server.path)?;
        for (word, tools) in [("only", server.allow), ("not", server.deny)] {
            if !tools.is_empty() {
                writeln!(outside.out, "  {word}: {}", text::clean(&tools.join(", ")))?;
            }
        }
    }
    Ok(())
}

fn listed<'a>(name: &'a str, server: &'a McpServer) -> Listed<'a> {
    Listed {
        name,
        path: format!("/mcp/{name}"),
        // A key in the address is one all the same.
        url: server.url.split('?').next().unwrap_or_default(),
        key: server.key.is_some(),
        allow: &server.allow,
        deny: &server.deny,
    }
}

pub(crate) fn test(
    matches: &ArgMatches,
    globals: &Globals,
    outside: &mut Outside<'_>,
) -> Result<(), Failure> {
    let name: &String = matches.get_one("name").expect("clap requires it");
    let config = systemprompt_config::load(&globals.sources())?;
    let Some(server) = config.profile.mcp.servers.get(name) else {
        let known: Vec<_> = config
            .profile
            .mcp
            .servers
            .keys()
            .map(String::as_str)
            .collect();
        let known = if known.is_empty() {
            "none is set".to_owned()
        } else {
            known.join(", ")
        };
        return Err(Failure::NotFound(format!(
            "there is no MCP server {name:?}: {known}"
        )));
    };
    let client = systemprompt_notify::client()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let found = runtime
        .block_on(probe(&client, server))
        .map_err(|why| Failure::NotFound(format!("{name} does not answer as it should: {why}")))?;
    if matches.get_flag("json") {
        return write_json(outside, &found);
    }
    let Found {
        protocol,
        server: called,
        latency_ms,
        tools,
    } = found;
    let called = text::clean(&called);
    writeln!(
        outside.out,
        "{name} answers: {called}, MCP {protocol}, in {latency_ms} ms"
    )?;
    for tool in &tools {
        let word = if tool.allowed {
            ""
        } else {
            "  (may not be called)"
        };
        writeln!(outside.out, "  {}{word}", text::clean(&tool.name))?;
    }
    let n = tools.len();
    writeln!(outside.out, "{n} tool{}", if n == 1 { "" } else { "s" })?;
    Ok(())
}
