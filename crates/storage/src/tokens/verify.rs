//! What servers ask about tokens.

use sqlx::{PgPool, Row};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Hash, Token, token};

/// A token that somebody presented.
#[derive(Clone, Debug)]
pub struct Verified {
    /// By what it was found.
    pub hash: Hash,
    /// The token, whatever its state.
    pub token: Token,
    /// Whether the agent it stands for is disabled.
    pub agent_disabled: bool,
}

/// The tokens with these hashes, as far as there are any.
///
/// # Errors
/// When the database fails.
pub async fn verify(db: &PgPool, hashes: &[Hash]) -> Result<Vec<Verified>, sqlx::Error> {
    let rows = sqlx::query(
        "select t.*, a.disabled_at is not null as agent_disabled \
         from tokens t left join agents a on a.name = t.agent where t.hash = any($1)",
    )
    .bind(hashes.iter().map(|hash| &hash[..]).collect::<Vec<_>>())
    .fetch_all(db)
    .await?;
    let verified = rows.iter().map(|row| {
        Ok(Verified {
            hash: row.try_get("hash")?,
            token: token(row)?,
            agent_disabled: row.try_get("agent_disabled")?,
        })
    });
    verified.collect()
}

/// Whether there is or ever was a token or a user. A token that ran out does not open a server
/// to everyone again.
///
/// # Errors
/// When the database fails.
pub async fn any(db: &PgPool) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select exists (select from tokens) or exists (select from users)")
        .fetch_one(db)
        .await
}

/// Notes that tokens are in use, at most once a minute each.
///
/// # Errors
/// When the database fails.
pub async fn touch(db: &PgPool, tokens: &[Uuid], now: OffsetDateTime) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update tokens set last_used_at = $2 where id = any($1) \
         and (last_used_at is null or last_used_at <= $2 - interval '1 minute')",
    )
    .bind(tokens)
    .bind(now)
    .execute(db)
    .await?;
    Ok(())
}
