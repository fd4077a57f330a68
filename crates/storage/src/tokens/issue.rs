//! Issuing a token.

use sqlx::{PgConnection, PgPool};
use systemprompt_domain::{Scope, TokenKind, TokenText};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Issued, Token, TokensError, announce, hash, live, record};
use crate::agents;

/// The longest name of a token, in characters.
const LONGEST: usize = 100;

/// A token to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewToken<'a> {
    /// What it is for.
    pub kind: TokenKind,
    /// What it is called; no live token may be called the same.
    pub name: &'a str,
    /// The user its requests are recorded for.
    pub user: Option<&'a str>,
    /// The agent it stands for: one that exists.
    pub agent: Option<&'a str>,
    /// When it ends.
    pub expires_at: Option<OffsetDateTime>,
}

/// Makes a token and keeps its hash. `by` is who asked for it.
///
/// # Errors
/// If the name is taken, the agent does not exist or is disabled, or the database
/// fails; then there is no token.
pub async fn create(
    db: &PgPool,
    new: NewToken<'_>,
    by: Option<&str>,
    now: OffsetDateTime,
) -> Result<Issued, TokensError> {
    let length = new.name.chars().count();
    if length == 0 || length > LONGEST || new.name.chars().any(char::is_control) {
        return Err(TokensError::Name);
    }
    if new.kind == TokenKind::Agent && new.agent.is_none() {
        return Err(TokensError::NoAgent);
    }
    let mut tx = db.begin().await?;
    if !live(&mut tx, new.name, now).await?.is_empty() {
        return Err(TokensError::Taken(new.name.to_owned()));
    }
    let issued = issue(&mut tx, new, now).await?;
    record::issued(&mut tx, &issued.token, None, by, now).await?;
    tx.commit().await?;
    Ok(issued)
}

/// Makes a token inside a transaction, and announces it.
pub(super) async fn issue(
    db: &mut PgConnection,
    new: NewToken<'_>,
    now: OffsetDateTime,
) -> Result<Issued, TokensError> {
    if let Some(agent) = new.agent {
        agents::usable(db, agent).await?;
    }
    let text = TokenText::new(new.kind, rand::random());
    let token = Token {
        id: Uuid::now_v7(),
        kind: new.kind,
        name: new.name.to_owned(),
        visible: text.visible().to_owned(),
        scopes: new.kind.scopes().to_vec(),
        user: new.user.map(str::to_owned),
        agent: new.agent.map(str::to_owned),
        created_at: now,
        expires_at: new.expires_at,
        last_used_at: None,
        revoked_at: None,
        replaced_by: None,
    };
    let scopes: Vec<&str> = token.scopes.iter().copied().map(Scope::as_str).collect();
    sqlx::query(
        "insert into tokens \
             (id, kind, name, hash, visible, scopes, user_name, agent, created_at, expires_at) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(token.id)
    .bind(token.kind.as_str())
    .bind(&token.name)
    .bind(hash(&text))
    .bind(&token.visible)
    .bind(scopes)
    .bind(&token.user)
    .bind(&token.agent)
    .bind(token.created_at)
    .bind(token.expires_at)
    .execute(&mut *db)
    .await?;
    announce(db, Some(token.id)).await?;
    Ok(Issued { text, token })
}
