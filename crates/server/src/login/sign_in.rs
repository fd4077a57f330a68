//! `/admin/login`: name and password for a session. Whoever guesses learns
//! nothing but that it was wrong, and waits longer every time.

use askama::Template;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use http::StatusCode;
use http::header::SET_COOKIE;
use systemprompt_storage::users::{self, Attempt, Client, UserName};

use super::form::Form;
use super::page::page;
use super::problem::Problem;
use super::visitor::Visitor;
use super::{Login, cookie};

#[derive(Template)]
#[template(path = "admin/login.html")]
struct SignIn<'a> {
    name: &'a str,
    problem: Option<&'static str>,
}

/// `GET /admin/login`
pub(super) async fn show(
    State(login): State<Login>,
    visitor: Visitor,
) -> Result<Response, Problem> {
    if login.session(&visitor).await?.is_some() {
        return Ok(Redirect::to("/admin").into_response());
    }
    let form = SignIn {
        name: "",
        problem: None,
    };
    Ok(page(StatusCode::OK, &form))
}

/// `POST /admin/login`
pub(super) async fn sign_in(
    State(login): State<Login>,
    visitor: Visitor,
    request: Request,
) -> Result<Response, Problem> {
    let mut form = Form::read(&login, request).await?;
    let (typed, password) = (form.take("name"), form.take("password"));
    let (pool, now) = (&login.0.pool, login.0.clock.now());
    match users::attempt(pool, &typed, &visitor.network, now).await? {
        Attempt::Allowed => {}
        Attempt::Wait(wait) => return Err(Problem::Wait(wait)),
    }
    match login.check(&typed, password, &visitor).await? {
        Ok(response) => Ok(response),
        Err(failure) => {
            let user = failure.user.as_ref().map(UserName::as_str);
            users::failed(pool, user, failure.reason, &visitor.network, now).await?;
            let form = SignIn {
                name: &typed,
                problem: Some("That name and password do not belong together."),
            };
            Ok(page(StatusCode::UNAUTHORIZED, &form))
        }
    }
}

/// Why a login failed. For the audit trail; the browser is told nothing of it.
struct Failure {
    /// The user, if there is one of that name.
    user: Option<UserName>,
    reason: &'static str,
}

impl Login {
    /// Checks a password and begins a session. The same is done for a name that
    /// nobody has.
    async fn check(
        &self,
        typed: &str,
        password: String,
        visitor: &Visitor,
    ) -> Result<Result<Response, Failure>, Problem> {
        let name = typed.parse::<UserName>().ok();
        let known = match &name {
            Some(name) => users::credentials(&self.0.pool, name).await?,
            None => None,
        };
        let stored = known.as_ref().and_then(|known| known.password_hash.clone());
        let passwords = &self.0.passwords;
        let checked = passwords.check(password.clone(), stored.clone()).await?;
        let failed = |user, reason| Ok(Err(Failure { user, reason }));
        let (name, stored) = match (name, known, stored) {
            (Some(name), Some(known), Some(stored)) => match (checked.right, known.disabled) {
                (true, false) => (name, stored),
                (true, true) => return failed(Some(name), "disabled"),
                (false, _) => return failed(Some(name), "wrong_password"),
            },
            (name, Some(_), _) => return failed(name, "no_password"),
            _ => return failed(None, "unknown_user"),
        };
        let Some(response) = self.begin(&name, &stored, visitor).await? else {
            return failed(Some(name), "changed_meanwhile");
        };
        if checked.weak {
            let stronger = passwords.rehash(password).await?;
            users::rehash(&self.0.pool, &name, &stored, &stronger).await?;
        }
        Ok(Ok(response))
    }

    /// Signs a browser in; `None` if the user may not any more.
    pub(super) async fn begin(
        &self,
        user: &UserName,
        password_hash: &str,
        visitor: &Visitor,
    ) -> Result<Option<Response>, Problem> {
        let client = Client {
            user,
            password_hash,
            network: &visitor.network,
            user_agent: visitor.user_agent.as_deref(),
            before: visitor.session.as_deref(),
        };
        let inner = &*self.0;
        let id = users::begin(&inner.pool, client, inner.policy, inner.clock.now()).await?;
        Ok(id.map(|id| {
            let cookie = cookie::set(id.expose(), visitor.secure);
            ([(SET_COOKIE, cookie)], Redirect::to("/admin")).into_response()
        }))
    }
}
