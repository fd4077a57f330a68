//! The audit events of changed tokens.

use serde_json::{Value, json};
use sqlx::PgConnection;
use systemprompt_domain::Scope;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Token;
use crate::audit::{Entry, append};

/// A token was issued and holds its scopes; `replaces` another one.
pub(super) async fn issued(
    db: &mut PgConnection,
    token: &Token,
    replaces: Option<&Token>,
    by: Option<&str>,
    at: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    let mut detail = about(token);
    detail["expires_at"] = stamp(token.expires_at);
    detail["replaces"] = json!(replaces.map(|old| old.id));
    let entry = Entry {
        by,
        ..Entry::new("authentication", "token_issued", at, &detail)
    };
    append(db, entry).await?;
    let scopes = token.scopes.iter().copied().map(Scope::as_str);
    let mut detail = about(token);
    detail["scopes"] = scopes.collect();
    let entry = Entry {
        by,
        ..Entry::new("authorization", "scope_granted", at, &detail)
    };
    append(db, entry).await?;
    of_agent(db, token, "token_issued", by, at).await
}

/// A token ends, at `end`.
pub(super) async fn revoked(
    db: &mut PgConnection,
    token: &Token,
    end: OffsetDateTime,
    by: Option<&str>,
    at: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    let mut detail = about(token);
    detail["end"] = stamp(Some(end));
    let entry = Entry {
        by,
        ..Entry::new("authentication", "token_revoked", at, &detail)
    };
    append(db, entry).await?;
    of_agent(db, token, "token_revoked", by, at).await
}

/// Where a token stands for an agent, its change is one of the agent.
async fn of_agent(
    db: &mut PgConnection,
    token: &Token,
    change: &str,
    by: Option<&str>,
    at: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    let Some(agent) = &token.agent else {
        return Ok(());
    };
    let detail = json!({ "agent": agent, "change": change, "token": token.id });
    let entry = Entry {
        by,
        ..Entry::administration("agent_modified", at, &detail)
    };
    append(db, entry).await
}

fn about(token: &Token) -> Value {
    json!({
        "id": token.id,
        "name": token.name,
        "kind": token.kind,
        "user": token.user,
        "agent": token.agent,
    })
}

fn stamp(at: Option<OffsetDateTime>) -> Value {
    at.and_then(|at| at.format(&Rfc3339).ok()).into()
}
