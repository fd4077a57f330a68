//! `systemprompt admin user list` and `sessions`.

use clap::ArgMatches;
use serde_json::{Value, json};
use systemprompt_config::Config;
use systemprompt_storage::users::{self, Policy, Session, User, UserName};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::Outside;
use crate::admin::write_json;
use crate::database;
use crate::failure::Failure;
use crate::human::{self, column::Unit};

pub(super) fn users(
    config: &Config,
    matches: &ArgMatches,
    outside: &mut Outside<'_>,
) -> Result<(), Failure> {
    let users = database::with(config, outside, async |storage, outside| {
        Ok(users::list(storage.pool(), outside.clock.now()).await?)
    })?;
    let rows: Vec<Value> = users.iter().map(user).collect();
    if matches.get_flag("json") {
        return Ok(write_json(outside, &json!({ "users": rows }))?);
    }
    if rows.is_empty() {
        let hint = "There are no users. Make one: systemprompt admin user create NAME";
        return Ok(writeln!(outside.out, "{hint}")?);
    }
    let columns = [
        ("user", Unit::Text),
        ("role", Unit::Text),
        ("state", Unit::Text),
        ("created_at", Unit::Time),
        ("last_login_at", Unit::Time),
        ("sessions", Unit::Count),
    ];
    let table = human::rows(&columns, &rows, outside.look);
    Ok(outside.out.write_all(table.as_bytes())?)
}

fn user(user: &User) -> Value {
    let state = match (user.disabled_at, user.password_set_at) {
        (Some(_), _) => "disabled",
        (None, None) => "invited",
        (None, Some(_)) => "active",
    };
    json!({
        "user": user.name,
        "role": user.role.as_str(),
        "state": state,
        "created_at": moment(user.created_at),
        "password_set_at": user.password_set_at.map(moment),
        "last_login_at": user.last_login_at.map(moment),
        "disabled_at": user.disabled_at.map(moment),
        "sessions": user.sessions,
    })
}

pub(super) fn sessions(
    config: &Config,
    name: &UserName,
    matches: &ArgMatches,
    outside: &mut Outside<'_>,
) -> Result<(), Failure> {
    let lasting = &config.profile.limits.sessions;
    let policy = Policy {
        idle: lasting.idle_timeout,
        lifetime: lasting.lifetime,
    };
    let sessions = database::with(config, outside, async |storage, outside| {
        let (pool, now) = (storage.pool(), outside.clock.now());
        if users::credentials(pool, name).await?.is_none() {
            return Err(users::UsersError::Unknown(name.to_string()).into());
        }
        Ok(users::of(pool, name.as_str(), policy, now).await?)
    })?;
    let rows: Vec<Value> = sessions.iter().map(session).collect();
    if matches.get_flag("json") {
        return Ok(write_json(
            outside,
            &json!({ "user": name.as_str(), "sessions": rows }),
        )?);
    }
    if rows.is_empty() {
        return Ok(writeln!(outside.out, "{name} is not signed in.")?);
    }
    let columns = [
        ("created_at", Unit::Time),
        ("last_seen_at", Unit::Time),
        ("expires_at", Unit::Time),
        ("network", Unit::Text),
        ("user_agent", Unit::Text),
    ];
    let table = human::rows(&columns, &rows, outside.look);
    Ok(outside.out.write_all(table.as_bytes())?)
}

fn session(session: &Session) -> Value {
    json!({
        "created_at": moment(session.created_at),
        "last_seen_at": moment(session.last_seen_at),
        "expires_at": moment(session.expires_at),
        "network": session.network,
        "user_agent": session.user_agent,
    })
}

/// A moment in JSON, to the second.
pub(super) fn moment(at: OffsetDateTime) -> Value {
    let whole = at.replace_nanosecond(0).unwrap_or(at);
    whole.format(&Rfc3339).ok().into()
}
