//! The router, built from the table of routes.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{MethodRouter, any, get};
use http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use systemprompt_domain::Scope;
use systemprompt_reporting::Scope as Reads;

use crate::admin::{Dashboard, Live};
use crate::api::content::Content;
use crate::api::files::Files;
use crate::api::{self, ApiState};
use crate::auth::{Auth, Reader, Refusal, Turned, bearer};
use crate::door::headers;
use crate::gateway::{self, Front, Gateway};
use crate::health::{self, Health};
use crate::login::{self, Login};
use crate::mcp;
use crate::metrics;
use crate::otlp;
use crate::refusals::{self, Denied, Refusals};
use crate::routes::{Endpoint, ROUTES, Route};
use crate::web::{self, Paths, Web};

/// What the routes answer from.
pub(crate) struct Parts {
    pub(crate) auth: Auth,
    pub(crate) login: Login,
    pub(crate) dashboard: Dashboard,
    pub(crate) gateway: Gateway,
    pub(crate) health: Health,
    pub(crate) api: ApiState,
    pub(crate) mcp: mcp::Front,
    pub(crate) mcp_proxy: mcp::Proxy,
    pub(crate) events: api::events::Front,
    pub(crate) otlp: otlp::Front,
    pub(crate) live: Live,
    /// `None` while analytics is off.
    pub(crate) content: Option<Content>,
    pub(crate) files: Files,
    /// `None` while page views are not taken.
    pub(crate) web: Option<Web>,
    pub(crate) web_paths: Paths,
    pub(crate) refusals: Refusals,
}

/// Puts the server together.
pub(crate) fn router(parts: &Parts) -> Router {
    let router = ROUTES
        .iter()
        .fold(Router::new(), |router, route| add(router, route, parts));
    router.layer(middleware::from_fn_with_state(
        parts.refusals.clone(),
        refusals::notice,
    ))
}

fn add(router: Router, route: &Route, parts: &Parts) -> Router {
    let guarded = |handler: MethodRouter| match route.scope {
        Some(scope) => {
            let guard = Guard {
                auth: parts.auth.clone(),
                login: parts.login.clone(),
                scope,
            };
            handler.layer(middleware::from_fn_with_state(guard, let_in))
        }
        None => handler,
    };
    let handler = match route.endpoint {
        Endpoint::Home => get(|| async { Redirect::to("/api/docs") }),
        Endpoint::Healthz => get(health::healthz),
        Endpoint::Readyz => get(health::readyz).with_state(parts.health.clone()),
        Endpoint::Metrics => get(metrics::metrics).with_state(parts.health.clone()),
        Endpoint::Question => api::ask(parts.api.clone()),
        Endpoint::Mcp => mcp::answer(parts.mcp.clone()),
        Endpoint::McpProxy => mcp::forward(parts.mcp_proxy.clone()),
        Endpoint::Events => api::events::report(parts.events.clone(), parts.live.clone()),
        Endpoint::Content => api::content::answer(parts.content.clone()),
        Endpoint::File => api::files::answer(parts.files.clone()),
        Endpoint::Otlp(signal) => otlp::take(parts.otlp.clone(), signal),
        Endpoint::Script => web::script(parts.web.as_ref()),
        Endpoint::Collect => web::collect(parts.web.clone()),
        Endpoint::Pixel => web::pixel(parts.web.clone()),
        Endpoint::OpenApi => api::docs_openapi(),
        Endpoint::Docs => api::docs_page(),
        Endpoint::DocsStyle => api::docs_style(),
        Endpoint::Admin(page) => login::answer(page, parts.login.clone()),
        Endpoint::Dashboard(place) => parts.dashboard.answer(place),
        Endpoint::Gateway => {
            let gateway = parts.gateway.clone();
            let scope = route.scope.expect("the gateway's route names a scope");
            let front = Front { gateway, scope };
            return router.fallback_service(any(gateway::handle).with_state(front));
        }
    };
    let handler = guarded(handler).layer(middleware::map_response(headers::harden));
    let path = match route.endpoint {
        Endpoint::Script => &parts.web_paths.script,
        Endpoint::Collect => &parts.web_paths.collect,
        Endpoint::Pixel => &parts.web_paths.pixel,
        _ => route.path,
    };
    router.route(path, handler)
}

/// What stands before a route.
#[derive(Clone)]
struct Guard {
    auth: Auth,
    login: Login,
    scope: Scope,
}

/// Lets those in who have the route's scope, with what they may see. People who
/// are signed in may read; whoever sends a token is nobody else.
async fn let_in(
    State(guard): State<Guard>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    let Guard { auth, login, scope } = guard;
    let (mut head, body) = request.into_parts();
    let credential = auth.credential(&head.headers, peer, bearer(&head.headers));
    let (reads, reader) = match auth.admit(credential, scope).await {
        Ok(identity) => {
            let admitted = (identity.reads(), Reader::of(&identity));
            head.extensions.insert(identity);
            admitted
        }
        Err(turned) => {
            let may_be_signed_in = scope == Scope::Read && turned.refusal.is_of_nobody();
            let signed_in = match may_be_signed_in {
                true => login.user(&head).await,
                false => None,
            };
            match signed_in {
                Some(user) => (Reads::everything(), Reader::signed_in(user)),
                None => return refuse(turned, scope),
            }
        }
    };
    head.extensions.insert(reads);
    head.extensions.insert(reader);
    next.run(Request::from_parts(head, body)).await
}

fn refuse(turned: Turned, scope: Scope) -> Response {
    let Turned { refusal, who } = turned;
    let body = serde_json::json!({"error": {"message": refusal.to_string()}});
    let mut response = (refusal.status(), axum::Json(body)).into_response();
    let headers = response.headers_mut();
    match refusal.status() {
        StatusCode::SERVICE_UNAVAILABLE => {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("2"));
        }
        _ => {
            headers.insert(WWW_AUTHENTICATE, challenge(refusal));
        }
    }
    Denied::new(scope, refusal.as_str(), who).mark(&mut response);
    response
}

/// What would have been enough, for clients that can get it (RFC 6750).
fn challenge(refusal: Refusal) -> HeaderValue {
    let text = match refusal {
        Refusal::Scope(scope) => format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\""),
        _ if refusal.is_of_nobody() => "Bearer".to_owned(),
        _ => "Bearer error=\"invalid_token\"".to_owned(),
    };
    HeaderValue::try_from(text).expect("scopes are plain words")
}
