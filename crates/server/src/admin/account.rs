//! `/admin/account`: who is signed in, and where.

use std::fmt::Write as _;

use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};

use super::State as Shared;
use super::frame::{escaped, moment, plain};
use crate::login::{Problem, Visitor, page};

/// `GET /admin/account`
pub(super) async fn show(
    State(shared): State<Shared>,
    visitor: Visitor,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let inner = &*shared.admin.0;
    let own = inner.login.session(&visitor).await?;
    let own = own.ok_or(Problem::SignedOut)?;
    let sessions = inner.login.sessions(&own).await?;
    let mut body = format!(
        "<section class=\"panel w6\"><p>You are signed in as <strong>{}</strong> ({}). While you are, this browser may ask \
         every question of the <a href=\"/api/docs\">API</a>; the command line answers the same ones.</p></section>\
         <section class=\"panel w6\" aria-labelledby=\"where\"><header><h2 id=\"where\">Where you are signed in</h2></header>\
         <div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Where you are signed in\"><table><thead><tr>\
         <th scope=\"col\">Since (UTC)</th><th scope=\"col\">Last seen</th><th scope=\"col\">Until</th>\
         <th scope=\"col\">Network</th><th scope=\"col\">Browser</th></tr></thead><tbody>",
        escaped(&own.user),
        own.role.as_str()
    );
    let several = sessions.len() > 1;
    for session in sessions {
        let this = session.is(&own);
        let seen = match this {
            true => "this browser".to_owned(),
            false => moment(session.last_seen_at),
        };
        let _ = write!(
            body,
            "<tr{}><td class=\"t\">{}</td><td class=\"t\">{seen}</td><td class=\"t\">{}</td><td>{}</td><td class=\"long\">{}</td></tr>",
            if this { " class=\"own\"" } else { "" },
            moment(session.created_at),
            moment(session.expires_at),
            escaped(&session.network),
            escaped(session.user_agent.as_deref().unwrap_or("–"))
        );
    }
    body.push_str("</tbody></table></div><p class=\"note\">Without requests a browser is signed out earlier.</p>");
    if several {
        body.push_str(
            "<form method=\"post\" action=\"/admin/sessions/end\"><button>Sign out everywhere else</button></form>",
        );
    }
    body.push_str("</section>");
    let about = "Who you are here, and on which browsers";
    let frame = plain(
        "account",
        "Signed in",
        about,
        &own,
        &headers,
        inner.demo,
        &body,
    );
    Ok(page(StatusCode::OK, &frame))
}
