//! The analytics server over streamable HTTP: every request by itself, answered
//! in JSON, so that any server of several can answer any of them.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use serde_json::{Value, json};

use crate::analytics::Analytics;

/// Most bytes of a message. Questions are small.
pub const LONGEST: usize = 1 << 20;

/// Pages that this machine serves to itself.
const OWN_ORIGINS: [&str; 3] = ["http://localhost:*", "http://127.0.0.1:*", "http://[::1]:*"];

/// What answers.
pub type Reply = Response<BoxBody<Bytes, Infallible>>;

/// The names under which the server may be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hosts {
    /// Those of the machine itself: a page that a browser on it shows must not
    /// reach the server by a name of its own.
    Loopback,
    /// Whatever leads here; a token is needed anyway.
    Any,
}

/// Answers requests for MCP. Clones are the same.
#[derive(Clone)]
pub struct HttpEndpoint(StreamableHttpService<Analytics, NeverSessionManager>);

impl std::fmt::Debug for HttpEndpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpEndpoint").finish_non_exhaustive()
    }
}

impl HttpEndpoint {
    /// Answers with `analytics`. Pages of other sites are refused.
    #[must_use]
    pub fn new(analytics: Analytics, hosts: Hosts) -> Self {
        let config = StreamableHttpServerConfig::default()
            .with_legacy_session_mode(false)
            .with_json_response(true)
            .with_max_request_body_bytes(LONGEST)
            .enforce_origin_validation();
        let config = match hosts {
            Hosts::Loopback => config.with_allowed_origins(OWN_ORIGINS),
            Hosts::Any => config.disable_allowed_hosts(),
        };
        let factory = move || Ok(analytics.clone());
        Self(StreamableHttpService::new(
            factory,
            Arc::new(NeverSessionManager::default()),
            config,
        ))
    }

    /// Answers one request, which carries its [`Caller`](crate::Caller) as an
    /// extension.
    pub async fn answer<B>(&self, request: Request<B>) -> Reply
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        if request.method() != Method::POST {
            let mut reply = refuse(
                StatusCode::METHOD_NOT_ALLOWED,
                -32600,
                "messages are sent by POST",
            );
            let allow = HeaderValue::from_static("POST");
            reply.headers_mut().insert(ALLOW, allow);
            return reply;
        }
        let (head, body) = request.into_parts();
        let message = match Limited::new(body, LONGEST).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => {
                let text = "a message has at most 1 MiB";
                return refuse(StatusCode::PAYLOAD_TOO_LARGE, -32600, text);
            }
            Err(_) => {
                return refuse(
                    StatusCode::BAD_REQUEST,
                    -32700,
                    "the message did not arrive",
                );
            }
        };
        // What is no message at all has its own code, which the library does
        // not give.
        match serde_json::from_slice::<Value>(&message) {
            Err(error) => {
                let text = format!("this is no JSON: {error}");
                refuse(StatusCode::BAD_REQUEST, -32700, &text)
            }
            Ok(Value::Object(_)) => {
                let request = Request::from_parts(head, Full::new(message));
                self.0.handle(request).await
            }
            Ok(Value::Array(_)) => {
                let text = "messages are sent one by one";
                refuse(StatusCode::BAD_REQUEST, -32600, text)
            }
            Ok(_) => refuse(
                StatusCode::BAD_REQUEST,
                -32600,
                "a message is a JSON object",
            ),
        }
    }
}

/// An error of JSON-RPC that answers no message in particular.
fn refuse(status: StatusCode, code: i32, text: &str) -> Reply {
    let body = json!({"jsonrpc": "2.0", "id": null, "error": {"code": code, "message": text}});
    let mut reply = Response::new(Full::new(Bytes::from(body.to_string())).boxed());
    *reply.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    reply.headers_mut().insert(CONTENT_TYPE, json);
    reply
}
