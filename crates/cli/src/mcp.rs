//! `systemprompt mcp`: what MCP clients start as a process of their own, and the MCP
//! servers behind this one.

pub(crate) mod servers;
pub(crate) mod wrap;

use clap::{ArgMatches, Args, Command, FromArgMatches};
use systemprompt_mcp::{Analytics, Caller, serve_stdio};
use systemprompt_reporting::Scope;

use crate::Outside;
use crate::command::{Globals, group};
use crate::database;
use crate::failure::Failure;

const EXAMPLES: &str = "\
A client starts it by itself; this is what its configuration says:
  {\"mcpServers\": {\"analytics\": {
    \"command\": \"systemprompt\",
    \"args\": [\"mcp\", \"serve\", \"--agent\", \"scout\", \"--storage\", \"/srv/systemprompt/storage\"]}}}

Clients elsewhere use the server's address with a token instead:
  http://HOST:8080/mcp    Authorization: Bearer sp_agt_…
  (systemprompt admin token create scout --kind agt --agent scout)";

/// Answer MCP over standard input and output
///
/// The questions of the command line as tools, for one client that started this
/// process. With --agent it has the tools about that agent alone; without, it
/// may ask everything, as you may.
#[derive(Clone, Debug, Args)]
#[group(skip)]
struct Serve {
    /// The agent that asks, about itself
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
}

pub(crate) fn command() -> Command {
    let serve = Serve::augment_args(Command::new("serve")).after_help(EXAMPLES);
    group(
        "mcp",
        "Let agents ask about themselves, and see what their tools do",
    )
    .subcommand(serve)
    .subcommand(wrap::command())
    .subcommand(servers::command())
}

pub(crate) fn serve(
    matches: &ArgMatches,
    globals: &Globals,
    outside: &mut Outside<'_>,
) -> Result<(), Failure> {
    let serve = Serve::from_arg_matches(matches).expect("parsed with these arguments");
    let caller = serve
        .agent
        .map_or_else(|| Caller::reader(Scope::everything()), Caller::agent);
    let config = systemprompt_config::load(&globals.sources())?;
    database::with(&config, outside, async |storage, outside| {
        let ctx = database::ctx(&config, storage, outside);
        let analytics = Analytics::new(ctx.pool, ctx.settings, ctx.clock).for_caller(caller);
        // Standard output is the protocol's; nothing else may be written to it.
        serve_stdio(analytics, tokio::io::stdin(), tokio::io::stdout()).await?;
        Ok(())
    })
}
