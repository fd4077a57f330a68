//! Distribution: the large detail tables spread over the nodes of a Citus cluster. All
//! else stays on the coordinator, rollups among it: answers over time read nothing else.

use sqlx::PgPool;

/// Detail tables that are distributed, each by its `id`. For as long as that is to be
/// possible every unique index of theirs contains `id`, they have no triggers, nothing
/// refers to them, and no work is taken from them as from a queue.
pub const DISTRIBUTED: &[&str] = &[
    "ai_requests",
    "page_views",
    "engagement_events",
    "mcp_tool_executions",
    "user_activity",
    "logs",
];

/// Why tables are not distributed.
#[derive(Debug, thiserror::Error)]
pub enum DistributeError {
    /// The database is a plain PostgreSQL.
    #[error(
        "this database has no Citus; on its coordinator: create extension citus, then add nodes. \
         Without it everything works as it is"
    )]
    NoCitus,
    /// The database refuses.
    #[error("cannot distribute {table}: {error}")]
    Refused {
        /// The table that was to be distributed; those before it are.
        table: &'static str,
        /// What the database said.
        error: sqlx::Error,
    },
    /// The database does not answer.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// A table, and whether this call distributed it or it was so before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Distributed {
    /// Its name.
    pub table: &'static str,
    /// Whether it was distributed now.
    pub now: bool,
}

/// Distributes what is not distributed yet, moving the rows that are there. Partitions
/// that are made later are distributed as their tables are.
///
/// # Errors
/// Where Citus is not installed, or it refuses; calling again goes on.
pub async fn distribute(pool: &PgPool) -> Result<Vec<Distributed>, DistributeError> {
    let mut db = pool.acquire().await?;
    let citus = "select exists (select from pg_proc where proname = 'create_distributed_table')";
    if !sqlx::query_scalar(citus).fetch_one(&mut *db).await? {
        return Err(DistributeError::NoCitus);
    }
    let mut done = Vec::with_capacity(DISTRIBUTED.len());
    for &table in DISTRIBUTED {
        let is = "select exists (select from pg_dist_partition where logicalrelid = $1::regclass)";
        let refused = |error| DistributeError::Refused { table, error };
        let was: bool = sqlx::query_scalar(is)
            .bind(table)
            .fetch_one(&mut *db)
            .await
            .map_err(refused)?;
        if !was {
            sqlx::query("select create_distributed_table($1::regclass, 'id')")
                .bind(table)
                .execute(&mut *db)
                .await
                .map_err(refused)?;
        }
        done.push(Distributed { table, now: !was });
    }
    Ok(done)
}
