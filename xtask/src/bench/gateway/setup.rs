//! A mock provider and a server with its own PostgreSQL, each in processes of
//! their own so that their CPU can be told apart.

use std::net::SocketAddr;
use std::ops::{Div, Sub};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use systemprompt_storage::embedded::Embedded;
use systemprompt_testkit::load::Load;
use systemprompt_testkit::process::ServerProcess;
use tempfile::TempDir;

use crate::bench::{folder, process, release};

/// How long the writer may take to store what was sent.
const DRAIN: Duration = Duration::from_secs(120);

/// Everything that runs.
pub(in crate::bench) struct Setup {
    mock: ServerProcess,
    server: ServerProcess,
    /// A share in the server's cluster, to look into it.
    embedded: Embedded,
    pool: PgPool,
    postmaster: u32,
    sent: u64,
    folder: TempDir,
}

/// CPU time so far.
#[derive(Clone, Copy)]
pub(in crate::bench) struct Spent {
    pub(in crate::bench) server: Duration,
    pub(in crate::bench) postgres: Duration,
}

impl Setup {
    /// Starts everything; `settings` are added to the server's profile.
    pub(in crate::bench) async fn start(settings: &[&str]) -> anyhow::Result<Self> {
        let folder = folder("gateway")?;
        let mut command = Command::new(release::program("mock-upstream")?);
        command.args(["--listen", "127.0.0.1:0"]);
        let mock = ServerProcess::spawn(command)
            .await
            .context("starting the mock provider")?;
        let mut command = Command::new(release::program("systemprompt-server")?);
        let storage = folder.path().join("storage");
        command
            .args(["--listen", "127.0.0.1:0", "--storage"])
            .arg(&storage)
            .args([
                "--set",
                &format!("providers.anthropic.base_url={}", mock.url()),
                "--set",
                "providers.anthropic.credentials=passthrough",
            ])
            .args(settings.iter().flat_map(|setting| ["--set", setting]));
        let server = ServerProcess::spawn(command)
            .await
            .context("starting the server")?;
        let embedded = Embedded::start(&storage, |_| ()).await?;
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .connect_with(embedded.connect_options())
            .await?;
        let backend: i32 = sqlx::query_scalar("select pg_backend_pid()")
            .fetch_one(&pool)
            .await?;
        let postmaster = process::parent(u32::try_from(backend)?)?;
        Ok(Self {
            mock,
            server,
            embedded,
            pool,
            postmaster,
            sent: 0,
            folder,
        })
    }

    pub(in crate::bench) fn mock(&self) -> anyhow::Result<SocketAddr> {
        self.mock.addr()
    }

    pub(in crate::bench) fn server(&self) -> anyhow::Result<SocketAddr> {
        self.server.addr()
    }

    /// A connection to the server's database.
    pub(in crate::bench) const fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Forgets how much memory the server has had at its highest.
    pub(in crate::bench) fn forget_memory(&self) -> anyhow::Result<()> {
        process::forget_memory(self.server.pid())
    }

    pub(in crate::bench) fn storage(&self) -> &Path {
        self.folder.path()
    }

    /// Counts what was sent through the server.
    pub(in crate::bench) fn count(&mut self, load: Load) -> Load {
        self.sent += load.answered;
        load
    }

    /// Requests sent through the server so far.
    pub(in crate::bench) fn sent(&self) -> usize {
        usize::try_from(self.sent).expect("a few million at most")
    }

    /// CPU time of the server and of PostgreSQL so far.
    pub(in crate::bench) fn spent(&self) -> anyhow::Result<Spent> {
        let server = process::cpu(self.server.pid())?;
        Ok(Spent {
            server,
            postgres: process::family_cpu(self.postmaster)?,
        })
    }

    /// Memory of the server now and at its highest, in MiB.
    pub(in crate::bench) fn memory(&self) -> anyhow::Result<(u64, u64)> {
        process::memory(self.server.pid())
    }

    /// The server's process.
    pub(in crate::bench) fn server_pid(&self) -> u32 {
        self.server.pid()
    }

    /// How many requests are in the database. A rollup is asked: counting rows would
    /// cost CPU of its own.
    pub(in crate::bench) async fn stored(&self) -> anyhow::Result<u64> {
        let sum = "select coalesce(sum(requests), 0)::bigint from usage_day where cube = 'total'";
        let counted: i64 = sqlx::query_scalar(sum).fetch_one(&self.pool).await?;
        Ok(u64::try_from(counted)?)
    }

    /// Waits until everything sent is in the database.
    pub(in crate::bench) async fn settle(&self) -> anyhow::Result<()> {
        let limit = Instant::now() + DRAIN;
        loop {
            let (counted, sent) = (self.stored().await?, self.sent);
            if counted == sent {
                return Ok(());
            }
            ensure!(
                Instant::now() < limit,
                "{counted} of {sent} requests were recorded"
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// How many requests are recorded; fails unless all that were sent are.
    pub(in crate::bench) async fn rows(&self) -> anyhow::Result<i64> {
        self.settle().await?;
        let rows = sqlx::query_scalar("select count(*) from ai_requests")
            .fetch_one(&self.pool)
            .await?;
        ensure!(
            rows == self.sent.cast_signed(),
            "{} requests were sent, {rows} are recorded",
            self.sent
        );
        Ok(rows)
    }

    pub(in crate::bench) async fn stop(mut self) -> anyhow::Result<()> {
        self.pool.close().await;
        self.embedded.stop().await?;
        self.server.sigterm()?;
        let status = self.server.wait_exit(Duration::from_secs(30)).await?;
        ensure!(
            status.success(),
            "the server ended with {status}:\n{}",
            self.server.stderr()
        );
        Ok(())
    }
}

impl Sub for Spent {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            server: self.server.saturating_sub(before.server),
            postgres: self.postgres.saturating_sub(before.postgres),
        }
    }
}

impl Div<usize> for Spent {
    type Output = Self;

    fn div(self, requests: usize) -> Self {
        let n = u32::try_from(requests).expect("a few million at most");
        Self {
            server: self.server / n,
            postgres: self.postgres / n,
        }
    }
}
