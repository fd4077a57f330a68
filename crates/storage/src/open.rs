//! Opening the database: the one the profile names, or our own.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::MigrateError;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use sqlx::{Connection as _, PgPool};
use systemprompt_audit::Keys;
use systemprompt_config::{Config, Secret};
use tokio::sync::Mutex;

use crate::audit::{self, LogError};
use crate::embedded::{Embedded, EmbeddedError};
use crate::replica::Replica;
use crate::rights;

/// How long a connection that is given back may take to show that it is of use.
const RELEASE: Duration = Duration::from_secs(1);
/// A database that does not answer for this long is looked after.
const PING: Duration = Duration::from_secs(3);

/// Why the database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Our own cluster does not run.
    #[error(transparent)]
    Embedded(#[from] EmbeddedError),
    /// The URL is none.
    #[error("the database URL is not valid: {0}; it looks like postgres://user:password@host/name")]
    Url(String),
    /// The database refuses.
    #[error("cannot connect to the database: {0}")]
    Connect(sqlx::Error),
    /// The database is older than we can work with.
    #[error("the database is PostgreSQL {0}; version 15 or newer is needed")]
    TooOld(String),
    /// The database was used by a newer version of this program.
    #[error("the database was migrated by a newer version of systemprompt; use that version")]
    Newer,
    /// A migration failed.
    #[error("cannot migrate the database: {0}")]
    Migrate(MigrateError),
    /// The role that servers run as has not the rights it needs.
    #[error(
        "cannot grant the role of database.url what it needs: {0}; database.owner_url names a role that owns the tables"
    )]
    Rights(sqlx::Error),
    /// The audit log cannot be appended to.
    #[error(transparent)]
    Log(#[from] Arc<LogError>),
}

/// An open database, migrated, with the embedded cluster if it is ours.
#[derive(Debug)]
pub struct Storage {
    /// Holds on the embedded cluster, if it is ours; one more after each revival.
    embedded: Option<Mutex<Vec<Embedded>>>,
    folder: PathBuf,
    /// The role that everything runs as.
    service: PgConnectOptions,
    /// The role that owns the tables; the same where there is no other.
    owner: PgConnectOptions,
    pool: PgPool,
    /// Connections for questions, which write nothing.
    questions: PgPool,
    /// The follower that questions are asked, if there is one.
    replica: Option<Replica>,
    log: Result<Arc<Keys>, Arc<LogError>>,
}

/// Who connects to what.
struct Roles {
    service: PgConnectOptions,
    owner: PgConnectOptions,
    replica: Option<PgConnectOptions>,
}

impl Storage {
    /// Opens the database that `config` names, or starts the embedded cluster;
    /// brings the schema up to date.
    ///
    /// # Errors
    /// One sentence that says what to do, in each case.
    pub async fn open(config: &Config, progress: impl Fn(&str)) -> Result<Self, OpenError> {
        let keys = config.profile.audit_keys();
        match &config.profile.database.url {
            Some(url) => {
                let options = |url: &Secret| {
                    PgConnectOptions::from_str(url.expose())
                        .map_err(|error| OpenError::Url(error.to_string()))
                };
                let service = options(url)?;
                let owner = match &config.profile.database.owner_url {
                    Some(url) => options(url)?,
                    None => service.clone(),
                };
                let replica = config.profile.database.replica_url.as_ref();
                let roles = Roles {
                    replica: replica.map(options).transpose()?,
                    service,
                    owner,
                };
                Self::connect(None, roles, PathBuf::new(), &keys).await
            }
            None => {
                let folder = config.profile.server.storage.clone();
                let embedded = Embedded::start(&folder, progress).await?;
                let roles = Roles {
                    service: embedded.service_options().await?,
                    owner: embedded.connect_options(),
                    replica: None,
                };
                Self::connect(Some(embedded), roles, folder, &keys).await
            }
        }
    }

    async fn connect(
        embedded: Option<Embedded>,
        roles: Roles,
        folder: PathBuf,
        keys: &Path,
    ) -> Result<Self, OpenError> {
        let named = |options: PgConnectOptions| options.application_name("systemprompt");
        let (service, owner) = (named(roles.service), named(roles.owner));
        let control = pool(1, owner.clone());
        let version: String = sqlx::query_scalar("show server_version")
            .fetch_one(&control)
            .await
            .map_err(OpenError::Connect)?;
        let major = version
            .split(['.', ' '])
            .next()
            .and_then(|v| v.parse::<u32>().ok());
        if major.is_none_or(|major| major < 15) {
            return Err(OpenError::TooOld(version));
        }
        crate::migrate(&control)
            .await
            .map_err(|error| match error {
                MigrateError::VersionMissing(_) => OpenError::Newer,
                other => OpenError::Migrate(other),
            })?;
        if service.get_username() != owner.get_username() {
            rights::grant(&control, service.get_username())
                .await
                .map_err(OpenError::Rights)?;
        }
        // Whoever only reads needs no keys.
        let log = audit::open(&control, keys).await.map_err(Arc::new);
        control.close().await;
        // A generic plan cannot drop the grains and partitions that a question
        // does not read.
        let asking = |options: PgConnectOptions| {
            options.options([
                ("plan_cache_mode", "force_custom_plan"),
                // Sums over thousands of users or pages stay in memory.
                ("work_mem", "64MB"),
                ("statement_timeout", "5s"),
                ("lock_timeout", "2s"),
            ])
        };
        let general = pool(6, asking(service.clone()));
        let follower = roles.replica.map(named);
        // A question that wrote would work here and fail on a replica.
        let read_only = asking(follower.clone().unwrap_or_else(|| service.clone()))
            .options([("default_transaction_read_only", "on")]);
        let questions = pool(6, read_only);
        let replica = follower.map(|options| Replica::new(pool(1, options)));
        let embedded = embedded.map(|held| Mutex::new(vec![held]));
        Ok(Self {
            embedded,
            folder,
            service,
            owner,
            pool: general,
            questions,
            replica,
            log,
        })
    }

    /// The keys of the audit log.
    ///
    /// # Errors
    /// Why this process can append nothing to the log, and so can change nothing
    /// that has to be recorded.
    pub fn log(&self) -> Result<Arc<Keys>, OpenError> {
        Ok(self.log.clone()?)
    }

    /// Connections for what is short: custom plans, five seconds a statement.
    #[must_use]
    pub const fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// The same for questions, which write nothing: to the replica where the profile
    /// names one, so what they find may be some seconds old.
    #[must_use]
    pub const fn questions(&self) -> &PgPool {
        &self.questions
    }

    /// The replica that questions are asked, if the profile names one.
    #[must_use]
    pub const fn replica(&self) -> Option<&Replica> {
        self.replica.as_ref()
    }

    /// Connections for the writer.
    #[must_use]
    pub fn writer_pool(&self) -> PgPool {
        pool(
            2,
            self.service.clone().options([
                ("statement_timeout", "30s"),
                ("lock_timeout", "2s"),
                ("idle_in_transaction_session_timeout", "10s"),
            ]),
        )
    }

    /// Connections for what requests wait for: leases of budgets.
    #[must_use]
    pub fn control_pool(&self) -> PgPool {
        pool(
            2,
            self.service.clone().options([
                ("statement_timeout", "5s"),
                ("lock_timeout", "2s"),
                ("idle_in_transaction_session_timeout", "10s"),
            ]),
        )
    }

    /// A connection for delivering messages, which holds its transaction while
    /// a mail server takes its time.
    #[must_use]
    pub fn outbox_pool(&self) -> PgPool {
        pool(
            2,
            self.service.clone().options([
                ("statement_timeout", "10s"),
                ("lock_timeout", "2s"),
                ("idle_in_transaction_session_timeout", "120s"),
            ]),
        )
    }

    /// Connections for upkeep, such as retention, which sets its own time limits, as the
    /// owner of the tables.
    #[must_use]
    pub fn upkeep_pool(&self) -> PgPool {
        pool(3, self.owner.clone())
    }

    /// A connection for imports, whose transactions are long.
    #[must_use]
    pub fn import_pool(&self) -> PgPool {
        pool(1, self.service.clone())
    }

    /// A connection of its own that hears what is announced on `channel`, and
    /// connects again by itself.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn listener(&self, channel: &str) -> Result<PgListener, sqlx::Error> {
        let mut listener = PgListener::connect_with(&pool(1, self.service.clone())).await?;
        listener.listen(channel).await?;
        Ok(listener)
    }

    /// Starts the embedded cluster again if it died; `true` if it had to.
    /// Does nothing for a database that is not ours.
    ///
    /// # Errors
    /// When the cluster does not start.
    pub async fn revive(&self) -> Result<bool, EmbeddedError> {
        let Some(held) = &self.embedded else {
            return Ok(false);
        };
        let ping = sqlx::query("select 1").execute(&self.pool);
        if matches!(tokio::time::timeout(PING, ping).await, Ok(Ok(_))) {
            return Ok(false);
        }
        let again = Embedded::start(&self.folder, |_| {}).await?;
        held.lock().await.push(again);
        Ok(true)
    }

    /// Closes the connections and, as its last holder, stops the embedded
    /// cluster.
    ///
    /// # Errors
    /// When the cluster does not stop.
    pub async fn close(&self) -> Result<(), EmbeddedError> {
        self.pool.close().await;
        self.questions.close().await;
        if let Some(held) = &self.embedded {
            for embedded in held.lock().await.drain(..) {
                embedded.stop().await?;
            }
        }
        Ok(())
    }
}

/// Whether a statement was ended at the time limit of its connection.
#[must_use]
pub fn took_too_long(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.as_deref() == Some("57014")
}

fn pool(connections: u32, options: PgConnectOptions) -> PgPool {
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(Duration::from_secs(2))
        // Whoever gave up a statement leaves it running: what does not answer soon is
        // closed, as nobody else is to wait for it.
        .after_release(|db, _| {
            Box::pin(async move {
                let answer = tokio::time::timeout(RELEASE, db.ping()).await;
                answer.unwrap_or(Err(sqlx::Error::PoolTimedOut))?;
                Ok(true)
            })
        })
        .connect_lazy_with(options)
}
