//! Opening the database: the one the profile names, or our own.

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use sqlx::PgPool;
use sqlx::migrate::MigrateError;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use systemprompt_config::Config;

use crate::embedded::{Embedded, EmbeddedError};

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
}

/// An open database, migrated, with the embedded cluster if it is ours.
#[derive(Debug)]
pub struct Storage {
    embedded: Option<Embedded>,
    options: PgConnectOptions,
    questions: PgPool,
}

impl Storage {
    /// Opens the database that `config` names, or starts the embedded cluster;
    /// brings the schema up to date.
    ///
    /// # Errors
    /// One sentence that says what to do, in each case.
    pub async fn open(config: &Config, progress: impl Fn(&str)) -> Result<Self, OpenError> {
        match &config.profile.database.url {
            Some(url) => {
                let options = PgConnectOptions::from_str(url.expose())
                    .map_err(|error| OpenError::Url(error.to_string()))?;
                Self::connect(None, options).await
            }
            None => Self::embedded(&config.profile.server.storage, progress).await,
        }
    }

    async fn embedded(storage: &Path, progress: impl Fn(&str)) -> Result<Self, OpenError> {
        let embedded = Embedded::start(storage, progress).await?;
        let options = embedded.connect_options();
        Self::connect(Some(embedded), options).await
    }

    async fn connect(
        embedded: Option<Embedded>,
        options: PgConnectOptions,
    ) -> Result<Self, OpenError> {
        let options = options.application_name("systemprompt");
        let control = pool(1, options.clone());
        let version: String = sqlx::query_scalar("show server_version")
            .fetch_one(&control)
            .await
            .map_err(OpenError::Connect)?;
        let major = version.split(['.', ' ']).next().and_then(|v| v.parse::<u32>().ok());
        if major.is_none_or(|major| major < 15) {
            return Err(OpenError::TooOld(version));
        }
        crate::migrate(&control).await.map_err(|error| match error {
            MigrateError::VersionMissing(_) => OpenError::Newer,
            other => OpenError::Migrate(other),
        })?;
        control.close().await;
        // A generic plan cannot drop the grains and partitions that a question
        // does not read.
        let questions = pool(
            6,
            options
                .clone()
                .options([("plan_cache_mode", "force_custom_plan"), ("statement_timeout", "5s")]),
        );
        Ok(Self { embedded, options, questions })
    }

    /// Connections for questions: custom plans, five seconds a statement.
    #[must_use]
    pub const fn pool(&self) -> &PgPool {
        &self.questions
    }

    /// Connections for the writer.
    #[must_use]
    pub fn writer_pool(&self) -> PgPool {
        pool(
            2,
            self.options.clone().options([
                ("statement_timeout", "30s"),
                ("idle_in_transaction_session_timeout", "10s"),
            ]),
        )
    }

    /// Closes the connections and, as its last holder, stops the embedded
    /// cluster.
    ///
    /// # Errors
    /// When the cluster does not stop.
    pub async fn close(self) -> Result<(), EmbeddedError> {
        self.questions.close().await;
        match self.embedded {
            Some(embedded) => embedded.stop().await,
            None => Ok(()),
        }
    }
}

fn pool(connections: u32, options: PgConnectOptions) -> PgPool {
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(Duration::from_secs(2))
        .connect_lazy_with(options)
}
