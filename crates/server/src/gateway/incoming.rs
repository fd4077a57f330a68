//! The client's request: who sends it, what it must not be, its body.

use std::net::SocketAddr;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use systemprompt_config::{Credentials, Provider, Scope};

use super::Inner;
use super::errors::GatewayError;
use crate::auth::{Identity, Refusal, bearer};

/// Finds the identity behind a request; the refusal is in the provider's shape.
pub(super) fn identify(
    gateway: &Inner,
    peer: SocketAddr,
    provider: &Provider,
    request: &Request<Body>,
) -> Result<Identity, GatewayError> {
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
    gateway
        .auth
        .identify(headers, peer, keys, Scope::Gateway)
        .map_err(|refusal| {
            let status = match refusal {
                Refusal::Scope => StatusCode::FORBIDDEN,
                _ => StatusCode::UNAUTHORIZED,
            };
            GatewayError::new(status, "systemprompt_token", refusal.to_string())
        })
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
    let too_large = || {
        GatewayError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body_too_large",
            format!(
                "the body is larger than this gateway takes ({} MiB)",
                limit >> 20
            ),
        )
    };
    let length = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    let idle = gateway.limits.downstream.body_idle_timeout;
    let mut body = body;
    let mut whole: Option<Bytes> = None;
    let mut parts = Vec::new();
    loop {
        let frame = tokio::time::timeout(idle, body.frame())
            .await
            .map_err(|_| {
                GatewayError::new(
                    StatusCode::REQUEST_TIMEOUT,
                    "body_timeout",
                    "the body did not arrive in time",
                )
            })?;
        let Some(frame) = frame else { break };
        let frame = frame.map_err(|_| {
            GatewayError::new(StatusCode::BAD_REQUEST, "body_cut", "the body broke off")
        })?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if (parts.len() + data.len()) as u64 > limit {
            return Err(too_large());
        }
        // Most bodies come in one piece and need no copy.
        match whole.take() {
            None if parts.is_empty() => whole = Some(data),
            first => {
                parts.extend(first.into_iter().flatten());
                parts.extend_from_slice(&data);
            }
        }
    }
    Ok(whole.unwrap_or_else(|| parts.into()))
}
