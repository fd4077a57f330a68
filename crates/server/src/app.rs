//! The routes, grouped by who calls them.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{any, get};
use http::StatusCode;
use systemprompt_config::Scope;

use crate::api::{self, ApiState};
use crate::auth::{Auth, Refusal, bearer};
use crate::gateway::{self, Gateway};
use crate::health::{self, Health};

/// Puts the server together.
pub(crate) fn router(auth: Auth, gateway: Gateway, health: Health, api: ApiState) -> Router {
    let questions = api::router(api).layer(middleware::from_fn_with_state(auth, reader));
    Router::new()
        .route("/", get(|| async { Redirect::to("/api/docs") }))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz).with_state(health))
        .merge(questions)
        .merge(api::description())
        .fallback_service(any(gateway::handle).with_state(gateway))
}

/// Lets readers of the API in, each with the scope of its token.
async fn reader(
    State(auth): State<Auth>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    mut request: Request,
    next: Next,
) -> Response {
    let headers = request.headers();
    match auth.identify(headers, peer, bearer(headers), Scope::Read) {
        Ok(identity) => {
            request.extensions_mut().insert(identity.reads());
            next.run(request).await
        }
        Err(refusal) => {
            let status = match refusal {
                Refusal::Scope => StatusCode::FORBIDDEN,
                _ => StatusCode::UNAUTHORIZED,
            };
            let body = serde_json::json!({"error": {"message": refusal.to_string()}});
            (status, axum::Json(body)).into_response()
        }
    }
}
