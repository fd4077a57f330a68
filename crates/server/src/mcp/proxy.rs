//! `/mcp/{server}`: a transparent proxy to MCP servers that records tool calls.
//!
//! One request: what it must not be ([`request`]) → what it calls
//! ([`systemprompt_meters::rpc`]) → room on disk for what it records → upstream →
//! bytes stream back while a reader looks at them ([`relay`]) → `tool_called` on
//! disk → the last bytes leave. A client that leaves ends its call: over HTTP that
//! is how calls are taken back.

mod definitions;
mod errors;
mod relay;
mod request;
mod sessions;
mod watch;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use axum::routing::{MethodRouter, any};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use systemprompt_capture::{Admission, Recorder};
use systemprompt_config::{Limits, McpServer, Profile};
use systemprompt_domain::Scope;
use systemprompt_domain::text::bounded;
use systemprompt_domain::trace::TraceParent;
use systemprompt_mcp::Hosts;
use systemprompt_meters::rpc::{Message, Sent, read_message};

use self::definitions::Definitions;
use self::errors::ProxyError;
use self::relay::Relay;
use self::sessions::{Sessions, Underway};
use self::watch::{About, End, Watch};
use crate::asked::Asked;
use crate::auth::Identity;
use crate::door::body::{self, Fault};
use crate::gateway::passed;
use crate::refusals::Denied;
use crate::shutdown::Shutdown;

/// The largest message of a client.
const MESSAGE: u64 = 4 << 20;
/// Room set aside on disk for what one call records. Everything that goes into
/// its event is bounded so that it fits.
const ROOM: u64 = 16 * 1024;
/// How long a burst may wait for another segment to be prepared.
const ROOM_PATIENCE: Duration = Duration::from_millis(500);

/// Passes MCP on. Clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Proxy(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    servers: BTreeMap<String, McpServer>,
    client: reqwest::Client,
    /// `None` while analytics is off: messages pass and nothing is recorded.
    recorder: Option<Recorder>,
    asked: Asked,
    definitions: Definitions,
    sessions: Sessions,
    underway: Underway,
    limits: Limits,
    hosts: Hosts,
    shutdown: Shutdown,
}

/// What [`Proxy::new`] takes besides the profile.
pub(crate) struct Parts {
    pub(crate) client: reqwest::Client,
    pub(crate) recorder: Option<Recorder>,
    pub(crate) asked: Asked,
    pub(crate) hosts: Hosts,
    pub(crate) shutdown: Shutdown,
}

impl Proxy {
    pub(crate) fn new(profile: &Profile, parts: Parts) -> Self {
        Self(Arc::new(Inner {
            servers: profile.mcp.servers.clone(),
            client: parts.client,
            recorder: parts.recorder,
            asked: parts.asked,
            definitions: Definitions::default(),
            sessions: Sessions::default(),
            underway: Underway::default(),
            limits: profile.limits.clone(),
            hosts: parts.hosts,
            shutdown: parts.shutdown,
        }))
    }
}

/// Answers every request for a server. Each must carry an
/// `Extension<Arc<Identity>>`.
pub(crate) fn answer(proxy: Proxy) -> MethodRouter {
    any(handle).with_state(proxy)
}

async fn handle(
    State(proxy): State<Proxy>,
    Path(name): Path<String>,
    identity: Option<Extension<Arc<Identity>>>,
    request: Request,
) -> Response {
    let Some(Extension(identity)) = identity else {
        return ProxyError::new(StatusCode::FORBIDDEN, -32600, "nobody knows who asks").respond();
    };
    let answer = forward(&proxy.0, &name, &identity, request).await;
    answer.unwrap_or_else(|error| {
        let kind = error.kind;
        let mut response = error.respond();
        Denied::new(Scope::Gateway, kind, Some(identity)).mark(&mut response);
        response
    })
}

async fn forward(
    proxy: &Arc<Inner>,
    name: &str,
    identity: &Identity,
    request: Request,
) -> Result<Response, ProxyError> {
    let Some(server) = proxy.servers.get(name) else {
        let names: Vec<_> = proxy.servers.keys().map(String::as_str).collect();
        let known = match names.as_slice() {
            [] => "none is configured (mcp.servers)".to_owned(),
            names => format!("there are {}", names.join(", ")),
        };
        let name = bounded(name);
        let text = format!("there is no MCP server {name:?} here; {known}");
        return Err(ProxyError::new(StatusCode::NOT_FOUND, -32600, text));
    };
    if !request::comes_from_here(request.headers(), proxy.hosts) {
        let text = "pages of other sites may not use MCP servers through this one";
        return Err(ProxyError::new(StatusCode::FORBIDDEN, -32600, text).named("origin"));
    }
    if proxy.shutdown.stopping.is_cancelled() {
        return Err(ProxyError::stopping());
    }
    let about = about(name, identity, request.headers())?;
    let (head, body) = request.into_parts();
    let mut headers = passed(&head.headers, false);
    // What is read must be plain.
    headers.insert(
        header::ACCEPT_ENCODING,
        HeaderValue::from_static("identity"),
    );
    credential(server, &mut headers);
    let url: reqwest::Url = server.url.parse().map_err(|_| {
        let text = "the address of this MCP server makes no sense";
        ProxyError::new(StatusCode::BAD_GATEWAY, -32603, text)
    })?;
    let mut upstream = reqwest::Request::new(head.method.clone(), url);
    *upstream.headers_mut() = headers;
    match head.method {
        Method::POST => {
            let bytes = read(proxy, &head.headers, body).await?;
            let message = read_message(&bytes).map_err(|_| {
                let text = "this is no message of JSON-RPC";
                ProxyError::new(StatusCode::BAD_REQUEST, -32700, text)
            })?;
            *upstream.body_mut() = Some(bytes.into());
            post(proxy, server, about, &head.headers, message, upstream).await
        }
        Method::GET | Method::DELETE => pass(proxy, server, upstream).await,
        _ => {
            let text = "MCP is spoken with POST, GET and DELETE";
            let error = ProxyError::new(StatusCode::METHOD_NOT_ALLOWED, -32600, text);
            Err(error.allowing("GET, POST, DELETE"))
        }
    }
}

/// Whose message it is.
fn about(name: &str, identity: &Identity, headers: &HeaderMap) -> Result<About, ProxyError> {
    let named = |name: &str| {
        let value = headers.get(name)?.to_str().ok()?.trim();
        (!value.is_empty()).then(|| bounded(value))
    };
    let agent = match named("x-systemprompt-agent") {
        Some(agent) if identity.may_act_for(&agent) => Some(agent),
        Some(agent) => {
            let text = format!("this systemprompt token may not act for the agent {agent:?}");
            let error = ProxyError::new(StatusCode::FORBIDDEN, -32600, text);
            return Err(error.named("systemprompt_agent"));
        }
        None => identity.agent.clone(),
    };
    Ok(About {
        server: name.to_owned(),
        user: identity.user.clone(),
        agent,
        token: identity.token.clone(),
        session: named("x-systemprompt-session"),
        mcp_session: named("mcp-session-id"),
        conversation: named("x-systemprompt-conversation"),
        protocol: named("mcp-protocol-version"),
        trace: headers
            .get("traceparent")
            .and_then(|value| value.to_str().ok()?.parse::<TraceParent>().ok()),
    })
}

/// The key that the server is sent: ours, never a client's.
fn credential(server: &McpServer, headers: &mut HeaderMap) {
    let Some(key) = &server.key else { return };
    let text = match server.header.as_str() {
        "authorization" => format!("Bearer {}", key.expose()),
        _ => key.expose().to_owned(),
    };
    let name = http::HeaderName::try_from(&server.header);
    if let (Ok(name), Ok(mut value)) = (name, HeaderValue::try_from(text)) {
        value.set_sensitive(true);
        headers.insert(name, value);
    }
}

async fn read(proxy: &Inner, headers: &HeaderMap, body: Body) -> Result<Bytes, ProxyError> {
    let idle = proxy.limits.downstream.body_idle_timeout;
    let read = body::read(headers, body, MESSAGE, idle).await;
    read.map_err(|fault| match fault {
        Fault::TooLarge => {
            let text = format!("a message has at most {} MiB", MESSAGE >> 20);
            ProxyError::new(StatusCode::PAYLOAD_TOO_LARGE, -32600, text)
        }
        Fault::Stalled => {
            let text = "the message did not arrive in time";
            ProxyError::new(StatusCode::REQUEST_TIMEOUT, -32600, text)
        }
        Fault::Cut => ProxyError::new(StatusCode::BAD_REQUEST, -32700, "the message broke off"),
    })
}

/// A message of a client, and what it is answered.
async fn post(
    proxy: &Arc<Inner>,
    server: &McpServer,
    about: About,
    headers: &HeaderMap,
    message: Message,
    upstream: reqwest::Request,
) -> Result<Response, ProxyError> {
    request::headers_agree(headers, &message).map_err(|error| match &message.id {
        Some(id) => error.answering(id),
        None => error,
    })?;
    let mut client = None;
    let (mut calls, mut lists) = (Vec::new(), Vec::new());
    for sent in message.sent {
        match sent {
            Sent::Call(call) => calls.push(*call),
            Sent::List(id) => lists.push(id),
            Sent::Initialize(initialized) => client = Some(initialized),
            Sent::Cancelled(id) => proxy.underway.cancel(&about.whose(id)),
        }
    }
    let denied = calls.iter().find(|call| !server.admits(&call.tool));
    let denied = denied.map(|call| {
        let text = format!("the tool {:?} may not be called here", call.tool);
        ProxyError::new(StatusCode::OK, -32602, text).answering(&call.id)
    });
    let only = match (calls.as_slice(), lists.as_slice()) {
        ([call], []) => Some(call.id.clone()),
        ([], [id]) => Some(id.clone()),
        _ => None,
    };
    let answering = |error: ProxyError| match &only {
        Some(id) => error.answering(id),
        None => error,
    };
    let admission = match &proxy.recorder {
        Some(recorder) if !calls.is_empty() => {
            let room = ROOM * calls.len() as u64;
            Some(admit(recorder, room).await.map_err(answering)?)
        }
        _ => None,
    };
    let begun = Instant::now();
    let mut watch = Watch::begin(proxy, about, calls, lists, begun, admission);
    if let Some(denied) = denied {
        watch.end(&End::Denied);
        return Err(denied);
    }
    // Whoever stops the server waits for calls under way.
    let work = proxy.shutdown.work.token();
    let answer = tokio::select! {
        answer = tokio::time::timeout(server.timeout, proxy.client.execute(upstream)) => answer,
        () = proxy.shutdown.cut.cancelled() => {
            watch.end(&End::Stopped);
            return Err(answering(ProxyError::stopping()));
        }
    };
    let response = match answer {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => {
            watch.end(&End::Unreachable);
            return Err(answering(errors::unreachable(&error)));
        }
        Err(_) => {
            watch.end(&End::Timeout);
            let text = "the MCP server did not answer in time";
            tracing::warn!(server = watch.server(), "{text}");
            let error = ProxyError::new(StatusCode::GATEWAY_TIMEOUT, errors::TIMEOUT, text);
            return Err(answering(error));
        }
    };
    if let Some(error) = errors::refused(&response) {
        watch.end(&End::Http(response.status()));
        return Err(answering(error));
    }
    if let (Some(client), Some(session)) = (client, response.headers().get("mcp-session-id")) {
        proxy.sessions.remember(session, client);
    }
    watch.head(&response);
    let idle = Some(server.idle_timeout);
    let ends_with = proxy.shutdown.cut.clone();
    let keep_list = server.is_selective() && watch.is_of_a_list();
    let (head, body) = relay::split(response);
    if keep_list {
        return relay::selected(server, head, body, watch, server.idle_timeout).await;
    }
    let relay = Relay::new(body, Some(watch), idle, ends_with, Some(work));
    Ok(Response::from_parts(head, Body::new(relay)))
}

/// A stream, or the end of a session: passed on and not looked at.
async fn pass(
    proxy: &Arc<Inner>,
    server: &McpServer,
    upstream: reqwest::Request,
) -> Result<Response, ProxyError> {
    let answer = tokio::time::timeout(server.timeout, proxy.client.execute(upstream)).await;
    let response = match answer {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => return Err(errors::unreachable(&error)),
        Err(_) => {
            let text = "the MCP server did not answer in time";
            return Err(ProxyError::new(
                StatusCode::GATEWAY_TIMEOUT,
                errors::TIMEOUT,
                text,
            ));
        }
    };
    if let Some(error) = errors::refused(&response) {
        return Err(error);
    }
    let (head, body) = relay::split(response);
    // Such a stream may be silent for hours, and has no end of its own: clients
    // open another one.
    let stopping = proxy.shutdown.stopping.clone();
    let relay = Relay::new(body, None, None, stopping, None);
    Ok(Response::from_parts(head, Body::new(relay)))
}

/// Sets room aside for what calls record. No room: no call.
async fn admit(recorder: &Recorder, room: u64) -> Result<Admission, ProxyError> {
    let begun = Instant::now();
    loop {
        if let Some(admission) = recorder.admit(room) {
            return Ok(admission);
        }
        if begun.elapsed() > ROOM_PATIENCE {
            let text =
                "tool calls cannot be recorded at the moment, and unrecorded ones do not pass";
            let error = ProxyError::new(StatusCode::SERVICE_UNAVAILABLE, errors::FULL, text);
            return Err(error.retry_after(5));
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
