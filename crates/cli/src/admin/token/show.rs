//! Tokens on paper: as JSON, as a hint, and whole, once, with how to use them.

use serde_json::{Value, json};
use systemprompt_config::Config;
use systemprompt_domain::TokenKind;
use systemprompt_storage::tokens::{Issued, Token, TokenState};
use time::OffsetDateTime;

use super::super::stamp;
use crate::human::figure::{Precision, moment};
use crate::human::text;

pub(super) fn is_live(token: &Token, now: OffsetDateTime) -> bool {
    matches!(token.state(now), TokenState::Live | TokenState::Replaced)
}

/// What may be shown of a token's text.
pub(super) fn hint(token: &Token) -> String {
    format!("sp_{}_{}…", token.kind, token.visible)
}

/// When a token ends; `None` if it has ended.
pub(super) fn until(token: &Token, now: OffsetDateTime) -> Option<String> {
    let end = token.expires_at.filter(|end| *end > now)?;
    Some(moment(end, Precision::Minute))
}

/// A token as `--json` prints it.
pub(super) fn row(token: &Token, now: OffsetDateTime) -> Value {
    json!({
        "id": token.id.to_string(),
        "name": token.name,
        "kind": token.kind,
        "visible": token.visible,
        "state": token.state(now).as_str(),
        "scopes": token.scopes,
        "user": token.user,
        "agent": token.agent,
        "created_at": stamp(Some(token.created_at)),
        "expires_at": stamp(token.expires_at),
        "last_used_at": stamp(token.last_used_at),
        "revoked_at": stamp(token.revoked_at),
        "replaced_by": token.replaced_by.map(|id| id.to_string()),
    })
}

/// A new token as `--json` prints it: the one place that has its text.
pub(super) fn issued(issued: &Issued, now: OffsetDateTime) -> Value {
    let mut row = row(&issued.token, now);
    row["token"] = json!(issued.text.expose());
    row
}

/// A new token for people, with the line that uses it.
pub(super) fn page(issued: &Issued, config: &Config) -> String {
    let token = &issued.token;
    let name = text::clean(&token.name);
    let end = match token.expires_at {
        Some(end) => format!("until {} UTC", moment(end, Precision::Minute)),
        None => "until it is revoked".to_owned(),
    };
    let base = format!("http://{}", config.profile.server.listen);
    let usage = match token.kind {
        TokenKind::Gateway | TokenKind::Agent => "\
Send it in the header x-systemprompt-token, or where your SDK puts its API key if the
gateway holds the provider's key (ANTHROPIC_API_KEY=$SYSTEMPROMPT_TOKEN and the like)."
            .to_owned(),
        TokenKind::Read | TokenKind::Admin => format!(
            "  curl -H \"Authorization: Bearer $SYSTEMPROMPT_TOKEN\" {base}/api/v1/analytics/overview"
        ),
        TokenKind::Ingest => {
            "Send it as Authorization: Bearer $SYSTEMPROMPT_TOKEN with what you report.".to_owned()
        }
    };
    format!(
        "The token {name} ({}), {end}. It is shown this once:\n\n  \
         export SYSTEMPROMPT_TOKEN={}\n\n{usage}\n",
        token.kind,
        issued.text.expose(),
    )
}
