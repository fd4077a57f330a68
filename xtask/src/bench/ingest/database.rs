//! A cluster as users get it, and fresh databases in it.

use std::path::Path;

use anyhow::{Context, ensure};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, PgPool};
use systemprompt_audit::Keys;
use systemprompt_storage::embedded::Embedded;
use time::Date;

use crate::bench::process;

/// The embedded cluster, fsync on.
pub(in crate::bench) struct Cluster {
    embedded: Embedded,
    admin: PgPool,
    /// Of the databases' audit logs.
    pub(in crate::bench) keys: Keys,
    /// Its first process.
    pub(in crate::bench) postmaster: u32,
}

/// An empty database with our tables.
pub(in crate::bench) struct Database {
    admin: PgPool,
    pool: PgPool,
    options: PgConnectOptions,
    /// Where `COPY` writes and reads: a file the cluster's account may use.
    file: String,
}

/// The one database; they are made and removed one after the other.
const NAME: &str = "bench";
/// The writer's, and one that looks.
const CONNECTIONS: u32 = 3;

impl Cluster {
    pub(in crate::bench) async fn start(storage: &Path) -> anyhow::Result<Self> {
        let embedded = Embedded::start(storage, |_| ()).await?;
        let admin = PgPoolOptions::new()
            .max_connections(1)
            .connect_with(embedded.connect_options())
            .await?;
        let backend: i32 = sqlx::query_scalar("select pg_backend_pid()")
            .fetch_one(&admin)
            .await?;
        let postmaster = process::parent(u32::try_from(backend)?)?;
        Ok(Self {
            embedded,
            admin,
            keys: Keys::generate(),
            postmaster,
        })
    }

    pub(in crate::bench) async fn database(&self) -> anyhow::Result<Database> {
        sqlx::raw_sql(AssertSqlSafe(format!("create database {NAME}")))
            .execute(&self.admin)
            .await?;
        let options = self.embedded.connect_options().database(NAME);
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .connect_with(options.clone())
            .await?;
        systemprompt_storage::migrate(&pool).await?;
        systemprompt_storage::audit::begin(&pool, &self.keys).await?;
        let folder: String = sqlx::query_scalar("show data_directory")
            .fetch_one(&pool)
            .await?;
        Ok(Database {
            admin: self.admin.clone(),
            pool,
            options,
            file: format!("{folder}/bench.copy"),
        })
    }

    /// Writes out what earlier steps left, so that the next one does not pay.
    pub(in crate::bench) async fn settle(&self) -> anyhow::Result<()> {
        sqlx::raw_sql("checkpoint").execute(&self.admin).await?;
        Ok(())
    }

    pub(in crate::bench) async fn stop(self) -> anyhow::Result<()> {
        self.admin.close().await;
        Ok(self.embedded.stop().await?)
    }
}

impl Database {
    pub(in crate::bench) const fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// How to connect to it.
    pub(in crate::bench) const fn options(&self) -> &PgConnectOptions {
        &self.options
    }

    /// How many requests are stored.
    pub(in crate::bench) async fn requests(&self) -> anyhow::Result<u64> {
        let n: i64 = sqlx::query_scalar("select count(*) from ai_requests")
            .fetch_one(&self.pool)
            .await?;
        Ok(n.cast_unsigned())
    }

    /// Fails unless the rollups are the sums of the rows.
    pub(in crate::bench) async fn check(&self) -> anyhow::Result<()> {
        let checked = systemprompt_storage::check::check(&self.pool).await?;
        let first = checked.differences.first().map(ToString::to_string);
        ensure!(
            first.is_none(),
            "the rollups are wrong: {}",
            first.unwrap_or_default()
        );
        Ok(())
    }

    pub(in crate::bench) async fn copy_out(&self) -> anyhow::Result<()> {
        let sql = format!("copy (select * from ai_requests) to '{}'", self.file);
        sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    pub(in crate::bench) async fn copy_in(&self) -> anyhow::Result<()> {
        let sql = format!("copy ai_requests from '{}'", self.file);
        sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    pub(in crate::bench) async fn make_partitions(&self, days: &[Date]) -> anyhow::Result<()> {
        for day in days {
            let next = day.next_day().context("the calendar ends")?;
            let sql = format!(
                "create table ai_requests_bench_{} partition of ai_requests for values from ('{day}') to ('{next}')",
                day.to_julian_day()
            );
            sqlx::raw_sql(AssertSqlSafe(sql))
                .execute(&self.pool)
                .await?;
        }
        Ok(())
    }

    pub(in crate::bench) async fn remove(self) -> anyhow::Result<()> {
        self.pool.close().await;
        sqlx::raw_sql(AssertSqlSafe(format!("drop database {NAME}")))
            .execute(&self.admin)
            .await?;
        Ok(())
    }
}
