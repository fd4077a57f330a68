//! From the command line to a running server, and back down in order.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser as _;
use systemprompt_budgets::Rules;
use systemprompt_capture::{Spool, SpoolOptions};
use systemprompt_config::{Config, Sources};
use systemprompt_domain::ids::BootId;
use systemprompt_domain::{Clock, Sampling};
use systemprompt_storage::audit::{self, AnchorFile};
use systemprompt_storage::web::{Bounds, Judge, JudgeInForce};
use systemprompt_storage::{Storage, Writer, WriterError, prices};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::accept::Door;
use crate::args::Args;
use crate::assemble::{Foundation, Server};
use crate::catalogue::Prices;
use crate::demo::Demo;
use crate::door::client::Proxies;
use crate::health::Lane;
use crate::logs::{self, Kept};
use crate::shutdown::Shutdown;
use crate::swap::Swap;
use crate::{accept, demo, tls, welcome};

/// How long segments are kept after they were stored.
const KEEP_SEGMENTS: Duration = Duration::from_secs(24 * 3600);
/// How long the last checkpoint of the audit log may take.
const LAST_CHECKPOINT: Duration = Duration::from_secs(2);
/// How long the last log lines may take into the database.
const LAST_LINES: Duration = Duration::from_secs(2);

/// Runs the server until it is told to stop.
#[must_use]
pub fn main() -> ExitCode {
    crate::memory::keep_little();
    let args = Args::parse();
    if args.remove_demo {
        return remove_demo(&args);
    }
    let outcome = sources(&args).and_then(|sources| {
        let config = systemprompt_config::load(&sources)?;
        let kept = logs::start(&config);
        for warning in &config.warnings {
            tracing::warn!("{warning}");
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?;
        let outcome = runtime.block_on(serve(&config, sources, args.accept_gap, kept));
        // Whatever still runs only holds what the spool has already.
        runtime.shutdown_timeout(Duration::from_secs(1));
        outcome
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn sources(args: &Args) -> anyhow::Result<Sources> {
    let here = std::env::current_dir().context("cannot tell the current folder")?;
    let root = root(here);
    if args.demo {
        args.demonstration(&root).prepare()?;
    }
    Ok(args.sources(root))
}

/// Removes what `--demo` made up.
fn remove_demo(args: &Args) -> ExitCode {
    let here = std::env::current_dir().unwrap_or_default();
    let demo = args.demonstration(&root(here));
    let folder = demo.folder().display();
    let (text, code) = match demo.remove() {
        Ok(true) => (format!("removed {folder}"), ExitCode::SUCCESS),
        Ok(false) => (
            format!("there is no demonstration in {folder}"),
            ExitCode::SUCCESS,
        ),
        Err(error) => (format!("error: {error:#}"), ExitCode::FAILURE),
    };
    let _ = writeln!(std::io::stderr(), "{text}");
    code
}

/// The folder that holds the profiles: this one, or the nearest above it.
fn root(here: PathBuf) -> PathBuf {
    let found = here
        .ancestors()
        .find(|dir| dir.join("profiles").is_dir())
        .map(PathBuf::from);
    found.unwrap_or(here)
}

async fn serve(
    config: &Config,
    sources: Sources,
    accept_gap: bool,
    kept: Option<Kept>,
) -> anyhow::Result<()> {
    // Before anything takes time: without it a SIGHUP ends the process.
    let hangups = signal(SignalKind::hangup()).context("cannot listen for signals")?;
    let profile = &config.profile;
    let storage_dir = &profile.server.storage;
    std::fs::create_dir_all(storage_dir)
        .with_context(|| format!("cannot write the storage folder {}", storage_dir.display()))?;
    let tls = tls::load(&profile.server)?.map(Swap::new);
    // The port first: it is the cheapest thing to find taken.
    let listener = TcpListener::bind(profile.server.listen)
        .await
        .with_context(|| {
            format!(
                "cannot listen on {}; choose another with --listen",
                profile.server.listen
            )
        })?;
    let address = listener.local_addr()?;

    let spool = Spool::open(SpoolOptions {
        dir: storage_dir.join("spool/gateway"),
        lane: "gateway",
        cap: profile.limits.spool.cap,
        segment: profile.limits.spool.segment,
        keep: KEEP_SEGMENTS,
    })?;
    let storage = Arc::new(Storage::open(config, |step| tracing::info!("{step}")).await?);
    // Without the keys of the audit log nothing could be recorded.
    let log = storage.log()?;
    let anchor = AnchorFile::new(profile.audit_anchor());
    let stop_logs = CancellationToken::new();
    let keeping =
        kept.map(|kept| tokio::spawn(kept.run(storage.control_pool(), stop_logs.clone())));
    let prices = load_prices(config, &storage).await?;

    let boot = BootId::new();
    let writer = recover(config, accept_gap, &storage, &prices, &spool, boot).await?;
    let judge = JudgeInForce::new(Judge::new(profile.web.rules().clone()));
    let public = public_lane(config, accept_gap, &storage, boot, judge.clone()).await?;
    let shutdown = Shutdown::default();
    let running = Server::assemble(Foundation {
        config,
        address,
        storage: &storage,
        spool,
        public: public.as_ref().map(|(spool, writer)| Lane {
            spool: spool.clone(),
            writer: writer.stats(),
        }),
        prices,
        boot,
        writer: writer.stats(),
        visits: public.as_ref().map(|(_, writer)| writer.stats()),
        rules: writer.rules(),
        judge,
        tls: tls.clone(),
        shutdown: shutdown.clone(),
    })
    .await?;

    let mut tasks = running.start(&storage);
    let covering = audit::tend(storage.upkeep_pool(), Arc::clone(&log), anchor.clone());
    tasks.until_drained(covering);
    let reload = running.reload(config, sources);
    tokio::spawn(reload.run(hangups, shutdown.clone()));
    let (stop_writer, stopped) = watch::channel(false);
    let public = public.map(|(_, writer)| tokio::spawn(write_public(writer, stopped.clone())));
    let mut writing = tokio::spawn(async move {
        let mut writer = writer;
        writer.run(stopped).await
    });
    let downstream = &profile.limits.downstream;
    let limits = accept::Limits {
        connections: downstream.connections as usize,
        header: downstream.header_timeout,
    };
    let door = Door {
        app: running.app,
        limits,
        proxies: Proxies::new(&profile.server.trusted_proxies),
        tls,
        shutdown: shutdown.clone(),
    };
    let accepting = tokio::spawn(accept::serve(listener, door));
    let welcome = welcome::text(address, config, running.open, running.first_link.as_ref());
    let mut out = std::io::stdout();
    let _ = out.write_all(welcome.as_bytes());
    let _ = out.flush();

    let failed = tokio::select! {
        signal = Shutdown::signalled() => {
            signal.context("cannot listen for signals")?;
            None
        }
        ended = &mut writing => Some(ended),
    };
    tracing::info!("stopping: requests under way may end");
    shutdown.drain(profile.limits.stop_timeout).await;
    accepting.await.context("the accept loop failed")?;
    tasks.end().await;
    running.refusals.close();
    running.budgets.close().await;
    let ended = match failed {
        Some(ended) => ended,
        None => {
            let _ = stop_writer.send(true);
            last_batch(writing).await
        }
    };
    if let Some(public) = public {
        // It was told to stop together with the gateway's.
        let _ = stop_writer.send(true);
        let _ = last_batch(public).await;
    }
    let pool = storage.control_pool();
    let last = audit::checkpoint(&pool, &log, &anchor);
    if let Ok(Err(error)) = tokio::time::timeout(LAST_CHECKPOINT, last).await {
        tracing::warn!(%error, "the audit log has no last checkpoint");
    }
    stop_logs.cancel();
    if let Some(keeping) = keeping {
        let _ = tokio::time::timeout(LAST_LINES, keeping).await;
    }
    storage.close().await?;
    ended.context("the writer failed")??;
    Ok(())
}

/// The prices in force, whose versions the database knows from now on.
async fn load_prices(config: &Config, storage: &Storage) -> anyhow::Result<Prices> {
    let custom = config.profile.analytics.costs.custom_pricing.clone();
    let prices = Prices::load(storage.pool(), custom).await?;
    prices::keep(storage.pool(), &prices.current(), Clock::System.now())
        .await
        .context("cannot keep the price versions in the database")?;
    Ok(prices)
}

/// The writer, after everything is stored that an earlier run left in the
/// spool.
async fn recover(
    config: &Config,
    accept_gap: bool,
    storage: &Storage,
    prices: &Prices,
    spool: &Spool,
    boot: BootId,
) -> anyhow::Result<Writer> {
    let analytics = &config.profile.analytics;
    let recovered = Writer::start(
        storage.writer_pool(),
        spool.clone(),
        Clock::System,
        boot,
        Sampling::new(analytics.sampling_rate),
        accept_gap,
    );
    let rules = Arc::new(Rules::new(&analytics.alerts));
    let mut writer = recovered.await?.with_rules(rules);
    writer.drain().await?;
    let folder = &config.profile.server.storage;
    if Demo::is(folder) {
        demo::fill(storage, folder, spool, &mut writer, &prices.current()).await?;
    }
    let lost = writer.settle_lost().await?;
    if lost > 0 {
        tracing::warn!(
            requests = lost,
            "an earlier run of this server died in the middle of requests; they are marked lost"
        );
    }
    Ok(writer)
}

/// The lane of web traffic, with a writer of its own: a flood of it cannot touch the
/// gateway.
async fn public_lane(
    config: &Config,
    accept_gap: bool,
    storage: &Storage,
    boot: BootId,
    judge: JudgeInForce,
) -> anyhow::Result<Option<(Spool, Writer)>> {
    let profile = &config.profile;
    if !(profile.analytics.enabled && profile.web.enabled) {
        return Ok(None);
    }
    let spool = Spool::open(SpoolOptions {
        dir: profile.server.storage.join("spool/public"),
        lane: "public",
        cap: profile.limits.spool.cap,
        segment: profile.limits.spool.segment,
        keep: KEEP_SEGMENTS,
    })?;
    let writer = Writer::start(
        storage.writer_pool(),
        spool.clone(),
        Clock::System,
        boot,
        Sampling::default(),
        accept_gap,
    );
    let bounds = Bounds::new(profile.web.paths_per_day, profile.web.sources_per_day);
    Ok(Some((spool, writer.await?.with_web(judge, bounds))))
}

/// Stores web traffic. Where that fails for good, the gateway goes on, and what
/// came stays in the spool for the next start.
async fn write_public(
    mut writer: Writer,
    stopped: watch::Receiver<bool>,
) -> Result<(), WriterError> {
    let ended = writer.run(stopped).await;
    if let Err(error) = &ended {
        tracing::error!(%error, "web traffic is not stored any more; start the server again");
    }
    ended
}

/// Waits for what was accepted to be stored. Without the database the rest stays
/// in the spool for the next start.
async fn last_batch(
    mut writing: JoinHandle<Result<(), WriterError>>,
) -> Result<Result<(), WriterError>, JoinError> {
    match tokio::time::timeout(Duration::from_secs(10), &mut writing).await {
        Ok(ended) => ended,
        Err(_) => {
            writing.abort();
            tracing::warn!("the database is away: what is not stored yet stays in the spool");
            Ok(Ok(()))
        }
    }
}
