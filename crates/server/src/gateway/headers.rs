//! Which headers cross the gateway. Everything does, but for what belongs to
//! one connection, what identifies somebody to us, and what is ours.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use systemprompt_config::{Credentials, Provider};
use systemprompt_domain::Wire;

/// Headers of one connection, never of the message.
const HOP_BY_HOP: &[&str] = &[
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Further headers that do not go upstream.
const NOT_UPSTREAM: &[&str] = &[
    "host",
    "content-length",
    "accept-encoding",
    "cookie",
    "forwarded",
    "via",
    "x-real-ip",
    "expect",
];

/// Headers in which an SDK sends its key.
const KEYS: &[&str] = &["authorization", "x-api-key", "x-goog-api-key", "api-key"];

/// Headers of the provider that do not reach the client.
const NOT_DOWNSTREAM: &[&str] = &[
    "server",
    "strict-transport-security",
    "alt-svc",
    "set-cookie",
    "date",
];

fn is_ours(name: &str) -> bool {
    name.starts_with("x-systemprompt-")
}

/// Names that the message's own `Connection` header ties to the connection.
fn named_by_connection(headers: &HeaderMap) -> Vec<HeaderName> {
    let values = headers.get_all(header::CONNECTION).into_iter();
    let names = values
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(','));
    names.filter_map(|name| name.trim().parse().ok()).collect()
}

/// The client's headers that go upstream; its keys only if they are for whoever
/// is there.
pub(crate) fn passed(from: &HeaderMap, with_keys: bool) -> HeaderMap {
    let tied = named_by_connection(from);
    let mut to = HeaderMap::with_capacity(from.len() + 2);
    for (name, value) in from {
        let text = name.as_str();
        let stays = HOP_BY_HOP.contains(&text)
            || NOT_UPSTREAM.contains(&text)
            || text.starts_with("x-forwarded-")
            || is_ours(text)
            || (!with_keys && KEYS.contains(&text))
            || tied.contains(name);
        if !stays {
            to.append(name, value.clone());
        }
    }
    to
}

/// The headers that go to the provider.
pub(super) fn upstream(
    from: &HeaderMap,
    provider: &Provider,
    accept_encoding: HeaderValue,
) -> HeaderMap {
    let managed = matches!(provider.credentials, Credentials::Managed { .. });
    let mut to = passed(from, !managed);
    to.insert(header::ACCEPT_ENCODING, accept_encoding);
    if let Credentials::Managed { key, .. } = &provider.credentials {
        let (name, value) = match provider.wire {
            Wire::Anthropic => ("x-api-key", key.expose().to_owned()),
            Wire::OpenAi => ("authorization", format!("Bearer {}", key.expose())),
            Wire::Gemini => ("x-goog-api-key", key.expose().to_owned()),
        };
        if let Ok(mut value) = HeaderValue::from_str(&value) {
            value.set_sensitive(true);
            to.insert(HeaderName::from_static(name), value);
        }
    }
    to
}

/// The encodings we ask for: those that the client takes and we can read.
pub(super) fn accept_encoding(from: &HeaderMap) -> HeaderValue {
    let values = from.get_all(header::ACCEPT_ENCODING).into_iter();
    let gzip = values
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(','))
        .any(|coding| {
            let mut parts = coding.split(';');
            let name = parts.next().unwrap_or("").trim();
            let refused = parts.any(|p| matches!(p.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000"));
            (name.eq_ignore_ascii_case("gzip") || name == "*") && !refused
        });
    HeaderValue::from_static(if gzip { "gzip" } else { "identity" })
}

/// The provider's headers that go to the client. The body's length goes too
/// unless we may change it.
pub(crate) fn downstream(from: &HeaderMap, keeps_length: bool) -> HeaderMap {
    let tied = named_by_connection(from);
    let mut to = HeaderMap::with_capacity(from.len() + 3);
    for (name, value) in from {
        let text = name.as_str();
        let stays = HOP_BY_HOP.contains(&text)
            || NOT_DOWNSTREAM.contains(&text)
            || is_ours(text)
            || (!keeps_length && *name == header::CONTENT_LENGTH)
            || tied.contains(name);
        if !stays {
            to.append(name, value.clone());
        }
    }
    to
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs.iter();
        pairs
            .map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v)))
            .collect()
    }

    #[test]
    fn encodings_are_those_both_sides_read() {
        for (client, ours) in [
            ("gzip, deflate, br, zstd", "gzip"),
            ("br", "identity"),
            ("gzip;q=0, br", "identity"),
            ("*", "gzip"),
            ("identity", "identity"),
        ] {
            assert_eq!(
                accept_encoding(&map(&[("accept-encoding", client)])),
                ours,
                "{client}"
            );
        }
        assert_eq!(accept_encoding(&HeaderMap::new()), "identity");
    }

    #[test]
    fn answers_lose_what_belongs_to_the_connection() {
        let from = map(&[
            ("content-type", "application/json"),
            ("content-length", "12"),
            ("connection", "close, x-tied"),
            ("x-tied", "1"),
            ("set-cookie", "a=b"),
            ("server", "cloudflare"),
            ("request-id", "req_1"),
            ("x-systemprompt-cost", "0"),
        ]);
        let mut names: Vec<_> = downstream(&from, true)
            .keys()
            .map(|n| n.as_str().to_owned())
            .collect();
        names.sort_unstable();
        assert_eq!(names, ["content-length", "content-type", "request-id"]);
        assert!(!downstream(&from, false).contains_key("content-length"));
    }
}
