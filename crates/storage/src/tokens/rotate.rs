//! Replacing a token: for a while the old and the new one are both accepted.

use sqlx::PgPool;
use time::{Duration, OffsetDateTime};

use super::issue::issue;
use super::{Issued, NewToken, Token, TokensError, announce, live, record};

/// A token and its successor.
#[derive(Debug)]
pub struct Rotated {
    /// The new one.
    pub new: Issued,
    /// The old one, with the end it has now.
    pub old: Token,
}

/// Issues a token like the one with this name or id, which ends after `overlap`,
/// or at its own end if that is earlier. The new one lasts as long as the old one
/// was to last, unless `expires_at` says otherwise.
///
/// # Errors
/// If there is none, it was replaced already, its agent is gone, or the database
/// fails; then nothing has changed.
pub async fn rotate(
    db: &PgPool,
    name: &str,
    overlap: Duration,
    expires_at: Option<OffsetDateTime>,
    by: Option<&str>,
    now: OffsetDateTime,
) -> Result<Rotated, TokensError> {
    let mut tx = db.begin().await?;
    let tokens = live(&mut tx, name, now).await?;
    let replaced = !tokens.is_empty();
    let old = tokens.into_iter().find(|token| token.replaced_by.is_none());
    let mut old = old.ok_or_else(|| {
        let name = name.to_owned();
        if replaced {
            TokensError::Replaced(name)
        } else {
            TokensError::Unknown(name)
        }
    })?;
    let lasted = old.expires_at.map(|end| end - old.created_at);
    let new = NewToken {
        kind: old.kind,
        name: &old.name,
        user: old.user.as_deref(),
        agent: old.agent.as_deref(),
        expires_at: expires_at.or_else(|| now.checked_add(lasted?)),
    };
    let new = issue(&mut tx, new, now).await?;
    let end = now.checked_add(overlap).unwrap_or(now);
    let end = old.expires_at.map_or(end, |expiry| expiry.min(end));
    sqlx::query("update tokens set expires_at = $2, replaced_by = $3 where id = $1")
        .bind(old.id)
        .bind(end)
        .bind(new.token.id)
        .execute(&mut *tx)
        .await?;
    old.expires_at = Some(end);
    old.replaced_by = Some(new.token.id);
    announce(&mut tx, Some(old.id)).await?;
    record::issued(&mut tx, &new.token, Some(&old), by, now).await?;
    record::revoked(&mut tx, &old, end, by, now).await?;
    tx.commit().await?;
    Ok(Rotated { new, old })
}
