//! What can stand in the way of a page, as a page that says what to do.

use std::time::Duration;

use axum::response::{IntoResponse, Redirect, Response};
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
use systemprompt_storage::users::{Busy, UsersError};

use super::page::{Message, page};

/// Why there is no page.
#[derive(Debug)]
pub(crate) enum Problem {
    /// Nobody is signed in.
    SignedOut,
    /// The request does not come from our own pages.
    Foreign,
    /// There is no such page.
    Missing,
    /// Whoever is signed in may look, not change.
    NotAdmin,
    /// The form is none, or not all there.
    Form(StatusCode),
    /// Too many tries.
    Wait(Duration),
    /// Too many passwords are being checked.
    Busy,
    /// A one-time link that cannot be used.
    LinkGone,
    /// The users cannot be read or changed.
    Users(UsersError),
}

impl From<UsersError> for Problem {
    fn from(error: UsersError) -> Self {
        match error {
            UsersError::LinkGone => Self::LinkGone,
            error => Self::Users(error),
        }
    }
}

impl From<Busy> for Problem {
    fn from(_: Busy) -> Self {
        Self::Busy
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, title, text, wait) = match self {
            Self::SignedOut => return Redirect::to("/admin/login").into_response(),
            Self::Foreign => (
                StatusCode::FORBIDDEN,
                "Not from here",
                "This request did not come from this server's own pages, so nothing was changed. \
                 Open the page here and try again."
                    .to_owned(),
                None,
            ),
            Self::Missing => (
                StatusCode::NOT_FOUND,
                "No such page",
                "There is nothing at this address.".to_owned(),
                None,
            ),
            Self::NotAdmin => (
                StatusCode::FORBIDDEN,
                "For admins",
                "You may look at everything; changing who may use this server is for admins. \
                 Nothing was changed."
                    .to_owned(),
                None,
            ),
            Self::Form(status) => (
                status,
                "The form did not arrive",
                "What was sent is not a form of this server, or not all of it came.".to_owned(),
                None,
            ),
            Self::Wait(wait) => (
                StatusCode::TOO_MANY_REQUESTS,
                "Too many tries",
                format!("Signing in failed too often. Try again in {}.", span(wait)),
                Some(wait),
            ),
            Self::Busy => (
                StatusCode::SERVICE_UNAVAILABLE,
                "Just a moment",
                "Too many people are signing in at the same time. Try again in a few seconds."
                    .to_owned(),
                Some(Duration::from_secs(5)),
            ),
            Self::LinkGone => (
                StatusCode::GONE,
                "This link is over",
                "It was used, replaced or is older than a day. Whoever runs this server makes a \
                 new one: systemprompt admin user password NAME"
                    .to_owned(),
                None,
            ),
            Self::Users(error) => {
                tracing::error!(%error, "a page of /admin failed");
                (
                    StatusCode::SERVICE_UNAVAILABLE,
                    "Not at the moment",
                    "The database does not answer. Try again soon; the server's log says more."
                        .to_owned(),
                    Some(Duration::from_secs(5)),
                )
            }
        };
        let text = &text;
        let mut response = page(status, &Message { title, text });
        if let Some(wait) = wait {
            let seconds = HeaderValue::from(wait.as_secs().max(1));
            response.headers_mut().insert(RETRY_AFTER, seconds);
        }
        response
    }
}

/// A wait for people.
fn span(wait: Duration) -> String {
    match wait.as_secs().max(1) {
        1 => "1 second".to_owned(),
        seconds @ 2..=90 => format!("{seconds} seconds"),
        seconds => format!("{} minutes", seconds.div_ceil(60)),
    }
}
