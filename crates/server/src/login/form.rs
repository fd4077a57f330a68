//! The fields of a posted form.

use axum::extract::Request;
use http::StatusCode;
use http::header::CONTENT_TYPE;

use super::Login;
use super::problem::Problem;
use crate::door::body::{self, Fault};

/// More than the longest name and password.
const LIMIT: u64 = 16 * 1024;

/// A form's fields, in their order.
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads a small form.
    pub(crate) async fn read(login: &Login, request: Request) -> Result<Self, Problem> {
        let (head, body) = request.into_parts();
        let kind = head.headers.get(CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or("");
        let kind = kind.split(';').next().unwrap_or("").trim();
        if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(Problem::Form(StatusCode::UNSUPPORTED_MEDIA_TYPE));
        }
        let bytes = body::read(&head.headers, body, LIMIT, login.0.body_idle).await;
        let bytes = bytes.map_err(|fault| {
            Problem::Form(match fault {
                Fault::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
                Fault::Stalled => StatusCode::REQUEST_TIMEOUT,
                Fault::Cut => StatusCode::BAD_REQUEST,
            })
        })?;
        let fields = form_urlencoded::parse(&bytes).into_owned();
        Ok(Self(fields.collect()))
    }

    /// The text of a field; empty if it is missing.
    pub(crate) fn take(&mut self, name: &str) -> String {
        let field = self.0.iter_mut().find(|(key, _)| key == name);
        field
            .map(|(_, value)| std::mem::take(value))
            .unwrap_or_default()
    }
}
