//! From the command line to a running server, and back down in order.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser as _;
use systemprompt_budgets::Rules;
use systemprompt_capture::{Recorder, Spool, SpoolOptions};
use systemprompt_config::{Config, LogFormat};
use systemprompt_domain::ids::BootId;
use systemprompt_domain::{Clock, Sampling};
use systemprompt_notify::Channels;
use systemprompt_reporting::Settings;
use systemprompt_storage::{Storage, Writer, prices};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tracing_subscriber::EnvFilter;

use crate::alerts::Watch;
use crate::api::ApiState;
use crate::args::Args;
use crate::auth::Auth;
use crate::budgets::Budgets;
use crate::catalogue::Prices;
use crate::gateway::{Gateway, Parts};
use crate::health::Health;
use crate::shutdown::Shutdown;
use crate::{accept, app, keys, welcome};

/// How long the end of an answer may wait for the disk.
const DISK_PATIENCE: Duration = Duration::from_secs(1);
/// How long segments are kept after they were stored.
const KEEP_SEGMENTS: Duration = Duration::from_secs(24 * 3600);

/// Runs the server until it is told to stop.
#[must_use]
pub fn main() -> ExitCode {
    let args = Args::parse();
    let outcome = configure(&args).and_then(|config| {
        start_logging(&config);
        for warning in &config.warnings {
            tracing::warn!("{warning}");
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?;
        let outcome = runtime.block_on(serve(&config, &args));
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

fn configure(args: &Args) -> anyhow::Result<Config> {
    let here = std::env::current_dir().context("cannot tell the current folder")?;
    Ok(systemprompt_config::load(&args.sources(root(here)))?)
}

/// The folder that holds the profiles: this one, or the nearest above it.
fn root(here: PathBuf) -> PathBuf {
    let found = here
        .ancestors()
        .find(|dir| dir.join("profiles").is_dir())
        .map(PathBuf::from);
    found.unwrap_or(here)
}

fn start_logging(config: &Config) {
    let server = &config.profile.server;
    let filter = std::env::var("RUST_LOG").unwrap_or_else(|_| server.log.clone());
    // sqlx warns of slow statements on its own terms; ours are timed by us.
    let filter = EnvFilter::try_new(format!("{filter},sqlx=warn,hyper=warn"))
        .unwrap_or_else(|_| EnvFilter::new("info"));
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    match server.log_format {
        LogFormat::Json => logs.json().init(),
        LogFormat::Text => logs.with_target(false).init(),
    }
}

async fn serve(config: &Config, args: &Args) -> anyhow::Result<()> {
    let profile = &config.profile;
    let analytics = &profile.analytics;
    let storage_dir = &profile.server.storage;
    std::fs::create_dir_all(storage_dir)
        .with_context(|| format!("cannot write the storage folder {}", storage_dir.display()))?;
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
    let custom = profile.analytics.costs.custom_pricing.clone();
    let prices = Prices::load(storage.pool(), custom).await?;
    prices::keep(storage.pool(), &prices.current(), Clock::System.now())
        .await
        .context("cannot keep the price versions in the database")?;

    let boot = BootId::new();
    let recovered = Writer::start(
        storage.writer_pool(),
        spool.clone(),
        Clock::System,
        boot,
        Sampling::new(analytics.sampling_rate),
        args.accept_gap,
    );
    let rules = Arc::new(Rules::new(&analytics.alerts));
    let mut writer = recovered.await?.with_rules(rules);
    writer.drain().await?;
    let lost = writer.settle_lost().await?;
    if lost > 0 {
        tracing::warn!(
            requests = lost,
            "an earlier run of this server died in the middle of requests; they are marked lost"
        );
    }

    // With analytics off nothing is counted, so nothing can be held to a limit.
    let alerts = if analytics.enabled {
        analytics.alerts.clone()
    } else {
        Vec::new()
    };
    let budgets = Budgets::new(&Rules::new(&alerts), storage.control_pool(), spool.id());
    let alerts = Watch {
        alerts,
        channels: Channels::new(&profile.notifications)?,
        pool: storage.outbox_pool(),
    };
    let shutdown = Shutdown::default();
    let auth = Auth::new(profile);
    let gateway = Gateway::new(
        profile,
        Parts {
            auth: auth.clone(),
            recorder: analytics
                .enabled
                .then(|| Recorder::new(spool.clone(), DISK_PATIENCE)),
            prices: prices.clone(),
            budgets: budgets.clone(),
            conversation_key: keys::load_or_make(storage_dir, "conversation")
                .context("cannot keep keys in the storage folder")?,
            boot,
            shutdown: shutdown.clone(),
        },
    )?;
    let health = Health {
        pool: storage.pool().clone(),
        spool,
        gateway: gateway.clone(),
        budgets: budgets.clone(),
        writer: writer.stats(),
        shutdown: shutdown.clone(),
    };
    let api = ApiState::new(
        storage.pool().clone(),
        Settings::from(analytics),
        Clock::System,
    );
    let open = auth.is_open();
    let app = app::router(auth, gateway, health, api);

    let tending = [
        tokio::spawn(budgets.clone().tend()),
        tokio::spawn(alerts.run()),
    ];
    tokio::spawn(supervise(Arc::clone(&storage), shutdown.clone()));
    tokio::spawn(prices.follow(Arc::clone(&storage), shutdown.clone()));
    let (stop_writer, stopped) = watch::channel(false);
    let writing = tokio::spawn(async move { writer.run(stopped).await });
    let downstream = &profile.limits.downstream;
    let limits = accept::Limits {
        connections: downstream.connections as usize,
        header: downstream.header_timeout,
    };
    let accepting = tokio::spawn(accept::serve(listener, app, limits, shutdown.clone()));
    let mut out = std::io::stdout();
    let _ = out.write_all(welcome::text(address, config, open).as_bytes());
    let _ = out.flush();

    let mut writing = writing;
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
    for task in &tending {
        task.abort();
    }
    budgets.close().await;
    let ended = match failed {
        Some(ended) => ended,
        None => {
            let _ = stop_writer.send(true);
            // Without the database the rest stays in the spool for the next start.
            match tokio::time::timeout(Duration::from_secs(10), &mut writing).await {
                Ok(ended) => ended,
                Err(_) => {
                    writing.abort();
                    tracing::warn!(
                        "the database is away: what is not stored yet stays in the spool"
                    );
                    Ok(Ok(()))
                }
            }
        }
    };
    storage.close().await?;
    ended.context("the writer failed")??;
    Ok(())
}

/// Looks after the embedded database: requests go on without it, questions do
/// not.
async fn supervise(storage: Arc<Storage>, shutdown: Shutdown) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(2)) => {}
            () = shutdown.stopping.cancelled() => return,
        }
        match storage.revive().await {
            Ok(true) => tracing::warn!("the embedded database had died and was started again"),
            Ok(false) => {}
            Err(error) => tracing::error!(%error, "the embedded database does not start"),
        }
    }
}
