//! The HTTP API: every question of the registry at
//! `/api/v1/analytics/<group>/<name>`, its OpenAPI document, and a page that
//! explains it; and the route where other services report events. Who may ask or
//! report is decided before: a request carries its
//! [`Scope`](systemprompt_reporting::Scope) or identity as an extension, or is
//! refused.

pub(crate) mod content;
mod docs;
mod error;
pub(crate) mod events;
pub(crate) mod files;
mod openapi;
mod questions;
mod web;

use std::sync::Arc;

use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use axum::{Router, middleware};
use sqlx::PgPool;
use systemprompt_domain::Clock;
use systemprompt_reporting::Settings;

pub use self::openapi::document;

/// What the API answers from.
#[derive(Clone, Debug)]
pub struct ApiState {
    pool: PgPool,
    /// Where downloads are recorded.
    trail: PgPool,
    settings: Arc<Settings>,
    clock: Clock,
}

impl ApiState {
    /// Answers from the questions' own pool of connections, under the profile's
    /// settings, as of the clock. Downloads are recorded through `trail`.
    #[must_use]
    pub fn new(
        pool: PgPool,
        trail: PgPool,
        settings: impl Into<Arc<Settings>>,
        clock: Clock,
    ) -> Self {
        Self {
            pool,
            trail,
            settings: settings.into(),
            clock,
        }
    }
}

/// The questions, for whoever decides otherwise who may ask. Every request must
/// carry an `Extension<Scope>`.
pub fn router(state: ApiState) -> Router {
    Router::new()
        .route("/api/v1/analytics", ask(state.clone()))
        .route("/api/v1/analytics/{*path}", ask(state))
}

/// A question. Every request must carry an `Extension<Scope>`.
pub(crate) fn ask(state: ApiState) -> MethodRouter {
    let ask = get(questions::ask).fallback(questions::refuse_method);
    ask.with_state(state)
        .layer(middleware::map_response(harden))
}

/// What there is to ask, for machines. It holds nothing that was recorded, so
/// anyone may read it; so do the next two.
pub(crate) fn docs_openapi() -> MethodRouter {
    get(docs::openapi).layer(middleware::map_response(harden))
}

/// What there is to ask, for people.
pub(crate) fn docs_page() -> MethodRouter {
    get(docs::page).layer(middleware::map_response(harden))
}

/// The page's style sheet.
pub(crate) fn docs_style() -> MethodRouter {
    get(docs::style).layer(middleware::map_response(harden))
}

/// Answers are private, change with every request, and are what they say.
pub(crate) async fn harden(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}

#[cfg(test)]
mod tests;
