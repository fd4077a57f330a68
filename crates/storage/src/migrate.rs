//! Migrations: dated SQL, applied in order under a lock, never edited once
//! released.

use sqlx::PgPool;
use sqlx::migrate::{MigrateError, Migrator};

/// The migrations themselves, for tools that set databases up.
pub static MIGRATOR: Migrator = sqlx::migrate!("../../migrations");

/// Brings the schema up to date.
///
/// # Errors
/// When a migration fails, or when the database has one that this program does
/// not know (it was used by a newer version).
pub async fn migrate(pool: &PgPool) -> Result<(), MigrateError> {
    MIGRATOR.run(pool).await
}
