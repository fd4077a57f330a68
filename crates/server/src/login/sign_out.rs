//! Signing out: here, or everywhere else.

use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use http::header::SET_COOKIE;
use systemprompt_storage::users;

use super::problem::Problem;
use super::visitor::Visitor;
use super::{Login, cookie};

/// `POST /admin/logout`
pub(super) async fn sign_out(
    State(login): State<Login>,
    visitor: Visitor,
) -> Result<Response, Problem> {
    if let Some(session) = login.session(&visitor).await? {
        users::end(&login.0.pool, &session, login.0.clock.now()).await?;
    }
    let cookie = cookie::clear(visitor.secure);
    Ok(([(SET_COOKIE, cookie)], Redirect::to("/admin/login")).into_response())
}

/// `POST /admin/sessions/end`: the user's other browsers.
pub(super) async fn end_others(
    State(login): State<Login>,
    visitor: Visitor,
) -> Result<Response, Problem> {
    let own = login.session(&visitor).await?.ok_or(Problem::SignedOut)?;
    users::end_others(&login.0.pool, &own, login.0.clock.now()).await?;
    Ok(Redirect::to("/admin/account").into_response())
}
