//! From when on things are whole: what is older was removed, or may be by the
//! run that is under way.

use sqlx::{PgConnection, PgPool};
use time::OffsetDateTime;

/// Requests and what belongs to them.
pub(crate) const DETAIL: &str = "detail";
/// Rollups by quarter of an hour.
pub(crate) const QUARTERS: &str = "quarters";

/// From when on requests are all stored with their detail; `None` if none was
/// removed yet. Those before are counted, but not all of them can be listed.
///
/// # Errors
/// When the database fails.
pub async fn detail_kept_from(pool: &PgPool) -> Result<Option<OffsetDateTime>, sqlx::Error> {
    kept_from(&mut *pool.acquire().await?, DETAIL).await
}

pub(crate) async fn kept_from(
    db: &mut PgConnection,
    what: &str,
) -> Result<Option<OffsetDateTime>, sqlx::Error> {
    sqlx::query_scalar("select kept_from from retained where what = $1")
        .bind(what)
        .fetch_optional(db)
        .await
}

/// Moves a mark forward; never back, as nothing comes back.
pub(super) async fn raise(
    db: &mut PgConnection,
    what: &str,
    from: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into retained (what, kept_from) values ($1, $2) \
         on conflict (what) do update set kept_from = excluded.kept_from \
         where retained.kept_from < excluded.kept_from",
    )
    .bind(what)
    .bind(from)
    .execute(db)
    .await?;
    Ok(())
}
