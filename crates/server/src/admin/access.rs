//! `/admin/access`: tokens and users. Everybody who is signed in sees them; admins
//! change them. A new token's text, and a new link, is shown on the answer to the
//! form that made it and never again.

use std::fmt::Write as _;

use axum::extract::{Request, State};
use axum::response::Response;
use http::HeaderMap;
use systemprompt_domain::TokenKind;
use systemprompt_storage::tokens::{self, NewToken, Token, TokenState, TokensError};
use systemprompt_storage::users::{self, NewUser, Role, Session, User, UserName, UsersError};
use time::{Duration, OffsetDateTime};

use super::State as Shared;
use super::form::{Told, act, tell};
use super::frame::{escaped, moment, plain};
use crate::login::{Form, Problem, Visitor, page};

/// How long a replaced token goes on, so that its holders can change over.
const OVERLAP: Duration = Duration::HOUR;
/// The longest a token may last where an end is asked for, in days.
const LONGEST: i64 = 3_650;

/// `GET /admin/access`
pub(super) async fn show(
    State(shared): State<Shared>,
    visitor: Visitor,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let session = shared.admin.0.login.session(&visitor).await?;
    let session = session.ok_or(Problem::SignedOut)?;
    answer(&shared, &session, &headers, Told::Nothing).await
}

/// Who sends a form, and what is in it: an admin, or there is nothing here.
pub(super) async fn admin(
    shared: &Shared,
    visitor: &Visitor,
    request: Request,
) -> Result<(Session, Form, HeaderMap), Problem> {
    let login = &shared.admin.0.login;
    let session = login.session(visitor).await?.ok_or(Problem::SignedOut)?;
    if session.role != Role::Admin {
        return Err(Problem::NotAdmin);
    }
    let headers = request.headers().clone();
    let form = Form::read(login, request).await?;
    Ok((session, form, headers))
}

/// `POST /admin/tokens/create`
pub(super) async fn create_token(
    State(shared): State<Shared>,
    visitor: Visitor,
    request: Request,
) -> Result<Response, Problem> {
    let (session, mut form, headers) = admin(&shared, &visitor, request).await?;
    let (name, user, agent) = (form.take("name"), form.take("user"), form.take("agent"));
    let (kind, days) = (form.take("kind"), form.take("days"));
    let now = OffsetDateTime::now_utc();
    let told = match (kind.parse::<TokenKind>(), expiry(&days, now)) {
        (Ok(kind), Ok(expires_at)) => {
            let new = NewToken {
                kind,
                name: name.trim(),
                user: Some(user.trim()).filter(|user| !user.is_empty()),
                agent: Some(agent.trim()).filter(|agent| !agent.is_empty()),
                expires_at,
            };
            let by = Some(&*session.user);
            match tokens::create(&shared.admin.0.control, new, by, now).await {
                Ok(issued) => Told::Secret {
                    title: format!("The token {}", issued.token.name),
                    text: issued.text.expose().to_owned(),
                    about: "Copy it now: it is not kept and cannot be shown again.",
                },
                Err(error) => refused(error)?,
            }
        }
        (Err(error), _) => Told::Refused(error.to_string()),
        (_, Err(text)) => Told::Refused(text),
    };
    shared.admin.0.live.touch("access");
    answer(&shared, &session, &headers, told).await
}

/// When a token ends that lasts so many days; empty: never.
fn expiry(days: &str, now: OffsetDateTime) -> Result<Option<OffsetDateTime>, String> {
    match days.trim() {
        "" => Ok(None),
        text => {
            let days = text.parse::<i64>().ok();
            let days = days.filter(|days| (1..=LONGEST).contains(days));
            let days =
                days.ok_or_else(|| format!("a token lasts 1 to {LONGEST} days, not \"{text}\""))?;
            Ok(now.checked_add(Duration::days(days)))
        }
    }
}

/// `POST /admin/tokens/rotate`
pub(super) async fn rotate_token(
    State(shared): State<Shared>,
    visitor: Visitor,
    request: Request,
) -> Result<Response, Problem> {
    let (session, mut form, headers) = admin(&shared, &visitor, request).await?;
    let name = form.take("name");
    let now = OffsetDateTime::now_utc();
    let by = Some(&*session.user);
    let rotated = tokens::rotate(&shared.admin.0.control, &name, OVERLAP, None, by, now).await;
    let told = match rotated {
        Ok(rotated) => Told::Secret {
            title: format!("The new token {}", rotated.new.token.name),
            text: rotated.new.text.expose().to_owned(),
            about: "Copy it now: it cannot be shown again. The old one works for another hour.",
        },
        Err(error) => refused(error)?,
    };
    shared.admin.0.live.touch("access");
    answer(&shared, &session, &headers, told).await
}

/// `POST /admin/tokens/revoke`
pub(super) async fn revoke_token(
    State(shared): State<Shared>,
    visitor: Visitor,
    request: Request,
) -> Result<Response, Problem> {
    let (session, mut form, headers) = admin(&shared, &visitor, request).await?;
    let name = form.take("name");
    let now = OffsetDateTime::now_utc();
    let by = Some(&*session.user);
    let told = match tokens::revoke(&shared.admin.0.control, &name, by, now).await {
        Ok(revoked) => Told::Done(match revoked.len() {
            1 => format!("{} is revoked.", revoked[0].name),
            n => format!("{n} tokens called {name} are revoked."),
        }),
        Err(error) => refused(error)?,
    };
    shared.admin.0.live.touch("access");
    answer(&shared, &session, &headers, told).await
}

/// What was wrong with a form about a token.
fn refused(error: TokensError) -> Result<Told, Problem> {
    match error {
        TokensError::Database(error) => Err(Problem::Users(UsersError::Database(error))),
        error => Ok(Told::Refused(error.to_string())),
    }
}

/// `POST /admin/users/invite`: makes a user if there is none, and a link for them.
pub(super) async fn invite_user(
    State(shared): State<Shared>,
    visitor: Visitor,
    request: Request,
) -> Result<Response, Problem> {
    let (session, mut form, headers) = admin(&shared, &visitor, request).await?;
    let (name, role) = (form.take("name"), form.take("role"));
    let now = OffsetDateTime::now_utc();
    let told = match name.parse::<UserName>() {
        Ok(name) => {
            let db = &shared.admin.0.control;
            let new = NewUser {
                name: &name,
                role: if role == "admin" {
                    Role::Admin
                } else {
                    Role::Viewer
                },
                password_hash: None,
            };
            let made = match form.take("again").is_empty() {
                true => users::create(db, new, &session.user, now).await,
                false => Ok(()),
            };
            let link = match made {
                Ok(()) => users::invite(db, &name, &session.user, now).await,
                Err(error) => Err(error),
            };
            match link {
                Ok(key) => Told::Secret {
                    title: format!("The link for {name}"),
                    text: format!("{}/admin/setup?key={}", site(&headers), key.expose()),
                    about: "Send it to them: whoever opens it within a day chooses the password. It cannot be shown again.",
                },
                Err(UsersError::Database(error)) => return Err(UsersError::Database(error).into()),
                Err(error) => Told::Refused(error.to_string()),
            }
        }
        Err(error) => Told::Refused(error.to_string()),
    };
    shared.admin.0.live.touch("access");
    answer(&shared, &session, &headers, told).await
}

/// `POST /admin/users/switch`: lets somebody in no more, or again.
pub(super) async fn switch_user(
    State(shared): State<Shared>,
    visitor: Visitor,
    request: Request,
) -> Result<Response, Problem> {
    let (session, mut form, headers) = admin(&shared, &visitor, request).await?;
    let (name, disable) = (form.take("name"), form.take("disable") == "yes");
    let now = OffsetDateTime::now_utc();
    let told = match name.parse::<UserName>() {
        Ok(name) if name.as_str() == session.user => {
            Told::Refused("You would lock yourself out; somebody else has to do that.".to_owned())
        }
        Ok(name) => {
            let db = &shared.admin.0.control;
            match users::set_disabled(db, &name, disable, &session.user, now).await {
                Ok(_) if disable => Told::Done(format!(
                    "{name} is signed out everywhere and cannot sign in."
                )),
                Ok(_) => Told::Done(format!("{name} may sign in again.")),
                Err(UsersError::Database(error)) => return Err(UsersError::Database(error).into()),
                Err(error) => Told::Refused(error.to_string()),
            }
        }
        Err(error) => Told::Refused(error.to_string()),
    };
    shared.admin.0.live.touch("access");
    answer(&shared, &session, &headers, told).await
}

/// Where this server is for whoever sent the form: where the form says it came from.
fn site(headers: &HeaderMap) -> String {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let origin = text("origin").filter(|origin| origin.starts_with("http"));
    let host = || format!("http://{}", text("host").unwrap_or("localhost"));
    origin.map_or_else(host, str::to_owned)
}

async fn answer(
    shared: &Shared,
    session: &Session,
    headers: &HeaderMap,
    told: Told,
) -> Result<Response, Problem> {
    let inner = &*shared.admin.0;
    let now = OffsetDateTime::now_utc();
    let listed = tokens::list(&inner.control).await;
    let listed = listed.map_err(|error| match error {
        TokensError::Database(error) => Problem::Users(UsersError::Database(error)),
        _ => Problem::Missing,
    })?;
    let people = users::list(&inner.control, now).await?;
    let admin = session.role == Role::Admin;
    let mut body = String::new();
    let status = tell(&mut body, &told);
    if admin {
        body.push_str(NEW_TOKEN);
        body.push_str(NEW_USER);
    } else {
        body.push_str("<section class=\"panel w6\"><p>You may look; admins change tokens and users.</p></section>");
    }
    token_table(&mut body, &listed, admin, now);
    user_table(&mut body, &people, admin, session);
    let about = "Who may use this server, and with what";
    let frame = plain(
        "access",
        "Tokens & users",
        about,
        session,
        headers,
        inner.demo,
        &body,
    );
    Ok(page(status, &frame))
}

const NEW_TOKEN: &str = "<section class=\"panel w3\" aria-labelledby=\"new-token\"><header><h2 id=\"new-token\">New token</h2></header>\
<form method=\"post\" action=\"/admin/tokens/create\" class=\"fields\">\
<label>Name <input name=\"name\" maxlength=\"100\" required autocomplete=\"off\" spellcheck=\"false\"></label>\
<label>For <select name=\"kind\"><option value=\"gw\">Gateway: send AI requests</option><option value=\"agt\">Agent: send requests as one agent</option>\
<option value=\"rd\">Read: ask questions</option><option value=\"ing\">Ingest: report events</option><option value=\"adm\">Admin: everything</option></select></label>\
<label>User <input name=\"user\" autocomplete=\"off\" spellcheck=\"false\"></label>\
<label>Agent <input name=\"agent\" autocomplete=\"off\" spellcheck=\"false\"></label>\
<label>Ends after days <input name=\"days\" inputmode=\"numeric\" autocomplete=\"off\"></label>\
<button>Make token</button></form></section>";

const NEW_USER: &str = "<section class=\"panel w3\" aria-labelledby=\"new-user\"><header><h2 id=\"new-user\">New user</h2></header>\
<form method=\"post\" action=\"/admin/users/invite\" class=\"fields\">\
<label>Name or e-mail address <input name=\"name\" required autocomplete=\"off\" autocapitalize=\"none\" spellcheck=\"false\"></label>\
<label>May <select name=\"role\"><option value=\"viewer\">look (viewer)</option><option value=\"admin\">change tokens and users (admin)</option></select></label>\
<button>Make a link</button></form><p class=\"soft\">Whoever opens the link chooses the password.</p></section>";

fn token_table(out: &mut String, listed: &[Token], admin: bool, now: OffsetDateTime) {
    out.push_str("<section class=\"panel w6\" aria-labelledby=\"tokens-h\"><header><h2 id=\"tokens-h\">Tokens</h2></header>");
    if listed.is_empty() {
        out.push_str("<div class=\"empty\"><p>No token was issued. Until there is one, this server answers its own machine without.</p></div></section>");
        return;
    }
    out.push_str(
        "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Tokens\"><table><thead><tr>\
         <th scope=\"col\">Name</th><th scope=\"col\">State</th><th scope=\"col\">Begins with</th><th scope=\"col\">Scopes</th><th scope=\"col\">User</th>\
         <th scope=\"col\">Agent</th><th scope=\"col\">Made (UTC)</th><th scope=\"col\">Used</th><th scope=\"col\">Ends</th><th scope=\"col\"><span class=\"hide\">Change</span></th></tr></thead><tbody>",
    );
    for token in listed {
        let state = token.state(now);
        let tone = match state {
            TokenState::Live => "good",
            TokenState::Replaced => "warn",
            _ => "plain",
        };
        let scopes: Vec<&str> = token.scopes.iter().map(|scope| scope.as_str()).collect();
        let when = |at: Option<OffsetDateTime>| at.map_or("–".to_owned(), moment);
        let optional = |text: &Option<String>| text.as_deref().map_or("–".to_owned(), escaped);
        let _ = write!(
            out,
            "<tr><td><strong>{}</strong></td><td><span class=\"tag {tone}\">{}</span></td><td><code>{}…</code></td><td>{}</td><td>{}</td><td>{}</td>\
             <td class=\"t\">{}</td><td class=\"t\">{}</td><td class=\"t\">{}</td><td class=\"acts\">",
            escaped(&token.name),
            state.as_str(),
            escaped(&token.visible),
            scopes.join(", "),
            optional(&token.user),
            optional(&token.agent),
            moment(token.created_at),
            when(token.last_used_at),
            when(token.expires_at),
        );
        if admin && state == TokenState::Live {
            act(
                out,
                "/admin/tokens/rotate",
                "Rotate",
                &[("name", &token.visible)],
                &token.name,
            );
        }
        if admin && matches!(state, TokenState::Live | TokenState::Replaced) {
            act(
                out,
                "/admin/tokens/revoke",
                "Revoke",
                &[("name", &token.visible)],
                &token.name,
            );
        }
        out.push_str("</td></tr>");
    }
    out.push_str("</tbody></table></div></section>");
}

fn user_table(out: &mut String, people: &[User], admin: bool, own: &Session) {
    out.push_str(
        "<section class=\"panel w6\" aria-labelledby=\"users-h\"><header><h2 id=\"users-h\">Users</h2></header>\
         <div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Users\"><table><thead><tr>\
         <th scope=\"col\">Name</th><th scope=\"col\">Role</th><th scope=\"col\">State</th><th scope=\"col\" class=\"n\">Browsers</th>\
         <th scope=\"col\">Made (UTC)</th><th scope=\"col\">Signed in last</th><th scope=\"col\"><span class=\"hide\">Change</span></th></tr></thead><tbody>",
    );
    for user in people {
        let (state, tone) = match (user.disabled_at, user.password_set_at) {
            (Some(_), _) => ("disabled", "bad"),
            (None, None) => ("invited", "warn"),
            (None, Some(_)) => ("active", "good"),
        };
        let _ = write!(
            out,
            "<tr><td><strong>{}</strong></td><td>{}</td><td><span class=\"tag {tone}\">{state}</span></td><td class=\"n\">{}</td>\
             <td class=\"t\">{}</td><td class=\"t\">{}</td><td class=\"acts\">",
            escaped(&user.name),
            user.role.as_str(),
            user.sessions,
            moment(user.created_at),
            user.last_login_at.map_or("–".to_owned(), moment),
        );
        if admin && user.name != own.user {
            let disabled = user.disabled_at.is_some();
            let (word, yes) = if disabled {
                ("Enable", "no")
            } else {
                ("Disable", "yes")
            };
            act(
                out,
                "/admin/users/switch",
                word,
                &[("name", &user.name), ("disable", yes)],
                &user.name,
            );
            if !disabled {
                act(
                    out,
                    "/admin/users/invite",
                    "New link",
                    &[("name", &user.name), ("again", "yes")],
                    &user.name,
                );
            }
        }
        out.push_str("</td></tr>");
    }
    out.push_str("</tbody></table></div></section>");
}
