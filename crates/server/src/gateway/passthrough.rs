//! Requests that cost nothing, or whose key is the client's own business: they
//! pass in both directions as they come and are not recorded.

use axum::body::Body;
use http::{Request, Response};
use systemprompt_config::Provider;

use super::errors::GatewayError;
use super::{Inner, exchange, headers};
use crate::door::body::timed;

pub(super) async fn forward(
    gateway: &Inner,
    provider: &Provider,
    url: reqwest::Url,
    request: Request<Body>,
) -> Result<Response<Body>, GatewayError> {
    let (head, body) = request.into_parts();
    let mut upstream = reqwest::Request::new(head.method, url);
    let encoding = head.headers.get(http::header::ACCEPT_ENCODING).cloned();
    let identity = http::HeaderValue::from_static("identity");
    let mut to = headers::upstream(&head.headers, provider, encoding.unwrap_or(identity));
    // A body of known length stays one: some providers refuse chunked uploads.
    if let Some(length) = head.headers.get(http::header::CONTENT_LENGTH) {
        to.insert(http::header::CONTENT_LENGTH, length.clone());
    }
    *upstream.headers_mut() = to;
    if !http_body::Body::is_end_stream(&body) {
        let body = timed(body, gateway.limits.downstream.body_idle_timeout);
        *upstream.body_mut() = Some(reqwest::Body::wrap_stream(body.into_data_stream()));
    }
    let first_byte = gateway.limits.upstream.first_byte_timeout;
    let response = match tokio::time::timeout(first_byte, gateway.client.execute(upstream)).await {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => return Err(exchange::unreachable(&error)),
        Err(_) => return Err(exchange::no_answer()),
    };
    let mut answer = Response::builder().status(response.status());
    if let Some(to) = answer.headers_mut() {
        *to = headers::downstream(response.headers(), true);
    }
    Ok(answer
        .body(Body::from_stream(response.bytes_stream()))
        .expect("the provider's status and headers were parsed before"))
}
