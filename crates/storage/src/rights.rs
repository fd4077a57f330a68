//! What the role that servers run as may do, where it is another than the one that owns
//! the tables: read and write what is recorded, append to the audit log, and neither
//! change nor remove what the log holds. The owner migrates, makes and drops partitions.
//!
//! A fence, against mistakes and whoever gets a statement in: the proof is the log's tree.

use sqlx::{Connection as _, PgConnection, PgPool};

/// One at a time: two that grant the same at once are in each other's way.
const LOCK: i64 = 0x7269_6768_7473;

/// Grants `role` what it lacks.
///
/// # Errors
/// When the database fails, or there is no such role.
pub(crate) async fn grant(db: &PgPool, role: &str) -> Result<(), sqlx::Error> {
    let mut db = db.acquire().await?;
    let mut tx = db.begin().await?;
    sqlx::query("select pg_advisory_xact_lock($1), set_config('systemprompt.role', $2, true)")
        .bind(LOCK)
        .bind(role)
        .execute(&mut *tx)
        .await?;
    sqlx::raw_sql(include_str!("rights.sql"))
        .execute(&mut *tx)
        .await?;
    tx.commit().await
}

/// Makes the role, which signs in with `password`, unless it is there.
pub(crate) async fn make_role(
    db: &mut PgConnection,
    role: &str,
    password: &str,
) -> Result<(), sqlx::Error> {
    let mut tx = db.begin().await?;
    sqlx::query(
        "select pg_advisory_xact_lock($1), set_config('systemprompt.role', $2, true), \
             set_config('systemprompt.password', $3, true)",
    )
    .bind(LOCK)
    .bind(role)
    .bind(password)
    .execute(&mut *tx)
    .await?;
    sqlx::raw_sql(
        "do $$ begin \
             if to_regrole(quote_ident(current_setting('systemprompt.role'))) is null then \
                 execute format('create role %I login password %L', \
                     current_setting('systemprompt.role'), current_setting('systemprompt.password')); \
             end if; \
         end $$",
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await
}
