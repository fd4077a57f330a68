//! Forms come from our own pages: another site's form would be sent with the
//! cookies of whoever looks at it.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::header::{HOST, ORIGIN};
use http::{HeaderMap, Method};
use systemprompt_domain::Scope;

use super::problem::Problem;
use crate::refusals::Denied;

/// Refuses requests that change something and come from elsewhere.
pub(super) async fn guard(request: Request, next: Next) -> Response {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD);
    if safe || is_own(request.headers()) {
        next.run(request).await
    } else {
        let mut refusal = Problem::Foreign.into_response();
        Denied::new(Scope::Admin, "foreign_form", None).mark(&mut refusal);
        refusal
    }
}

/// Whether the browser says that the request comes from our own pages. Browsers
/// say so by `Sec-Fetch-Site` wherever pages are safe from others on the way;
/// the others send the page's origin.
fn is_own(headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return matches!(site.as_bytes(), b"same-origin" | b"none");
    }
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let Some((origin, host)) = text(ORIGIN).zip(text(HOST)) else {
        return false;
    };
    let from = ["https://", "http://"]
        .iter()
        .find_map(|scheme| origin.strip_prefix(scheme));
    from.is_some_and(|from| from.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_pages_are_believed() {
        let own = |pairs: &[(&'static str, &'static str)]| {
            let pairs = pairs.iter().map(|(name, value)| {
                let name = http::HeaderName::from_static(name);
                (name, http::HeaderValue::from_static(value))
            });
            is_own(&pairs.collect())
        };
        let host = ("host", "metrics.example:8443");
        assert!(own(&[host, ("sec-fetch-site", "same-origin")]));
        assert!(own(&[host, ("sec-fetch-site", "none")]));
        for site in ["cross-site", "same-site", ""] {
            let good = ("origin", "https://metrics.example:8443");
            assert!(!own(&[host, good, ("sec-fetch-site", site)]), "{site}");
        }
        assert!(own(&[host, ("origin", "https://Metrics.example:8443")]));
        for origin in [
            "https://metrics.example",
            "https://evil.example",
            "https://metrics.example:8443.evil.example",
            "ftp://metrics.example:8443",
            "null",
            "",
        ] {
            assert!(!own(&[host, ("origin", origin)]), "{origin}");
        }
        assert!(!own(&[host]));
        assert!(!own(&[("origin", "https://metrics.example:8443")]));
    }
}
