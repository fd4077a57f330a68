//! The client's request: what it shows of who sends it, what it must not be, its
//! body.

use std::net::SocketAddr;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, header};
use systemprompt_config::{Credentials, Provider};

use super::Inner;
use super::errors::GatewayError;
use crate::auth::{Credential, bearer};
use crate::door::body::{self, Fault};

/// What a request shows of who sends it.
pub(super) fn credential(
    gateway: &Inner,
    peer: SocketAddr,
    provider: &Provider,
    request: &Request<Body>,
) -> Credential {
    let headers = request.headers();
    let value = |name| headers.get(name).map(http::HeaderValue::as_bytes);
    // With the provider's own key in these places they are none of our tokens.
    let managed = matches!(provider.credentials, Credentials::Managed { .. });
    let keys = [
        value("x-api-key"),
        bearer(headers),
        value("x-goog-api-key"),
        query_key(request),
    ];
    let keys = keys.into_iter().flatten().filter(|_| managed);
    gateway.auth.credential(headers, peer, keys)
}

/// The value of `?key=`, where Gemini clients may put theirs.
fn query_key(request: &Request<Body>) -> Option<&[u8]> {
    let query = request.uri().query()?;
    query
        .split('&')
        .find_map(|pair| pair.strip_prefix("key="))
        .map(str::as_bytes)
}

/// Other upgrades (h2c, which some clients always offer) may be ignored.
pub(super) fn is_websocket(headers: &HeaderMap) -> bool {
    let upgrade = headers
        .get(header::UPGRADE)
        .map_or(&b""[..], http::HeaderValue::as_bytes);
    upgrade.eq_ignore_ascii_case(b"websocket")
}

/// Reads a metered request's body: within the limit, without long silences.
pub(super) async fn read_body(
    gateway: &Inner,
    headers: &HeaderMap,
    body: Body,
) -> Result<Bytes, GatewayError> {
    let limit = gateway.limits.gateway_body;
    let idle = gateway.limits.downstream.body_idle_timeout;
    let refuse = |fault| match fault {
        Fault::TooLarge => GatewayError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body_too_large",
            format!(
                "the body is larger than this gateway takes ({} MiB)",
                limit >> 20
            ),
        ),
        Fault::Stalled => stalled(),
        Fault::Cut => GatewayError::new(StatusCode::BAD_REQUEST, "body_cut", "the body broke off"),
    };
    body::read(headers, body, limit, idle).await.map_err(refuse)
}

/// The client began a body and sent no more of it.
pub(super) fn stalled() -> GatewayError {
    GatewayError::new(
        StatusCode::REQUEST_TIMEOUT,
        "body_timeout",
        "the body did not arrive in time",
    )
}
