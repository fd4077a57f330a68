//! Ending tokens before their time.

use sqlx::{PgConnection, PgPool};
use time::OffsetDateTime;

use super::{Token, TokensError, announce, live, record, token};

/// Revokes every live token with this name, or the one with this visible part or id: of two that
/// share a name both may be known to whoever should not know one.
///
/// # Errors
/// If there is none, or the database fails; then all stay as they were.
pub async fn revoke(
    db: &PgPool,
    name: &str,
    by: Option<&str>,
    now: OffsetDateTime,
) -> Result<Vec<Token>, TokensError> {
    let mut tx = db.begin().await?;
    let mut tokens = live(&mut tx, name, now).await?;
    if tokens.is_empty() {
        return Err(TokensError::Unknown(name.to_owned()));
    }
    for token in &mut tokens {
        end(&mut tx, token, now).await?;
    }
    record_all(&mut tx, &tokens, by, now).await?;
    tx.commit().await?;
    Ok(tokens)
}

/// Revokes the live tokens of an agent. What it answers is to be recorded, as the
/// last of the transaction.
pub(crate) async fn revoke_of(
    db: &mut PgConnection,
    agent: &str,
    now: OffsetDateTime,
) -> Result<Vec<Token>, sqlx::Error> {
    sqlx::query("lock table tokens in share row exclusive mode")
        .execute(&mut *db)
        .await?;
    let rows = sqlx::query("select * from tokens where agent = $1")
        .bind(agent)
        .fetch_all(&mut *db)
        .await?;
    let mut tokens = rows.iter().map(token).collect::<Result<Vec<_>, _>>()?;
    tokens.retain(|token| token.is_live(now));
    for token in &mut tokens {
        end(db, token, now).await?;
    }
    Ok(tokens)
}

/// Appends the end of these tokens to the audit log.
pub(crate) async fn record_all(
    db: &mut PgConnection,
    tokens: &[Token],
    by: Option<&str>,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    for token in tokens {
        record::revoked(db, token, now, by, now).await?;
    }
    Ok(())
}

async fn end(
    db: &mut PgConnection,
    token: &mut Token,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    sqlx::query("update tokens set revoked_at = $2 where id = $1")
        .bind(token.id)
        .bind(now)
        .execute(&mut *db)
        .await?;
    token.revoked_at = Some(now);
    announce(db, Some(token.id)).await
}
