//! One-time links that set a password: for somebody who was invited or forgot
//! theirs, and for the first user of a server that has none.

use serde_json::json;
use sqlx::{PgConnection, PgPool, Row as _};
use time::{Duration, OffsetDateTime};

use super::accounts::{any, changed, insert, replace_password};
use super::secret::hash;
use super::{NewUser, Role, Secret, UserName, UsersError};

/// How long a link can be used.
pub const LINK_LIFETIME: Duration = Duration::hours(24);

/// What a link is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// Making the first user.
    First,
    /// Setting the password of this one.
    Invitation(String),
}

/// A link for a user, in place of any they had.
///
/// # Errors
/// When nobody has that name, or the database refuses.
pub async fn invite(
    db: &PgPool,
    name: &UserName,
    by: &str,
    now: OffsetDateTime,
) -> Result<Secret, UsersError> {
    let mut tx = db.begin().await?;
    let known: bool = sqlx::query_scalar("select exists (select from users where name = $1)")
        .bind(name.as_str())
        .fetch_one(&mut *tx)
        .await?;
    if !known {
        return Err(UsersError::Unknown(name.to_string()));
    }
    sqlx::query("delete from login_links where user_name = $1")
        .bind(name.as_str())
        .execute(&mut *tx)
        .await?;
    let secret = keep(&mut tx, Some(name.as_str()), now).await?;
    let detail = json!({ "user": name.as_str() });
    changed(&mut tx, "login_link_issued", by, now, &detail).await?;
    tx.commit().await?;
    Ok(secret)
}

/// A link that makes the first user; `None` where there are users.
///
/// # Errors
/// When the database refuses.
pub async fn first(db: &PgPool, now: OffsetDateTime) -> Result<Option<Secret>, UsersError> {
    if any(db).await? {
        return Ok(None);
    }
    let mut tx = db.begin().await?;
    sqlx::query("delete from login_links where expires_at <= $1")
        .bind(now)
        .execute(&mut *tx)
        .await?;
    let secret = keep(&mut tx, None, now).await?;
    tx.commit().await?;
    Ok(Some(secret))
}

async fn keep(
    db: &mut PgConnection,
    name: Option<&str>,
    now: OffsetDateTime,
) -> Result<Secret, UsersError> {
    let secret = Secret::new();
    sqlx::query(
        "insert into login_links (link_hash, user_name, created_at, expires_at) \
         values ($1, $2, $3, $4)",
    )
    .bind(secret.hash().as_slice())
    .bind(name)
    .bind(now)
    .bind(now + LINK_LIFETIME)
    .execute(db)
    .await?;
    Ok(secret)
}

/// What a link is for, without using it: pages are also opened by programs that
/// look whether they are safe.
///
/// # Errors
/// When the link cannot be used any more, or the database refuses.
pub async fn look_up(db: &PgPool, text: &str, now: OffsetDateTime) -> Result<Link, UsersError> {
    let find = "select user_name from login_links where link_hash = $1 and expires_at > $2";
    let row = sqlx::query(find)
        .bind(hash(text).as_slice())
        .bind(now)
        .fetch_optional(db)
        .await?;
    let name: Option<String> = row.ok_or(UsersError::LinkGone)?.try_get(0)?;
    Ok(name.map_or(Link::First, Link::Invitation))
}

/// Uses a link to make the first user, an admin.
///
/// # Errors
/// When the link cannot be used any more, or the database refuses.
pub async fn redeem_first(
    db: &PgPool,
    text: &str,
    name: &UserName,
    password_hash: &str,
    now: OffsetDateTime,
) -> Result<(), UsersError> {
    let mut tx = db.begin().await?;
    match redeem(&mut tx, text, now).await? {
        Link::First => {}
        Link::Invitation(_) => return Err(UsersError::LinkGone),
    }
    let new = NewUser {
        name,
        role: Role::Admin,
        password_hash: Some(password_hash),
    };
    insert(&mut tx, new, name.as_str(), now).await?;
    Ok(tx.commit().await?)
}

/// Uses a link to set the password of the user it is for.
///
/// # Errors
/// When the link cannot be used any more or is another's, or the database
/// refuses.
pub async fn redeem_invitation(
    db: &PgPool,
    text: &str,
    name: &UserName,
    password_hash: &str,
    now: OffsetDateTime,
) -> Result<(), UsersError> {
    let mut tx = db.begin().await?;
    match redeem(&mut tx, text, now).await? {
        Link::Invitation(user) if user == name.as_str() => {}
        _ => return Err(UsersError::LinkGone),
    }
    replace_password(&mut tx, name.as_str(), password_hash, name.as_str(), now).await?;
    Ok(tx.commit().await?)
}

/// Takes a link away, once.
async fn redeem(
    db: &mut PgConnection,
    text: &str,
    now: OffsetDateTime,
) -> Result<Link, UsersError> {
    let take =
        "delete from login_links where link_hash = $1 and expires_at > $2 returning user_name";
    let row = sqlx::query(take)
        .bind(hash(text).as_slice())
        .bind(now)
        .fetch_optional(db)
        .await?;
    let name: Option<String> = row.ok_or(UsersError::LinkGone)?.try_get(0)?;
    Ok(name.map_or(Link::First, Link::Invitation))
}
