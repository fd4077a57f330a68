//! The proxy's own errors, as errors of JSON-RPC.

use axum::body::Body;
use axum::response::Response;
use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};
use systemprompt_meters::rpc::RpcId;

use crate::door::body::is_stall;

/// The MCP server took too long.
pub(super) const TIMEOUT: i32 = -32001;
/// The MCP server was not reached, or refused us.
pub(super) const UNREACHABLE: i32 = -32002;
/// What would be recorded has no room.
pub(super) const FULL: i32 = -32003;
/// The server stops.
const STOPPING: i32 = -32004;

/// An error that the client is answered.
#[derive(Debug)]
pub(super) struct ProxyError {
    /// The word for it in the audit trail, where it is a refusal.
    pub(super) kind: &'static str,
    status: StatusCode,
    code: i32,
    message: String,
    id: Box<Value>,
    allow: Option<&'static str>,
    retry_after: Option<u16>,
}

impl ProxyError {
    pub(super) fn new(status: StatusCode, code: i32, message: impl Into<String>) -> Self {
        Self {
            kind: "mcp",
            status,
            code,
            message: message.into(),
            id: Box::default(),
            allow: None,
            retry_after: None,
        }
    }

    pub(super) fn stopping() -> Self {
        let text = "the server is stopping; try again in a moment";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, STOPPING, text).retry_after(2)
    }

    /// The answer to this request.
    pub(super) fn answering(self, id: &RpcId) -> Self {
        let id = match id {
            RpcId::Text(text) => Value::from(text.as_str()),
            // As it was written, if it can be; what else would the client know it by?
            RpcId::Number(text) => serde_json::from_str(text).unwrap_or_default(),
        };
        Self {
            id: Box::new(id),
            ..self
        }
    }

    pub(super) fn named(self, kind: &'static str) -> Self {
        Self { kind, ..self }
    }

    pub(super) fn allowing(self, methods: &'static str) -> Self {
        Self {
            allow: Some(methods),
            ..self
        }
    }

    pub(super) fn retry_after(self, seconds: u16) -> Self {
        Self {
            retry_after: Some(seconds),
            ..self
        }
    }

    pub(super) fn respond(self) -> Response {
        let error = json!({"code": self.code, "message": self.message});
        let body = json!({"jsonrpc": "2.0", "id": self.id, "error": error});
        let mut response = Response::new(Body::from(body.to_string()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(methods) = self.allow {
            headers.insert(ALLOW, HeaderValue::from_static(methods));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// The MCP server cannot be reached.
pub(super) fn unreachable(error: &reqwest::Error) -> ProxyError {
    if is_stall(error) {
        let text = "the message did not arrive in time";
        return ProxyError::new(StatusCode::REQUEST_TIMEOUT, -32600, text);
    }
    // The error's text names the address, which may carry a key in its query.
    tracing::warn!(
        connect = error.is_connect(),
        "an MCP server cannot be reached"
    );
    let text = "the MCP server cannot be reached";
    ProxyError::new(StatusCode::BAD_GATEWAY, UNREACHABLE, text)
}

/// An MCP server that refuses the key it is sent, which no client can mend: it
/// must not be asked for another one.
pub(super) fn refused(response: &reqwest::Response) -> Option<ProxyError> {
    (response.status() == StatusCode::UNAUTHORIZED).then(|| {
        let text = "the MCP server refuses the key that it is sent from here; whoever runs this \
                    server has to set its credentials (mcp.servers)";
        ProxyError::new(StatusCode::BAD_GATEWAY, UNREACHABLE, text)
    })
}
