//! What every answer of ours says to browsers: keep nothing, run nothing, show it
//! in no frame, take it for nothing else. Answers that need more say so themselves;
//! those of providers pass as they are.

use axum::response::Response;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use http::{HeaderName, HeaderValue};

const HEADERS: [(HeaderName, &str); 5] = [
    (CACHE_CONTROL, "no-store"),
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (REFERRER_POLICY, "same-origin"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
];

/// Adds what the answer does not say itself.
pub(crate) async fn harden(response: Response) -> Response {
    hardened(response)
}

/// The answer with what it does not say itself.
pub(crate) fn hardened<B>(mut response: Response<B>) -> Response<B> {
    for (name, value) in HEADERS {
        let entry = response.headers_mut().entry(name);
        entry.or_insert(HeaderValue::from_static(value));
    }
    response
}
