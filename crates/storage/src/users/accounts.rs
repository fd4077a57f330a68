//! The users themselves: made, listed, given passwords, disabled.

use serde_json::{Value, json};
use sqlx::{PgConnection, PgPool, Row as _};
use time::OffsetDateTime;

use super::{Role, UserName, UsersError};
use crate::audit::{self, Entry};
use crate::tokens;

/// Somebody who is to be a user.
#[derive(Clone, Copy, Debug)]
pub struct NewUser<'a> {
    /// What they are called.
    pub name: &'a UserName,
    /// What they may do.
    pub role: Role,
    /// Their password's hash; without one they need a link to set one.
    pub password_hash: Option<&'a str>,
}

/// A user as lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// What they are called.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// When they were made.
    pub created_at: OffsetDateTime,
    /// When their password was last set; never for those who were invited only.
    pub password_set_at: Option<OffsetDateTime>,
    /// When they last signed in.
    pub last_login_at: Option<OffsetDateTime>,
    /// Since when they may not sign in.
    pub disabled_at: Option<OffsetDateTime>,
    /// Browsers that are signed in and not yet too old.
    pub sessions: i64,
}

/// What a login is checked against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The password's hash, if one was chosen.
    pub password_hash: Option<String>,
    /// Whether the user may not sign in.
    pub disabled: bool,
}

/// Whether there are users at all.
///
/// # Errors
/// When the database refuses.
pub async fn any(db: &PgPool) -> Result<bool, UsersError> {
    let exists = "select exists (select from users)";
    Ok(sqlx::query_scalar(exists).fetch_one(db).await?)
}

/// Makes a user. `by` is who does it.
///
/// # Errors
/// When there is one of that name, or the database refuses.
pub async fn create(
    db: &PgPool,
    new: NewUser<'_>,
    by: &str,
    now: OffsetDateTime,
) -> Result<(), UsersError> {
    let mut tx = db.begin().await?;
    insert(&mut tx, new, by, now).await?;
    Ok(tx.commit().await?)
}

/// Makes a user in a transaction. With the first one the links that make a first
/// one are over.
pub(super) async fn insert(
    db: &mut PgConnection,
    new: NewUser<'_>,
    by: &str,
    now: OffsetDateTime,
) -> Result<(), UsersError> {
    let made = sqlx::query(
        "insert into users (name, role, password_hash, created_at, password_set_at) \
         values ($1, $2, $3, $4, case when $3 is null then null else $4 end) \
         on conflict (name) do nothing",
    )
    .bind(new.name.as_str())
    .bind(new.role.as_str())
    .bind(new.password_hash)
    .bind(now)
    .execute(&mut *db)
    .await?;
    if made.rows_affected() == 0 {
        return Err(UsersError::Taken(new.name.to_string()));
    }
    sqlx::query("delete from login_links where user_name is null")
        .execute(&mut *db)
        .await?;
    let user = new.name.as_str();
    tokens::announce(db, None).await?;
    changed(db, "user_created", by, now, &json!({ "user": user })).await?;
    let detail = json!({ "user": user, "role": new.role.as_str() });
    let granted = Entry {
        by: Some(by),
        ..Entry::new("authorization", "scope_granted", now, &detail)
    };
    Ok(audit::append(db, granted).await?)
}

/// Every user, by name.
///
/// # Errors
/// When the database refuses.
pub async fn list(db: &PgPool, now: OffsetDateTime) -> Result<Vec<User>, UsersError> {
    let rows = sqlx::query(
        "select name, role, created_at, password_set_at, last_login_at, disabled_at, \
                (select count(*) from login_sessions s \
                 where s.user_name = users.name and s.expires_at > $1) as sessions \
         from users order by name",
    )
    .bind(now)
    .fetch_all(db)
    .await?;
    let user = |row: &sqlx::postgres::PgRow| {
        Ok(User {
            name: row.try_get("name")?,
            role: Role::of(row.try_get("role")?),
            created_at: row.try_get("created_at")?,
            password_set_at: row.try_get("password_set_at")?,
            last_login_at: row.try_get("last_login_at")?,
            disabled_at: row.try_get("disabled_at")?,
            sessions: row.try_get("sessions")?,
        })
    };
    let users: Result<_, sqlx::Error> = rows.iter().map(user).collect();
    Ok(users?)
}

/// What a login of that name is checked against.
///
/// # Errors
/// When the database refuses.
pub async fn credentials(db: &PgPool, name: &UserName) -> Result<Option<Credentials>, UsersError> {
    let row = sqlx::query(
        "select password_hash, disabled_at is not null as disabled from users where name = $1",
    )
    .bind(name.as_str())
    .fetch_optional(db)
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Credentials {
        password_hash: row.try_get("password_hash")?,
        disabled: row.try_get("disabled")?,
    }))
}

/// Gives a user another password. Whoever was signed in with the old one is not
/// any more, and links to set one are over.
///
/// # Errors
/// When nobody has that name, or the database refuses.
pub async fn set_password(
    db: &PgPool,
    name: &UserName,
    hash: &str,
    by: &str,
    now: OffsetDateTime,
) -> Result<(), UsersError> {
    let mut tx = db.begin().await?;
    replace_password(&mut tx, name.as_str(), hash, by, now).await?;
    Ok(tx.commit().await?)
}

pub(super) async fn replace_password(
    db: &mut PgConnection,
    name: &str,
    hash: &str,
    by: &str,
    now: OffsetDateTime,
) -> Result<(), UsersError> {
    let update = "update users set password_hash = $2, password_set_at = $3 where name = $1";
    let updated = sqlx::query(update)
        .bind(name)
        .bind(hash)
        .bind(now)
        .execute(&mut *db)
        .await?;
    if updated.rows_affected() == 0 {
        return Err(UsersError::Unknown(name.to_owned()));
    }
    shut_out(db, name).await?;
    changed(db, "password_changed", by, now, &json!({ "user": name })).await
}

/// Keeps a stronger hash of the same password, unless the password has changed
/// meanwhile.
///
/// # Errors
/// When the database refuses.
pub async fn rehash(db: &PgPool, name: &UserName, old: &str, new: &str) -> Result<(), UsersError> {
    sqlx::query("update users set password_hash = $3 where name = $1 and password_hash = $2")
        .bind(name.as_str())
        .bind(old)
        .bind(new)
        .execute(db)
        .await?;
    Ok(())
}

/// Lets a user sign in no more, or again. Disabling ends their sessions and
/// links at once. `false` if that is how it was.
///
/// # Errors
/// When nobody has that name, or the database refuses.
pub async fn set_disabled(
    db: &PgPool,
    name: &UserName,
    disabled: bool,
    by: &str,
    now: OffsetDateTime,
) -> Result<bool, UsersError> {
    let mut tx = db.begin().await?;
    let was =
        sqlx::query_scalar("select disabled_at is not null from users where name = $1 for update")
            .bind(name.as_str())
            .fetch_optional(&mut *tx)
            .await?;
    let was: bool = was.ok_or_else(|| UsersError::Unknown(name.to_string()))?;
    if was == disabled {
        return Ok(false);
    }
    sqlx::query("update users set disabled_at = $2 where name = $1")
        .bind(name.as_str())
        .bind(disabled.then_some(now))
        .execute(&mut *tx)
        .await?;
    let event = if disabled {
        shut_out(&mut tx, name.as_str()).await?;
        "user_disabled"
    } else {
        "user_enabled"
    };
    changed(&mut tx, event, by, now, &json!({ "user": name.as_str() })).await?;
    tx.commit().await?;
    Ok(true)
}

/// Ends a user's sessions and links.
async fn shut_out(db: &mut PgConnection, name: &str) -> Result<(), sqlx::Error> {
    for sql in [
        "delete from login_sessions where user_name = $1",
        "delete from login_links where user_name = $1",
    ] {
        sqlx::query(sql).bind(name).execute(&mut *db).await?;
    }
    Ok(())
}

/// Appends a change of a user to the audit trail.
pub(super) async fn changed(
    db: &mut PgConnection,
    event: &str,
    by: &str,
    now: OffsetDateTime,
    detail: &Value,
) -> Result<(), UsersError> {
    let entry = Entry {
        by: Some(by),
        ..Entry::administration(event, now, detail)
    };
    Ok(audit::append(db, entry).await?)
}
