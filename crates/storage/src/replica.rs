//! A replica: a PostgreSQL that follows the database and is asked questions in its place.

use std::time::Duration;

use sqlx::PgPool;

/// How far it is behind, in seconds. Whoever has replayed all that arrived is up to date,
/// however long nothing was written; a server that follows nobody is what it was asked for.
const LAG: &str = "select case \
     when not pg_is_in_recovery() or pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() then 0 \
     else greatest(extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp()), 0) \
     end::float8";
/// A replica that does not answer for this long is away.
const PATIENCE: Duration = Duration::from_secs(1);

/// The replica that questions are asked.
#[derive(Clone, Debug)]
pub struct Replica(PgPool);

impl Replica {
    pub(crate) const fn new(pool: PgPool) -> Self {
        Self(pool)
    }

    /// How far it is behind; `None` if it does not answer within a second, or has only
    /// begun to follow and cannot tell.
    pub async fn lag(&self) -> Option<Duration> {
        let lag = sqlx::query_scalar::<_, Option<f64>>(LAG).fetch_one(&self.0);
        let lag = tokio::time::timeout(PATIENCE, lag).await.ok()?.ok()?;
        Duration::try_from_secs_f64(lag?).ok()
    }
}
