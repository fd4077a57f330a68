//! Tokens in the database: issued, rotated and revoked while servers run. Only the
//! SHA-256 of a token's text is kept.
//!
//! Every change takes one lock, so that names stay unambiguous, and is announced
//! on [`CHANNEL`] in its own transaction, together with its audit events.

mod issue;
mod record;
mod revoke;
mod rotate;
mod verify;

use sha2::{Digest, Sha256};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, PgPool, Row};
use systemprompt_domain::{Scope, TokenKind, TokenText};
use time::OffsetDateTime;
use uuid::Uuid;

pub use self::issue::{NewToken, create};
pub use self::revoke::revoke;
pub(crate) use self::revoke::{record_all, revoke_of};
pub use self::rotate::{Rotated, rotate};
pub use self::verify::{Verified, any, touch, verify};
use crate::agents::AgentsError;

/// The channel on which changes are announced. The message is the token's id, or
/// empty where an agent changed or a user was made.
pub const CHANNEL: &str = "systemprompt_tokens";

/// The SHA-256 of a token's text.
pub type Hash = [u8; 32];

/// A token as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its id.
    pub id: Uuid,
    /// What it is for.
    pub kind: TokenKind,
    /// What answers and the audit trail call it.
    pub name: String,
    /// The part of its text that is known.
    pub visible: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// The user its requests are recorded for.
    pub user: Option<String>,
    /// The agent it stands for.
    pub agent: Option<String>,
    /// When it was issued.
    pub created_at: OffsetDateTime,
    /// When it ends.
    pub expires_at: Option<OffsetDateTime>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<OffsetDateTime>,
    /// When it was revoked.
    pub revoked_at: Option<OffsetDateTime>,
    /// The token that takes its place.
    pub replaced_by: Option<Uuid>,
}

/// How a token stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenState {
    /// It is accepted.
    Live,
    /// It is accepted until its end, and another one took its place.
    Replaced,
    /// Its time is over.
    Expired,
    /// Somebody ended it.
    Revoked,
}

impl TokenState {
    /// The name used in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Replaced => "replaced",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

impl Token {
    /// How it stands at a moment.
    #[must_use]
    pub fn state(&self, now: OffsetDateTime) -> TokenState {
        if self.revoked_at.is_some() {
            TokenState::Revoked
        } else if self.expires_at.is_some_and(|end| end <= now) {
            TokenState::Expired
        } else if self.replaced_by.is_some() {
            TokenState::Replaced
        } else {
            TokenState::Live
        }
    }

    fn is_live(&self, now: OffsetDateTime) -> bool {
        matches!(self.state(now), TokenState::Live | TokenState::Replaced)
    }
}

/// A token that was just made: the only moment at which its text is known.
#[derive(Debug)]
pub struct Issued {
    /// The text, to be shown once.
    pub text: TokenText,
    /// What is kept of it.
    pub token: Token,
}

/// Why a token is not changed.
#[derive(Debug, thiserror::Error)]
pub enum TokensError {
    /// The database fails.
    #[error("the tokens in the database cannot be read or changed: {0}")]
    Database(#[from] sqlx::Error),
    /// The agent it is to stand for cannot be used.
    #[error(transparent)]
    Agent(#[from] AgentsError),
    /// The name is taken.
    #[error(
        "a live token is called {0} already; rotate it (systemprompt admin token rotate {0}), \
         revoke it, or choose another name"
    )]
    Taken(String),
    /// There is no such token.
    #[error(
        "no live token is called {0} or known by it; systemprompt admin token list --all shows every one"
    )]
    Unknown(String),
    /// It has a successor.
    #[error("{0} was replaced already; systemprompt admin token list shows its successor")]
    Replaced(String),
    /// A token for one agent, without the agent.
    #[error("a token of the kind agt stands for an agent: name it with --agent")]
    NoAgent,
    /// What it is called.
    #[error("a token's name has 1 to 100 characters, none of them a control character")]
    Name,
}

/// The hash by which a token is found.
#[must_use]
pub fn hash(text: &TokenText) -> Hash {
    Sha256::digest(text.expose().as_bytes()).into()
}

/// Every token, the newest first.
///
/// # Errors
/// When the database fails.
pub async fn list(db: &PgPool) -> Result<Vec<Token>, TokensError> {
    let rows = sqlx::query("select * from tokens order by created_at desc, id desc")
        .fetch_all(db)
        .await?;
    Ok(rows.iter().map(token).collect::<Result<_, _>>()?)
}

/// The tokens with this name, visible part or id that are live, the newest first; locks
/// changes of tokens until the transaction ends.
async fn live(
    db: &mut PgConnection,
    name: &str,
    now: OffsetDateTime,
) -> Result<Vec<Token>, sqlx::Error> {
    sqlx::query("lock table tokens in share row exclusive mode")
        .execute(&mut *db)
        .await?;
    let rows = sqlx::query(
        "select * from tokens where name = $1 or visible = $1 or id::text = lower($1) \
         order by created_at desc, id desc",
    )
    .bind(name)
    .fetch_all(db)
    .await?;
    let mut tokens = rows.iter().map(token).collect::<Result<Vec<_>, _>>()?;
    tokens.retain(|token| token.is_live(now));
    Ok(tokens)
}

/// Announces that a token changed, or something else that decides who is let in.
pub(crate) async fn announce(
    db: &mut PgConnection,
    token: Option<Uuid>,
) -> Result<(), sqlx::Error> {
    sqlx::query("select pg_notify($1, $2)")
        .bind(CHANNEL)
        .bind(token.map(|token| token.to_string()).unwrap_or_default())
        .execute(db)
        .await?;
    Ok(())
}

fn token(row: &PgRow) -> Result<Token, sqlx::Error> {
    let kind: String = row.try_get("kind")?;
    let scopes: Vec<String> = row.try_get("scopes")?;
    let scopes = scopes.iter().map(|scope| scope.parse().map_err(decode));
    Ok(Token {
        id: row.try_get("id")?,
        kind: kind.parse().map_err(decode)?,
        name: row.try_get("name")?,
        visible: row.try_get("visible")?,
        scopes: scopes.collect::<Result<_, _>>()?,
        user: row.try_get("user_name")?,
        agent: row.try_get("agent")?,
        created_at: row.try_get("created_at")?,
        expires_at: row.try_get("expires_at")?,
        last_used_at: row.try_get("last_used_at")?,
        revoked_at: row.try_get("revoked_at")?,
        replaced_by: row.try_get("replaced_by")?,
    })
}

fn decode(error: systemprompt_domain::token::UnknownName) -> sqlx::Error {
    sqlx::Error::Decode(error.into())
}
