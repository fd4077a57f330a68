//! A PostgreSQL database for each test, already migrated.
//!
//! All test processes of a user share one cluster under `target/`: the first one
//! starts it, and it is stopped by itself some seconds after the last one. A
//! test's database is a copy of a template, which is made once for each set of
//! migrations.

use std::env;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, geteuid, test_kill_process};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection, PgPool};
use systemprompt_audit::Keys;
use systemprompt_storage::MIGRATOR;
use systemprompt_storage::audit;
use systemprompt_storage::embedded::{Embedded, EmbeddedError, Options};
use tokio::sync::Mutex;

use crate::PATIENCE;

/// How long the cluster waits for the next test process.
const LINGER: Duration = Duration::from_secs(20);

/// Held shared while a database is copied from the template, exclusively while
/// the template is made.
const TEMPLATE_LOCK: i64 = 0x7465_6d70;

/// This process's share in the cluster, while any of its tests has a database.
static CLUSTER: Mutex<Weak<Embedded>> = Mutex::const_new(Weak::new());

/// A database of one test's own. Dropping it removes the database, whoever is
/// still connected.
#[derive(Debug)]
pub struct TestDb {
    pool: PgPool,
    options: PgConnectOptions,
    /// Keeps the cluster running.
    cluster: Arc<Embedded>,
}

impl TestDb {
    /// A new, migrated and otherwise empty database. Crash-safety is off in its
    /// cluster: a test of crashes starts an [`Embedded`] of its own.
    ///
    /// # Panics
    ///
    /// Without a database there is no test: every failure panics with its reason.
    pub async fn new() -> Self {
        let cluster = cluster().await;
        let name = format!("test_{}_{:016x}", std::process::id(), rand::random::<u64>());
        create_from_template(&cluster, &name)
            .await
            .unwrap_or_else(|error| panic!("cannot create the test database: {error}"));
        let options = cluster.connect_options().database(&name);
        let keys = audit_keys_file();
        let pool = PgPoolOptions::new()
            .max_connections(4)
            .acquire_timeout(PATIENCE)
            .connect_lazy_with(options.clone());
        audit::open(&pool, &keys)
            .await
            .unwrap_or_else(|error| panic!("cannot open the audit log: {error}"));
        Self {
            pool,
            options,
            cluster,
        }
    }

    /// The keys of its audit log.
    #[must_use]
    pub fn audit_keys(&self) -> Keys {
        audit_keys()
    }

    /// A small pool of connections to the database.
    #[must_use]
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// How to connect to the database.
    #[must_use]
    pub fn connect_options(&self) -> PgConnectOptions {
        self.options.clone()
    }

    /// A program of the cluster's PostgreSQL, such as `pg_dump`, that finds this
    /// database by itself.
    #[must_use]
    pub fn program(&self, name: &str) -> Command {
        let url = self.url();
        let login = url
            .split_once("://")
            .and_then(|(_, rest)| rest.split_once('@'));
        let password = login.and_then(|(login, _)| login.split_once(':'));
        let mut command = Command::new(self.cluster.program(name));
        command
            .env("PGPASSWORD", password.map_or("", |(_, password)| password))
            .env("PGPORT", self.options.get_port().to_string())
            .env("PGUSER", self.options.get_username())
            .env(
                "PGDATABASE",
                self.options.get_database().unwrap_or_default(),
            );
        if let Some(socket) = self.options.get_socket() {
            command.env("PGHOST", socket);
        }
        command
    }

    /// The database as a `postgres://…` URL, for another process.
    #[must_use]
    pub fn url(&self) -> String {
        self.options.to_url_lossy().into()
    }
}

impl Drop for TestDb {
    fn drop(&mut self) {
        let admin = admin(&self.cluster);
        let name = self.options.get_database().unwrap_or_default().to_owned();
        // A drop cannot await, and the test's runtime may be ending. What fails
        // here is swept by a later test process.
        let remove = move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .ok()?;
            runtime.block_on(async {
                let mut admin = admin.connect().await.ok()?;
                drop_database(&mut admin, &name).await.ok()?;
                admin.close().await.ok()
            })
        };
        let _ = thread::spawn(remove).join();
    }
}

/// The file with the keys of the audit log that every test's database has; the
/// server and the command line find it by `SYSTEMPROMPT_AUDIT_KEYS`.
///
/// # Panics
///
/// When it cannot be made.
#[must_use]
pub fn audit_keys_file() -> PathBuf {
    target().join(format!("test-audit-keys-{}", geteuid().as_raw()))
}

pub(crate) fn audit_keys() -> Keys {
    Keys::load_or_make(&audit_keys_file()).unwrap_or_else(|error| panic!("{error}"))
}

/// This process's share in the cluster.
async fn cluster() -> Arc<Embedded> {
    let mut shared = CLUSTER.lock().await;
    if let Some(running) = shared.upgrade() {
        return running;
    }
    let options = Options {
        durable: false,
        linger: LINGER,
        max_connections: 300,
        ..Options::default()
    };
    let storage = target().join(format!("test-cluster-{}", geteuid().as_raw()));
    let start = async || Embedded::start_with(&storage, &options, |_| ()).await;
    let mut started = start().await;
    if let Err(EmbeddedError::DataMissing { .. }) = started {
        // A target folder outlived the machine that made the cluster, as caches
        // do. One process alone begins again; whoever comes later finds it done.
        let _alone = alone(&storage)
            .unwrap_or_else(|error| panic!("cannot lock the tests' PostgreSQL: {error}"));
        started = start().await;
        if let Err(EmbeddedError::DataMissing { marker, .. }) = &started {
            fs::remove_file(marker)
                .unwrap_or_else(|error| panic!("cannot forget the lost data: {error}"));
            started = start().await;
        }
    }
    let started =
        started.unwrap_or_else(|error| panic!("cannot start the tests' PostgreSQL: {error}"));
    let started = Arc::new(started);
    sweep(&started)
        .await
        .unwrap_or_else(|error| panic!("cannot sweep the tests' PostgreSQL: {error}"));
    *shared = Arc::downgrade(&started);
    started
}

/// A lock on the folder, which ends with the file.
fn alone(storage: &Path) -> io::Result<File> {
    let file = File::create(storage.join("begin.lock"))?;
    file.lock()?;
    Ok(file)
}

/// Cargo's target folder.
fn target() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    // A relative one is relative to the workspace, as cargo is run there.
    workspace.join(env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}

/// How to connect for what is not done inside a test's database.
fn admin(cluster: &Embedded) -> PgConnectOptions {
    cluster.connect_options().database("postgres")
}

/// Removes the databases of test processes that were killed.
async fn sweep(cluster: &Embedded) -> Result<(), sqlx::Error> {
    let mut admin = admin(cluster).connect().await?;
    let names: Vec<String> =
        sqlx::query_scalar(r"select datname from pg_database where datname like 'test\_%'")
            .fetch_all(&mut admin)
            .await?;
    for name in names {
        let pid = name.split('_').nth(1).and_then(|pid| pid.parse().ok());
        let alive = pid
            .and_then(Pid::from_raw)
            .is_some_and(|pid| test_kill_process(pid).is_ok());
        if !alive {
            drop_database(&mut admin, &name).await?;
        }
    }
    admin.close().await
}

async fn create_from_template(cluster: &Embedded, name: &str) -> Result<(), sqlx::Error> {
    let template = template_name();
    // Closing the connection gives its locks back.
    let mut admin = admin(cluster).connect().await?;
    lock(&mut admin, "pg_advisory_lock_shared").await?;
    while !exists(&mut admin, &template).await? {
        lock(&mut admin, "pg_advisory_unlock_shared").await?;
        lock(&mut admin, "pg_advisory_lock").await?;
        if !exists(&mut admin, &template).await? {
            make_template(&mut admin, cluster, &template).await?;
        }
        lock(&mut admin, "pg_advisory_unlock").await?;
        lock(&mut admin, "pg_advisory_lock_shared").await?;
    }
    run(
        &mut admin,
        format!("create database {name} template {template}"),
    )
    .await?;
    admin.close().await
}

/// Makes the template under another name and renames it when it is complete;
/// templates of other migrations go, whoever needs one makes it again.
async fn make_template(
    admin: &mut PgConnection,
    cluster: &Embedded,
    template: &str,
) -> Result<(), sqlx::Error> {
    let old: Vec<String> =
        sqlx::query_scalar(r"select datname from pg_database where datname like 'template\_%'")
            .fetch_all(&mut *admin)
            .await?;
    for name in &old {
        drop_database(admin, name).await?;
    }
    let making = "template_in_the_making";
    run(admin, format!("create database {making}")).await?;
    let pool = PgPool::connect_with(cluster.connect_options().database(making)).await?;
    systemprompt_storage::migrate(&pool).await?;
    audit::begin(&pool, &audit_keys()).await?;
    pool.close().await;
    run(
        admin,
        format!("alter database {making} rename to {template}"),
    )
    .await
}

/// A name that changes with the migrations and the audit log's keys.
fn template_name() -> String {
    let mut hasher = DefaultHasher::new();
    for migration in MIGRATOR.iter() {
        (migration.version, &migration.checksum).hash(&mut hasher);
    }
    audit_keys().log().hash(&mut hasher);
    format!("template_{:016x}", hasher.finish())
}

async fn exists(admin: &mut PgConnection, name: &str) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
        .bind(name)
        .fetch_one(admin)
        .await
}

/// Calls one of PostgreSQL's advisory lock functions.
async fn lock(admin: &mut PgConnection, function: &str) -> Result<(), sqlx::Error> {
    run(admin, format!("select {function}({TEMPLATE_LOCK})")).await
}

async fn drop_database(admin: &mut PgConnection, name: &str) -> Result<(), sqlx::Error> {
    run(
        admin,
        format!("drop database if exists {name} with (force)"),
    )
    .await
}

/// Runs a statement whose names are all made in this file.
async fn run(admin: &mut PgConnection, sql: String) -> Result<(), sqlx::Error> {
    admin.execute(AssertSqlSafe(sql)).await.map(drop)
}
