//! Errors of our own, in the shape of the provider the client believes to talk
//! to, so that its SDK raises the class its users expect.

use axum::body::Body;
use http::{Response, StatusCode, header};
use serde_json::json;
use systemprompt_domain::{RequestId, Wire};

use crate::auth::Refusal;
use crate::door::headers::hardened;

/// An answer that the gateway gives itself.
#[derive(Debug)]
pub(super) struct GatewayError {
    pub(super) status: StatusCode,
    /// Our short name for it; also what the request's row says.
    pub(super) kind: &'static str,
    pub(super) message: String,
    /// Seconds after which trying again makes sense.
    pub(super) retry_after: Option<u32>,
    /// Whether trying again can help at all.
    pub(super) retry: bool,
    /// The budget that stands in the way.
    pub(super) budget: Option<String>,
    /// The request, where it is recorded although it never left.
    pub(super) request: Option<RequestId>,
}

impl GatewayError {
    pub(super) fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        let retry = status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED;
        Self {
            status,
            kind,
            message: message.into(),
            retry_after: None,
            retry,
            budget: None,
            request: None,
        }
    }

    /// Somebody is not let in.
    pub(super) fn refusal(refusal: Refusal) -> Self {
        let error = Self::new(refusal.status(), "systemprompt_token", refusal.to_string());
        if error.retry {
            error.retry_after(2)
        } else {
            error
        }
    }

    /// The server ends and takes nothing on.
    pub(super) fn stopping() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "stopping",
            "the server is stopping",
        )
    }

    pub(super) const fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The error's body in the provider's shape.
    pub(super) fn body(&self, wire: Wire, id: Option<RequestId>) -> serde_json::Value {
        let message = &self.message;
        match wire {
            Wire::Anthropic => json!({
                "type": "error",
                "error": {"type": self.anthropic_type(), "message": message},
                "request_id": id.map(|id| id.to_string()),
            }),
            Wire::OpenAi => json!({
                "error": {
                    "message": message,
                    "type": self.openai_type(),
                    "param": null,
                    "code": self.kind,
                },
            }),
            Wire::Gemini => json!({
                "error": {
                    "code": self.status.as_u16(),
                    "message": message,
                    "status": self.gemini_status(),
                },
            }),
        }
    }

    /// The whole answer.
    pub(super) fn respond(&self, wire: Wire, id: Option<RequestId>) -> Response<Body> {
        let mut response = Response::builder()
            .status(self.status)
            .header(header::CONTENT_TYPE, "application/json");
        if !self.retry {
            response = response.header("x-should-retry", "false");
        }
        if let Some(seconds) = self.retry_after {
            response = response.header(header::RETRY_AFTER, seconds);
        }
        if let Some(request) = self.request {
            response = response.header("x-systemprompt-request-id", request.to_string());
        }
        // A budget's name may hold what a header cannot.
        let budget = self.budget.as_deref().map(http::HeaderValue::from_str);
        if let Some(Ok(budget)) = budget {
            response = response.header("x-systemprompt-budget", budget);
        }
        let body = Body::from(self.body(wire, id.or(self.request)).to_string());
        hardened(response.body(body).expect("every header above is valid"))
    }

    /// The error as a last event of a stream that had begun well.
    pub(super) fn event(&self, wire: Wire, id: RequestId) -> String {
        let body = self.body(wire, Some(id));
        match wire {
            Wire::Anthropic => format!("event: error\ndata: {body}\n\n"),
            Wire::OpenAi | Wire::Gemini => format!("data: {body}\n\n"),
        }
    }

    const fn anthropic_type(&self) -> &'static str {
        match self.status.as_u16() {
            400 | 408 | 413 | 501 => "invalid_request_error",
            401 => "authentication_error",
            403 => "permission_error",
            404 => "not_found_error",
            429 => "rate_limit_error",
            503 => "overloaded_error",
            504 => "timeout_error",
            _ => "api_error",
        }
    }

    const fn openai_type(&self) -> &'static str {
        match self.status.as_u16() {
            401 => "authentication_error",
            403 => "permission_error",
            429 => "rate_limit_exceeded",
            400..=499 | 501 => "invalid_request_error",
            _ => "server_error",
        }
    }

    const fn gemini_status(&self) -> &'static str {
        match self.status.as_u16() {
            401 => "UNAUTHENTICATED",
            403 => "PERMISSION_DENIED",
            404 => "NOT_FOUND",
            429 => "RESOURCE_EXHAUSTED",
            501 => "UNIMPLEMENTED",
            503 => "UNAVAILABLE",
            504 => "DEADLINE_EXCEEDED",
            400..=499 => "INVALID_ARGUMENT",
            _ => "INTERNAL",
        }
    }
}
