//! `/mcp`: the questions as tools for agents, each about itself, and for whoever
//! may read everything. The token alone tells who asks: names in headers or in
//! messages change nothing.

mod proxy;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any};
use axum::{Extension, Json};
use http::{HeaderMap, StatusCode};
use systemprompt_domain::Scope;
use systemprompt_mcp::{HttpEndpoint, LONGEST};

pub(crate) use self::proxy::{Parts as ProxyParts, Proxy, answer as forward};
use crate::auth::Identity;
use crate::door::body::{self, Fault};
use crate::refusals::Denied;

/// Answers MCP. Every request must carry an `Extension<Arc<Identity>>`.
pub(crate) fn answer(front: Front) -> MethodRouter {
    any(handle).with_state(front)
}

/// What answers, and how long a message may be silent in the middle.
#[derive(Clone, Debug)]
pub(crate) struct Front {
    pub(crate) endpoint: HttpEndpoint,
    pub(crate) body_idle: Duration,
}

async fn handle(
    State(Front {
        endpoint,
        body_idle,
    }): State<Front>,
    identity: Option<Extension<Arc<Identity>>>,
    request: Request,
) -> Response {
    let who = identity.map(|Extension(identity)| identity);
    let Some(caller) = who.as_ref().and_then(|identity| identity.asks()) else {
        let text = "this systemprompt token names no agent to tell about; `systemprompt admin \
                    token create --kind agt --agent NAME` issues one that does";
        let body = serde_json::json!({"error": {"message": text}});
        let mut refusal = (StatusCode::FORBIDDEN, Json(body)).into_response();
        Denied::new(Scope::Mcp, "no_agent", who).mark(&mut refusal);
        return refusal;
    };
    let (mut head, body) = request.into_parts();
    // Not refused by the length it announces, so that its sender hears of it.
    let body = match body::read(&HeaderMap::new(), body, LONGEST as u64, body_idle).await {
        Ok(body) => body,
        Err(fault) => return unread(&fault),
    };
    head.extensions.insert(caller);
    let request = Request::from_parts(head, Body::from(body));
    let mut answer = endpoint.answer(request).await.map(Body::new);
    // The library refuses pages of other sites.
    Denied::new(Scope::Mcp, "foreign_page", who).mark(&mut answer);
    answer
}

/// A message that did not arrive whole, as JSON-RPC says it.
fn unread(fault: &Fault) -> Response {
    let status = match fault {
        Fault::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Fault::Stalled => StatusCode::REQUEST_TIMEOUT,
        Fault::Cut => StatusCode::BAD_REQUEST,
    };
    let error = serde_json::json!({"code": -32600, "message": fault.to_string()});
    let body = serde_json::json!({"jsonrpc": "2.0", "id": null, "error": error});
    (status, Json(body)).into_response()
}
