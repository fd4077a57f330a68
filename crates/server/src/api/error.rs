//! Refusals and failures as `{"error": {"message", "parameter"}}`. Clients see
//! the rule they broke, never our cause; that is logged, once, here.

use axum::Json;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use systemprompt_reporting as reporting;
use systemprompt_storage::took_too_long;

/// Why a question is not answered over HTTP, or a report not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ApiError {
    status: StatusCode,
    message: String,
    parameter: Option<String>,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            parameter: None,
        }
    }

    /// 400: the question cannot be asked like this.
    pub(super) fn usage(message: String, parameter: Option<String>) -> Self {
        Self {
            parameter,
            ..Self::new(StatusCode::BAD_REQUEST, message)
        }
    }

    /// 401: nobody decided what the caller may see.
    pub(super) fn no_scope() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "this needs a token with the scope read",
        )
    }

    /// 401: nobody stands behind what is reported.
    pub(super) fn no_ingest() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "this needs a token with the scope ingest",
        )
    }

    /// 403: the caller sees one agent, and this is about all.
    pub(super) fn about_all() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "reports are about all agents: this needs a token that is not one agent's",
        )
    }

    /// 500: a file is there, and cannot be read.
    pub(super) fn unread(error: &std::io::Error) -> Self {
        tracing::error!(%error, "a file cannot be read");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the file cannot be read; the server's log says why",
        )
    }

    /// 500 or 503: the file was not handed out, as that cannot be recorded.
    pub(super) fn not_recorded(error: &sqlx::Error) -> Self {
        tracing::error!(%error, "a file was not handed out: that cannot be recorded");
        let status = match is_passing(error) {
            true => StatusCode::SERVICE_UNAVAILABLE,
            false => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, "the audit trail cannot be written; ask again soon")
    }

    /// 404: there is no such thing.
    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// 405: questions are asked with GET.
    pub(super) fn method() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "questions are asked with GET",
        )
    }

    /// 500: the answer is there, and cannot be written down.
    pub(super) fn unwritten(error: &std::io::Error) -> Self {
        tracing::error!(%error, "an answer cannot be written as a file");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the answer cannot be written; the server's log says why",
        )
    }

    /// 500 or 503, by whether sending the events again may help. Nothing of them
    /// was stored, or all of it: either way they may be sent again.
    pub(super) fn not_stored(error: &sqlx::Error) -> Self {
        if is_passing(error) {
            tracing::warn!(%error, "reported events were not stored: the database is not available");
            Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "the database is not available; send the events again soon",
            )
        } else {
            tracing::error!(%error, "reported events were not stored");
            Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the events were not stored; the server's log says why",
            )
        }
    }

    /// 503: reported requests have no room on disk.
    pub(super) fn no_room() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "requests cannot be recorded at the moment; send the events again soon",
        )
    }

    /// 500 or 503, by whether asking again may help.
    fn database(error: &sqlx::Error) -> Self {
        if took_too_long(error) {
            tracing::warn!("a question was not answered: its statement took too long");
            Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "the answer takes too long to find; ask about a shorter period, or ask again",
            )
        } else if is_passing(error) {
            tracing::warn!(%error, "a question was not answered: the database is not available");
            Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "the database is not available; ask again soon",
            )
        } else {
            tracing::error!(%error, "a question failed");
            Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the question failed; the server's log says why",
            )
        }
    }
}

/// Whether the trouble lies with the connection, the load or a restart rather
/// than with the question.
fn is_passing(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed => true,
        // Connection lost, a transaction in another's way, resources, locks,
        // operator intervention (a statement that took too long among them).
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            ["08", "40", "53", "55", "57"]
                .iter()
                .any(|class| code.starts_with(class))
        }),
        _ => false,
    }
}

impl From<reporting::Error> for ApiError {
    fn from(error: reporting::Error) -> Self {
        match error {
            reporting::Error::Usage(message) => Self::usage(message, None),
            reporting::Error::NotFound(message) => Self::not_found(message),
            reporting::Error::Database(error) => Self::database(&error),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut error = json!({ "message": self.message });
        if let Some(parameter) = self.parameter {
            error["parameter"] = Value::String(parameter);
        }
        let mut response = (self.status, Json(json!({ "error": error }))).into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from_static("2"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_that_passes_is_told_from_ours() {
        let status = |error| ApiError::from(reporting::Error::Database(error)).status;
        assert_eq!(
            status(sqlx::Error::PoolTimedOut),
            StatusCode::SERVICE_UNAVAILABLE
        );
        assert_eq!(
            status(sqlx::Error::RowNotFound),
            StatusCode::INTERNAL_SERVER_ERROR
        );
    }

    #[test]
    fn causes_stay_inside() {
        let secret = std::io::Error::other("password=hunter2");
        let error = ApiError::from(reporting::Error::Database(sqlx::Error::Io(secret)));
        assert!(!error.message.contains("hunter2"), "{}", error.message);
    }
}
