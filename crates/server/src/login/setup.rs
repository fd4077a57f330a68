//! `/admin/setup`: what one-time links lead to, for the first user of a server
//! and for those who were invited. Opening the page does not use the link.

use askama::Template;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use http::{StatusCode, Uri};
use systemprompt_storage::users::{self, Link, Password, UserName};

use super::Login;
use super::form::Form;
use super::page::page;
use super::problem::Problem;
use super::visitor::Visitor;

#[derive(Template)]
#[template(path = "admin/setup.html")]
struct Setup<'a> {
    key: &'a str,
    /// Whose password is chosen; nobody's yet for the first user.
    user: Option<&'a str>,
    name: &'a str,
    problem: Option<&'a str>,
}

impl<'a> Setup<'a> {
    fn of(link: &'a Link, key: &'a str) -> Self {
        let user = match link {
            Link::First => None,
            Link::Invitation(user) => Some(user.as_str()),
        };
        Self {
            key,
            user,
            name: "",
            problem: None,
        }
    }
}

/// `GET /admin/setup?key=…`
pub(super) async fn show(State(login): State<Login>, uri: Uri) -> Result<Response, Problem> {
    let query = uri.query().unwrap_or_default().as_bytes();
    let key = form_urlencoded::parse(query).find(|(name, _)| name == "key");
    let key = key.map(|(_, key)| key).unwrap_or_default();
    let link = users::look_up(&login.0.pool, &key, login.0.clock.now()).await?;
    Ok(page(StatusCode::OK, &Setup::of(&link, &key)))
}

/// `POST /admin/setup`
pub(super) async fn choose(
    State(login): State<Login>,
    visitor: Visitor,
    request: Request,
) -> Result<Response, Problem> {
    let mut form = Form::read(&login, request).await?;
    let (pool, now) = (&login.0.pool, login.0.clock.now());
    let (key, typed) = (form.take("key"), form.take("name"));
    let link = users::look_up(pool, &key, now).await?;
    let chosen = chosen(&link, &typed, form.take("password"), &form.take("again"));
    let (name, password) = match chosen {
        Ok(chosen) => chosen,
        Err(problem) => {
            let setup = Setup {
                name: &typed,
                problem: Some(&problem),
                ..Setup::of(&link, &key)
            };
            return Ok(page(StatusCode::UNPROCESSABLE_ENTITY, &setup));
        }
    };
    let hash = login.0.passwords.hash(password).await?;
    match link {
        Link::First => users::redeem_first(pool, &key, &name, &hash, now).await?,
        Link::Invitation(_) => users::redeem_invitation(pool, &key, &name, &hash, now).await?,
    }
    let begun = login.begin(&name, &hash, &visitor).await?;
    // A user who is disabled has a password now, and still may not sign in.
    Ok(begun.unwrap_or_else(|| Redirect::to("/admin/login").into_response()))
}

/// The name and the password, or what is wrong with them.
fn chosen(
    link: &Link,
    typed: &str,
    password: String,
    again: &str,
) -> Result<(UserName, Password), String> {
    let name = match link {
        Link::First => typed,
        Link::Invitation(user) => user,
    };
    let name: UserName = name
        .parse()
        .map_err(|error: users::NameError| error.to_string())?;
    if password != again {
        return Err("the passwords differ".to_owned());
    }
    let password = Password::new(password, &name).map_err(|error| error.to_string())?;
    Ok((name, password))
}
