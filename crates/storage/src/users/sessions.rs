//! Browsers that are signed in. A session ends by logout, by a new password, by
//! disabling its user, when it was idle too long, and when it is too old.

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, PgPool, Row as _};
use time::OffsetDateTime;

use super::secret::hash;
use super::throttle::forget;
use super::{Role, Secret, UserName, UsersError};
use crate::audit::{self, Entry};

/// What is kept of a browser's name for itself.
const USER_AGENT: usize = 200;

/// How long sessions last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Without any request.
    pub idle: Duration,
    /// Altogether.
    pub lifetime: Duration,
}

/// Who signs in, from where, and with what.
#[derive(Clone, Copy, Debug)]
pub struct Client<'a> {
    /// The user.
    pub user: &'a UserName,
    /// The hash that their password was checked against.
    pub password_hash: &'a str,
    /// The network of their address.
    pub network: &'a str,
    /// What their browser calls itself.
    pub user_agent: Option<&'a str>,
    /// The id of the session that this one follows in the same browser.
    pub before: Option<&'a str>,
}

/// A browser that is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    id_hash: Vec<u8>,
    /// Who is.
    pub user: String,
    /// What they may do.
    pub role: Role,
    /// Since when.
    pub created_at: OffsetDateTime,
    /// The last request, to the minute.
    pub last_seen_at: OffsetDateTime,
    /// When it is over at the latest.
    pub expires_at: OffsetDateTime,
    /// The network they signed in from.
    pub network: String,
    /// What the browser calls itself, cut.
    pub user_agent: Option<String>,
}

impl Session {
    /// Whether both are the same session.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        self.id_hash == other.id_hash
    }

    fn of(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id_hash: row.try_get("id_hash")?,
            user: row.try_get("user_name")?,
            role: Role::of(row.try_get("role")?),
            created_at: row.try_get("created_at")?,
            last_seen_at: row.try_get("last_seen_at")?,
            expires_at: row.try_get("expires_at")?,
            network: row.try_get("network")?,
            user_agent: row.try_get("user_agent")?,
        })
    }
}

/// Signs a browser in, under a new id. `None` if the user was disabled or their
/// password changed since it was checked.
///
/// # Errors
/// When the database refuses.
pub async fn begin(
    db: &PgPool,
    client: Client<'_>,
    policy: Policy,
    now: OffsetDateTime,
) -> Result<Option<Secret>, UsersError> {
    let user = client.user.as_str();
    let mut tx = db.begin().await?;
    // Locks the user: a change of password ends this session too, or comes first.
    let seen = sqlx::query(
        "update users set last_login_at = $3 \
         where name = $1 and password_hash = $2 and disabled_at is null",
    )
    .bind(user)
    .bind(client.password_hash)
    .bind(now)
    .execute(&mut *tx)
    .await?;
    if seen.rows_affected() == 0 {
        return Ok(None);
    }
    sqlx::query("delete from login_sessions where expires_at <= $1 or id_hash = $2")
        .bind(now)
        .bind(client.before.map(|id| hash(id).to_vec()))
        .execute(&mut *tx)
        .await?;
    let id = Secret::new();
    let agent = client.user_agent;
    let agent = agent.map(|agent| agent.chars().take(USER_AGENT).collect::<String>());
    sqlx::query(
        "insert into login_sessions \
             (id_hash, user_name, created_at, last_seen_at, expires_at, network, user_agent) \
         values ($1, $2, $3, $3, $4, $5, $6)",
    )
    .bind(id.hash().as_slice())
    .bind(user)
    .bind(now)
    .bind(now + policy.lifetime)
    .bind(client.network)
    .bind(agent)
    .execute(&mut *tx)
    .await?;
    forget(&mut tx, user, client.network).await?;
    let detail = json!({ "network": client.network });
    record(&mut tx, "login", user, now, &detail).await?;
    tx.commit().await?;
    Ok(Some(id))
}

/// The session of that id, if it still lasts; it is not idle any more.
///
/// # Errors
/// When the database refuses.
pub async fn find(
    db: &PgPool,
    id: &str,
    policy: Policy,
    now: OffsetDateTime,
) -> Result<Option<Session>, UsersError> {
    let row = sqlx::query(
        "select s.*, u.role from login_sessions s join users u on u.name = s.user_name \
         where s.id_hash = $1 and s.expires_at > $2 and s.last_seen_at > $3 \
             and u.disabled_at is null",
    )
    .bind(hash(id).as_slice())
    .bind(now)
    .bind(now - policy.idle)
    .fetch_optional(db)
    .await?;
    let Some(session) = row.as_ref().map(Session::of).transpose()? else {
        return Ok(None);
    };
    if now - session.last_seen_at >= time::Duration::MINUTE {
        sqlx::query("update login_sessions set last_seen_at = $2 where id_hash = $1")
            .bind(&session.id_hash)
            .bind(now)
            .execute(db)
            .await?;
    }
    Ok(Some(session))
}

/// A user's sessions that still last, the latest first.
///
/// # Errors
/// When the database refuses.
pub async fn of(
    db: &PgPool,
    user: &str,
    policy: Policy,
    now: OffsetDateTime,
) -> Result<Vec<Session>, UsersError> {
    let rows = sqlx::query(
        "select s.*, u.role from login_sessions s join users u on u.name = s.user_name \
         where s.user_name = $1 and s.expires_at > $2 and s.last_seen_at > $3 \
         order by s.created_at desc",
    )
    .bind(user)
    .bind(now)
    .bind(now - policy.idle)
    .fetch_all(db)
    .await?;
    let sessions: Result<_, sqlx::Error> = rows.iter().map(Session::of).collect();
    Ok(sessions?)
}

/// Signs this browser out.
///
/// # Errors
/// When the database refuses.
pub async fn end(db: &PgPool, session: &Session, now: OffsetDateTime) -> Result<(), UsersError> {
    let mut tx = db.begin().await?;
    let ended = sqlx::query("delete from login_sessions where id_hash = $1")
        .bind(&session.id_hash)
        .execute(&mut *tx)
        .await?;
    signed_out(
        &mut tx,
        &session.user,
        &session.user,
        ended.rows_affected(),
        now,
    )
    .await?;
    Ok(tx.commit().await?)
}

/// Signs the user's other browsers out; how many there were.
///
/// # Errors
/// When the database refuses.
pub async fn end_others(
    db: &PgPool,
    session: &Session,
    now: OffsetDateTime,
) -> Result<u64, UsersError> {
    let mut tx = db.begin().await?;
    let ended = sqlx::query("delete from login_sessions where user_name = $1 and id_hash <> $2")
        .bind(&session.user)
        .bind(&session.id_hash)
        .execute(&mut *tx)
        .await?
        .rows_affected();
    signed_out(&mut tx, &session.user, &session.user, ended, now).await?;
    tx.commit().await?;
    Ok(ended)
}

/// Signs a user out everywhere; from how many browsers. `by` is who does it.
///
/// # Errors
/// When nobody has that name, or the database refuses.
pub async fn end_all(
    db: &PgPool,
    user: &UserName,
    by: &str,
    now: OffsetDateTime,
) -> Result<u64, UsersError> {
    let mut tx = db.begin().await?;
    let known: bool = sqlx::query_scalar("select exists (select from users where name = $1)")
        .bind(user.as_str())
        .fetch_one(&mut *tx)
        .await?;
    if !known {
        return Err(UsersError::Unknown(user.to_string()));
    }
    let ended = sqlx::query("delete from login_sessions where user_name = $1")
        .bind(user.as_str())
        .execute(&mut *tx)
        .await?
        .rows_affected();
    signed_out(&mut tx, user.as_str(), by, ended, now).await?;
    tx.commit().await?;
    Ok(ended)
}

/// Appends a logout, if anybody was signed in.
async fn signed_out(
    db: &mut PgConnection,
    user: &str,
    by: &str,
    sessions: u64,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    if sessions == 0 {
        return Ok(());
    }
    let detail = json!({ "user": user, "sessions": sessions });
    record(db, "logout", by, now, &detail).await
}

async fn record(
    db: &mut PgConnection,
    event: &str,
    by: &str,
    now: OffsetDateTime,
    detail: &Value,
) -> Result<(), sqlx::Error> {
    let entry = Entry {
        by: Some(by),
        ..Entry::new("authentication", event, now, detail)
    };
    audit::append(db, entry).await
}
