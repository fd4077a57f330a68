//! The response headers that the real providers send beside their bodies,
//! with some that a proxy has to hold back.

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue, RETRY_AFTER};

use super::route::Wire;

const ANTHROPIC: &[(&str, &str)] = &[
    (
        "anthropic-organization-id",
        "00000000-0000-4000-8000-000000000000",
    ),
    ("anthropic-ratelimit-requests-limit", "4000"),
    ("anthropic-ratelimit-requests-remaining", "3999"),
    ("anthropic-ratelimit-requests-reset", "2026-01-01T00:00:00Z"),
    ("anthropic-ratelimit-input-tokens-limit", "2000000"),
    ("anthropic-ratelimit-input-tokens-remaining", "1999000"),
    (
        "anthropic-ratelimit-input-tokens-reset",
        "2026-01-01T00:00:00Z",
    ),
    ("anthropic-ratelimit-output-tokens-limit", "400000"),
    ("anthropic-ratelimit-output-tokens-remaining", "399000"),
    (
        "anthropic-ratelimit-output-tokens-reset",
        "2026-01-01T00:00:00Z",
    ),
    ("server", "cloudflare"),
    (
        "strict-transport-security",
        "max-age=31536000; includeSubDomains; preload",
    ),
];

const OPENAI: &[(&str, &str)] = &[
    ("openai-organization", "mock-org"),
    ("openai-project", "proj_mock"),
    ("openai-version", "2020-10-01"),
    ("openai-processing-ms", "1"),
    ("x-ratelimit-limit-requests", "10000"),
    ("x-ratelimit-limit-tokens", "2000000"),
    ("x-ratelimit-remaining-requests", "9999"),
    ("x-ratelimit-remaining-tokens", "1999000"),
    ("x-ratelimit-reset-requests", "6ms"),
    ("x-ratelimit-reset-tokens", "1ms"),
    ("set-cookie", "__cf_bm=mock; path=/; HttpOnly; Secure"),
    ("alt-svc", "h3=\":443\"; ma=86400"),
    ("server", "cloudflare"),
];

const GEMINI: &[(&str, &str)] = &[
    ("server-timing", "gfet4t7; dur=1"),
    ("vary", "Origin, X-Origin, Referer"),
    ("x-content-type-options", "nosniff"),
    ("alt-svc", "h3=\":443\"; ma=2592000"),
    ("server", "scaffolding on HTTPServer2"),
];

/// Adds what `wire` sends with every answer.
pub(super) fn add(headers: &mut HeaderMap, wire: Wire, number: u64) {
    let (fixed, id) = match wire {
        Wire::Anthropic => (ANTHROPIC, Some("request-id")),
        Wire::OpenAi => (OPENAI, Some("x-request-id")),
        Wire::Gemini => (GEMINI, None),
    };
    for (name, value) in fixed {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    if let (Some(name), Ok(id)) = (id, format!("req_mock_{number}").parse()) {
        headers.insert(name, id);
    }
}

/// Adds what an error of `wire` says about trying again.
pub(super) fn add_retry(headers: &mut HeaderMap, wire: Wire, status: u16, retry_after: u64) {
    let transient = matches!(status, 429 | 500..=599);
    if transient && wire != Wire::Gemini {
        headers.insert(RETRY_AFTER, retry_after.into());
    }
    if wire == Wire::Anthropic {
        let again = if transient { "true" } else { "false" };
        headers.insert("x-should-retry", HeaderValue::from_static(again));
    }
}
