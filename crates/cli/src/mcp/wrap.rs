//! `systemprompt mcp wrap`: an MCP server on standard input and output, whose tool
//! calls are recorded, and how what was recorded reaches the database.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use clap::{ArgMatches, Args, Command, FromArgMatches};
use systemprompt_capture::{
    Courier, Deliver, DeliverError, HttpSink, Spool, SpoolError, SpoolOptions,
};
use systemprompt_config::Config;
use systemprompt_domain::reported::{Reported, Source, Stamp, ToolReport, ToolsReport};
use systemprompt_domain::{Clock, Event, EventId, Sampling};
use systemprompt_mcp::{Wrapped, wrap};
use systemprompt_storage::Storage;
use systemprompt_storage::events::Events;
use tokio::sync::OnceCell;

use crate::Outside;
use crate::command::Globals;
use crate::failure::Failure;

const EXAMPLES: &str = "\
In a client's configuration, before the command that it starts:
  {\"mcpServers\": {\"files\": {
    \"command\": \"systemprompt\",
    \"args\": [\"mcp\", \"wrap\", \"--server\", \"files\", \"--agent\", \"scout\", \"--\",
             \"npx\", \"@example/files-server\", \"/srv/files\"]}}}

What is recorded is on disk (storage/spool/wrap) before the end of an answer leaves, and is
delivered while the server runs, at its end, or by the next wrapper if that does not work:
straight into the database, as every command here does it; with --to, to a server's
/api/v1/events with the token in SYSTEMPROMPT_TOKEN, which needs the scope ingest:
  SYSTEMPROMPT_TOKEN=sp_ing_… systemprompt mcp wrap --server files --to https://HOST -- CMD…";

/// Wrappers that run at the same time on one storage folder.
const SLOTS: usize = 64;
/// How often what was recorded is delivered.
const ROUND: Duration = Duration::from_secs(3);
/// How long the last delivery may take; the rest waits on disk.
const LAST: Duration = Duration::from_secs(10);
const CAP: u64 = 64 << 20;
const SEGMENT: u64 = 1 << 20;

/// Run an MCP server on standard input and output, and record its tool calls
///
/// Bytes pass unchanged in both directions; standard error, exit code and signals
/// are the server's own. Arguments and results are not recorded.
#[derive(Clone, Debug, Args)]
#[group(skip)]
struct Wrap {
    /// The name under which the server's tools are recorded
    #[arg(long, value_name = "NAME")]
    server: String,
    /// The agent that calls them
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    /// The session they belong to
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// Deliver to this server instead of the database; the token is in SYSTEMPROMPT_TOKEN
    #[arg(long, value_name = "URL")]
    to: Option<String>,
    /// The server's command
    #[arg(last = true, required = true, value_name = "CMD")]
    command: Vec<OsString>,
}

pub(super) fn command() -> Command {
    Wrap::augment_args(Command::new("wrap")).after_help(EXAMPLES)
}

pub(crate) fn run(
    matches: &ArgMatches,
    globals: &Globals,
    outside: &mut Outside<'_>,
) -> Result<(), Failure> {
    let args = Wrap::from_arg_matches(matches).expect("parsed with these arguments");
    for (option, name) in [
        ("--server", Some(&args.server)),
        ("--agent", args.agent.as_ref()),
    ] {
        let sound = |name: &String| {
            (1..=systemprompt_domain::tool::LONGEST).contains(&name.len())
                && !name.contains(char::is_control)
        };
        if !name.is_none_or(sound) {
            return Err(Failure::Usage(format!(
                "{option} is no name that can be recorded"
            )));
        }
    }
    let config = systemprompt_config::load(&globals.sources())?;
    let folder = config.profile.server.storage.join("spool/wrap");
    let spool = match config.profile.analytics.enabled {
        true => slot(&folder, outside),
        false => None,
    };
    let wrapped = Wrapped {
        server: args.server,
        agent: args.agent,
        session: args.session,
        command: args.command,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let status = runtime.block_on(async {
        let to = To::new(&config, args.to.as_deref(), outside.clock)?;
        let Some((place, spool)) = spool else {
            return wrap(&wrapped, None)
                .await
                .map_err(|error| cannot_run(&wrapped, &error));
        };
        let mut courier = Courier::new(spool.clone(), place.join("delivered"));
        let running = wrap(&wrapped, Some(spool));
        let mut running = std::pin::pin!(running);
        let delivering = async {
            loop {
                tokio::time::sleep(ROUND).await;
                // What does not work now works later, or for the next wrapper.
                if courier.has_work() && courier.empty(&to).await.is_err() {
                    tokio::time::sleep(10 * ROUND).await;
                }
            }
        };
        let status = tokio::select! {
            status = &mut running => status,
            () = delivering => unreachable!("it never ends"),
        };
        let last = tokio::time::timeout(LAST, courier.empty(&to)).await;
        let late = || DeliverError::new("there was no time to deliver what was recorded");
        if let Err(error) = last.unwrap_or_else(|_| Err(late())) {
            // The server's own words are done; standard error is free.
            let _ = writeln!(outside.err, "systemprompt mcp wrap: {error}");
        } else {
            let _ = tokio::time::timeout(LAST, left_behind(&folder, &to)).await;
        }
        to.close().await;
        status.map_err(|error| cannot_run(&wrapped, &error))
    })?;
    // The thread that reads our input may wait for ever.
    runtime.shutdown_background();
    end_like(status)
}

fn cannot_run(wrapped: &Wrapped, error: &std::io::Error) -> Failure {
    let program = wrapped
        .command
        .first()
        .map(|program| program.display().to_string());
    let program = program.unwrap_or_default();
    Failure::Refused(format!("cannot run {program}: {error}"))
}

/// Ends as the server did.
fn end_like(status: ExitStatus) -> Result<(), Failure> {
    if let Some(signal) = status.signal() {
        // Returns for signals that do not end a process by themselves.
        let _ = signal_hook::low_level::emulate_default_handler(signal);
        return Err(Failure::Exit(
            128_u8.wrapping_add(u8::try_from(signal).unwrap_or(0)),
        ));
    }
    match status.code() {
        Some(0) | None => Ok(()),
        Some(code) => Err(Failure::Exit(u8::try_from(code).unwrap_or(1))),
    }
}

/// A spool that no other wrapper has. Without one the server runs unrecorded,
/// which is said.
fn slot(folder: &Path, outside: &mut Outside<'_>) -> Option<(PathBuf, Spool)> {
    let mut failed = None;
    for n in 0..SLOTS {
        let place = folder.join(n.to_string());
        match open(&place) {
            Ok(spool) => return Some((place, spool)),
            Err(SpoolError::InUse(_)) => {}
            Err(error) => failed = Some(error),
        }
    }
    let why = failed.map_or_else(
        || format!("{SLOTS} wrappers run already"),
        |error| error.to_string(),
    );
    let _ = writeln!(
        outside.err,
        "systemprompt mcp wrap: tool calls are not recorded: {why}"
    );
    None
}

fn open(place: &Path) -> Result<Spool, SpoolError> {
    Spool::open(SpoolOptions {
        dir: place.to_owned(),
        lane: "wrap",
        cap: CAP,
        segment: SEGMENT,
        keep: Duration::ZERO,
    })
}

/// Delivers what wrappers left that are no more.
async fn left_behind(folder: &Path, to: &To) {
    for n in 0..SLOTS {
        let place = folder.join(n.to_string());
        if !place.is_dir() {
            return;
        }
        // One that cannot be opened is in use, or for its next wrapper to mend.
        if let Ok(spool) = open(&place) {
            let mut courier = Courier::new(spool, place.join("delivered"));
            if courier.has_work() && courier.empty(to).await.is_err() {
                return;
            }
        }
    }
}

/// Where events go.
enum To {
    Server(HttpSink),
    /// Opened when there is something to store.
    Database {
        config: Box<Config>,
        clock: Clock,
        storage: Box<OnceCell<Storage>>,
    },
}

impl To {
    fn new(config: &Config, server: Option<&str>, clock: Clock) -> Result<Self, Failure> {
        let Some(base) = server else {
            return Ok(Self::Database {
                config: Box::new(config.clone()),
                clock,
                storage: Box::default(),
            });
        };
        if !base.starts_with("http://") && !base.starts_with("https://") {
            let text = "--to must be the address of a server, such as https://HOST";
            return Err(Failure::Usage(text.to_owned()));
        }
        let token = std::env::var("SYSTEMPROMPT_TOKEN").ok();
        let token = token.filter(|token| !token.is_empty());
        Ok(Self::Server(HttpSink::new(
            systemprompt_notify::client()?,
            base,
            token,
        )))
    }

    async fn close(self) {
        if let Self::Database { storage, .. } = self
            && let Some(storage) = storage.into_inner()
        {
            let _ = storage.close().await;
        }
    }
}

impl Deliver for To {
    async fn deliver(&self, events: &[Event]) -> Result<(), DeliverError> {
        match self {
            Self::Server(sink) => sink.deliver(events).await,
            Self::Database {
                config,
                clock,
                storage,
            } => {
                let opened = storage
                    .get_or_try_init(|| Storage::open(config, |_| ()))
                    .await;
                let storage = opened.map_err(|error| DeliverError::new(error.to_string()))?;
                let sampling = Sampling::new(config.profile.analytics.sampling_rate);
                let store = Events::new(storage.control_pool(), *clock).with_sampling(sampling);
                let reported: Vec<Reported> = events
                    .iter()
                    .filter_map(|event| reported(event, *clock))
                    .collect();
                let stored = store.store(&reported.iter().collect::<Vec<_>>()).await;
                stored
                    .map(drop)
                    .map_err(|error| DeliverError::new(error.to_string()))
            }
        }
    }
}

/// The event as another process reports it.
fn reported(event: &Event, clock: Clock) -> Option<Reported> {
    let now = clock.now();
    let source = |id, user: &Option<String>, agent: &Option<String>, trace_id| Source {
        stamp: Stamp::of(id, now),
        user: user.clone(),
        agent: agent.clone(),
        token: None,
        trace_id,
    };
    match event {
        Event::ToolCalled(call) => {
            let id = Some(EventId(call.id.0));
            let source = source(id, &call.user, &call.agent, Some(call.trace_id));
            let report = ToolReport::new(source, (**call).clone());
            Some(Reported::Tool(Box::new(report)))
        }
        Event::ToolsListed(listed) => {
            let source = source(None, &listed.user, &listed.agent, None);
            Some(Reported::Tools(ToolsReport::new(
                source,
                (**listed).clone(),
            )))
        }
        _ => None,
    }
}
