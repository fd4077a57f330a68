//! Who the people in the log are. Its texts have `p:` and a hash over a salt and
//! their name; the table `audit_people` has the salt and the name. Without that
//! row nobody can tell whom the text means, and the text stays what it was.

use std::collections::{BTreeSet, HashMap};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use sqlx::{Connection as _, PgConnection, PgPool};
use time::OffsetDateTime;

use super::append::{append, lock};
use super::entry::Entry;
use crate::users::account;

/// Bytes of a pseudonym's hash: 192 bits, of which nobody finds two alike.
const BYTES: usize = 24;

/// What everybody who was erased is called, with a number.
const ERASED: &str = "erased-";

/// Pseudonyms by name.
#[derive(Debug, Default)]
pub(super) struct People(HashMap<String, String>);

impl People {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The pseudonym of somebody who was looked up.
    pub(super) fn of<'a>(&'a self, name: &'a str) -> &'a str {
        self.0.get(name).map_or(name, String::as_str)
    }
}

/// The pseudonym of a name: whoever has the salt can check it.
pub(super) fn pseudonym(salt: &[u8], name: &str) -> String {
    let hash = Sha256::new()
        .chain_update(salt)
        .chain_update(name)
        .finalize();
    format!("p:{}", BASE64_URL_SAFE_NO_PAD.encode(&hash[..BYTES]))
}

/// Those of the names that have a pseudonym.
pub(super) async fn known(
    db: &mut PgConnection,
    names: &BTreeSet<&str>,
) -> Result<People, sqlx::Error> {
    if names.is_empty() {
        return Ok(People::default());
    }
    let names: Vec<&str> = names.iter().copied().collect();
    let rows: Vec<(String, String)> =
        sqlx::query_as("select name, pseudonym from audit_people where name = any($1)")
            .bind(names)
            .fetch_all(db)
            .await?;
    Ok(People(rows.into_iter().collect()))
}

/// Gives those who have none a pseudonym, while the log is locked.
pub(super) async fn introduce(
    db: &mut PgConnection,
    names: &BTreeSet<&str>,
) -> Result<People, sqlx::Error> {
    let salts: Vec<Vec<u8>> = names
        .iter()
        .map(|_| rand::random::<[u8; 16]>().to_vec())
        .collect();
    let pseudonyms: Vec<String> = names
        .iter()
        .zip(&salts)
        .map(|(name, salt)| pseudonym(salt, name))
        .collect();
    sqlx::query(
        "insert into audit_people (pseudonym, name, salt) \
         select * from unnest($1::text[], $2::text[], $3::bytea[]) \
         on conflict (name) do nothing",
    )
    .bind(&pseudonyms)
    .bind(names.iter().copied().collect::<Vec<&str>>())
    .bind(&salts)
    .execute(&mut *db)
    .await?;
    known(db, names).await
}

/// The pseudonyms that are not those of their names. Whoever was erased has no
/// salt any more; `erased` are those of whom the log says so, if it is known.
pub(super) async fn unsound(
    db: &mut PgConnection,
    erased: Option<&BTreeSet<String>>,
) -> Result<Vec<String>, sqlx::Error> {
    let people: Vec<(String, String, Option<Vec<u8>>)> =
        sqlx::query_as("select pseudonym, name, salt from audit_people order by pseudonym")
            .fetch_all(db)
            .await?;
    let unsound = people.into_iter().filter(|(own, name, salt)| match salt {
        Some(salt) => pseudonym(salt, name) != *own,
        None => erased.map_or(!name.starts_with(ERASED), |known| !known.contains(name)),
    });
    Ok(unsound.map(|(own, ..)| own).collect())
}

/// Somebody whose personal data is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erased {
    /// What they are called from now on.
    pub name: String,
    /// How many rows named them.
    pub rows: u64,
}

/// Where a person is named by what they did, row by row.
const DETAIL: &[&str] = &[
    "update ai_requests set user_id = $2 where user_id = $1",
    "update imported_usage set user_id = $2 where user_id = $1",
    "update mcp_tool_executions set user_id = $2 where user_id = $1",
    "update user_activity set user_id = $2 where user_id = $1",
    "update audit_events set user_id = case user_id when $1 then $2 else user_id end, \
         detail = case when detail ->> 'user' = $1 \
             then jsonb_set(detail, '{user}', to_jsonb($2::text)) else detail end \
     where seq < 0 and (user_id = $1 or detail ->> 'user' = $1)",
    "update open_requests set context = jsonb_set(context, '{user}', to_jsonb($2::text)) \
     where context ->> 'user' = $1",
    "update job_runs set by_name = $2 where by_name = $1",
    // Bytes that may be no text: replaced as their escapes, in which a quote is a quote.
    "update dead_letters \
     set payload = decode(replace(encode(payload, 'escape'), old.name, new.name), 'escape') \
     from encode(convert_to(to_json($1::text)::text, 'UTF8'), 'escape') as old (name), \
         encode(convert_to(to_json($2::text)::text, 'UTF8'), 'escape') as new (name) \
     where strpos(encode(payload, 'escape'), old.name) > 0",
];

/// What the writer locks in another order, table by table in the order in which it and
/// the store of reported events come to them.
const ROLLUPS: &str = "lock table usage_quarter, usage_hour, usage_day, errors_quarter, errors_hour, \
     activity_quarter, activity_hour, activity_day, tool_quarter, tool_hour, tool_day, \
     tool_errors_quarter, tool_errors_hour, conversations in share row exclusive mode";

/// Where a person is counted or could act.
const REST: &[&str] = &[
    "update usage_quarter set user_id = $2 where user_id = $1",
    "update usage_day set user_id = $2 where user_id = $1",
    "update errors_quarter set user_id = $2 where user_id = $1",
    "update errors_hour set user_id = $2 where user_id = $1",
    "update activity_quarter set user_id = $2 where user_id = $1",
    "update activity_day set user_id = $2 where user_id = $1",
    "update tool_quarter set user_id = $2 where user_id = $1",
    "update tool_day set user_id = $2 where user_id = $1",
    "update tool_errors_quarter set user_id = $2 where user_id = $1",
    "update tool_errors_hour set user_id = $2 where user_id = $1",
    "update conversations set user_id = $2 where user_id = $1",
    "update tokens set user_name = $2, revoked_at = coalesce(revoked_at, now()) \
     where user_name = $1",
];

/// Removes a person's personal data: they can no longer sign in, nor can tokens
/// of theirs be used, and what they did is somebody's of whom nothing is known.
/// The log still verifies. `None` if nothing names them.
///
/// # Errors
/// When the database fails; then nothing has changed.
pub async fn erase(
    db: &PgPool,
    name: &str,
    by: &str,
    now: OffsetDateTime,
) -> Result<Option<Erased>, sqlx::Error> {
    // Not one of the pool's: this may take longer than its statements are given.
    let mut db = db.acquire().await?.detach();
    let mut tx = db.begin().await?;
    sqlx::raw_sql("set local statement_timeout = 0; set local lock_timeout = '10s'")
        .execute(&mut *tx)
        .await?;
    let erased = format!(
        "{ERASED}{}",
        sqlx::query_scalar::<_, i64>("select nextval('erased_people')")
            .fetch_one(&mut *tx)
            .await?
    );
    let mut rows = replace(&mut tx, DETAIL, name, &erased).await?;
    sqlx::raw_sql(ROLLUPS).execute(&mut *tx).await?;
    rows += replace(&mut tx, REST, name, &erased).await?;
    let failures = sqlx::query("delete from login_failures where account = $1")
        .bind(account(name))
        .execute(&mut *tx)
        .await?;
    // Sessions and links go with the user.
    let user = sqlx::query("delete from users where name = $1")
        .bind(name)
        .execute(&mut *tx)
        .await?;
    rows += failures.rows_affected() + user.rows_affected();
    crate::tokens::announce(&mut tx, None).await?;
    let _head = lock(&mut tx).await?;
    let forgotten = sqlx::query(
        "update audit_people set name = $2, salt = null, erased_at = $3 where name = $1",
    )
    .bind(name)
    .bind(&erased)
    .bind(now)
    .execute(&mut *tx)
    .await?;
    rows += forgotten.rows_affected();
    if rows == 0 {
        return Ok(None);
    }
    let detail = json!({ "erased": erased, "rows": rows });
    let entry = Entry {
        by: Some(by),
        ..Entry::administration("user_erased", now, &detail)
    };
    append(&mut tx, entry).await?;
    tx.commit().await?;
    let _ = db.close().await;
    Ok(Some(Erased { name: erased, rows }))
}

async fn replace(
    db: &mut PgConnection,
    statements: &[&'static str],
    name: &str,
    erased: &str,
) -> Result<u64, sqlx::Error> {
    let mut rows = 0;
    for sql in statements {
        let done = sqlx::query(*sql)
            .bind(name)
            .bind(erased)
            .execute(&mut *db)
            .await?;
        rows += done.rows_affected();
    }
    Ok(rows)
}
