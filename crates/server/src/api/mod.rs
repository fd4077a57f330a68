//! The HTTP API: every question of the registry at
//! `/api/v1/analytics/<group>/<name>`, its OpenAPI document, and a page that
//! explains it. Who may ask is decided before: a request carries its
//! [`Scope`](systemprompt_reporting::Scope) as an extension, or is refused.

mod docs;
mod error;
mod html;
mod openapi;
mod questions;

use std::sync::Arc;

use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use axum::response::Response;
use axum::routing::get;
use axum::{Router, middleware};
use sqlx::PgPool;
use systemprompt_domain::Clock;
use systemprompt_reporting::Settings;

pub use self::openapi::document;

/// What the API answers from.
#[derive(Clone, Debug)]
pub struct ApiState {
    pool: PgPool,
    settings: Arc<Settings>,
    clock: Clock,
}

impl ApiState {
    /// Answers from the questions' own pool of connections, under the profile's
    /// settings, as of the clock.
    #[must_use]
    pub fn new(pool: PgPool, settings: Settings, clock: Clock) -> Self {
        Self {
            pool,
            settings: Arc::new(settings),
            clock,
        }
    }
}

/// The questions. Every request must carry an `Extension<Scope>`.
pub fn router(state: ApiState) -> Router {
    let ask = || get(questions::ask).fallback(questions::refuse_method);
    Router::new()
        .route("/api/v1/analytics", ask())
        .route("/api/v1/analytics/{*path}", ask())
        .with_state(state)
        .layer(middleware::map_response(harden))
}

/// What there is to ask: the OpenAPI document and the page made of it. They
/// hold nothing that was recorded, so anyone may read them.
pub fn description() -> Router {
    Router::new()
        .route("/api/v1/openapi.json", get(docs::openapi))
        .route("/api/docs", get(docs::page))
        .route("/api/docs.css", get(docs::style))
        .layer(middleware::map_response(harden))
}

/// Answers are private, change with every request, and are what they say.
async fn harden(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

#[cfg(test)]
mod tests;
