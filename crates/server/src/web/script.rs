//! `GET /s.js`: the script that pages load. It is the same for everybody and asks
//! for no cookies.

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use sha2::{Digest as _, Sha256};

const TRACKER: &str = include_str!("tracker.js");
/// Where the path that it reports to is written.
const COLLECT: &str = "__COLLECT__";
/// A changed script reaches everybody within the hour.
const CACHED: &str = "public, max-age=3600";

/// The script of one installation.
#[derive(Clone, Debug)]
pub(super) struct Script {
    text: Bytes,
    etag: HeaderValue,
}

impl Script {
    /// The script that reports to this path.
    pub(super) fn new(collect: &str) -> Self {
        // Comments and indentation are for readers of the source.
        let lines = TRACKER.lines().map(str::trim);
        let lines = lines.filter(|line| !line.is_empty() && !line.starts_with("//"));
        let text = lines
            .collect::<Vec<_>>()
            .join("\n")
            .replace(COLLECT, collect);
        let digest = Sha256::digest(text.as_bytes());
        let hex: String = digest[..8]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Self {
            text: text.into(),
            etag: format!("\"{hex}\"").parse().expect("hex digits"),
        }
    }
}

pub(super) async fn serve(State(script): State<Script>, headers: HeaderMap) -> Response {
    let kept = [
        (ETAG, script.etag.clone()),
        (CACHE_CONTROL, HeaderValue::from_static(CACHED)),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            HeaderValue::from_static("cross-origin"),
        ),
    ];
    if headers.get(IF_NONE_MATCH) == Some(&script.etag) {
        return (StatusCode::NOT_MODIFIED, kept).into_response();
    }
    let kind = [
        (CONTENT_TYPE, "text/javascript; charset=utf-8"),
        (HeaderName::from_static("x-content-type-options"), "nosniff"),
    ];
    (kept, kind, script.text).into_response()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn it_is_small() {
        let script = Script::new("/api/collect");
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gzip.write_all(&script.text).expect("a Vec takes all");
        let size = gzip.finish().expect("a Vec takes all").len();
        assert!(size <= 2_048, "{size} bytes");
    }

    #[test]
    fn it_keeps_nothing_and_reports_where_it_should() {
        let script = Script::new("/somewhere/else");
        let text = str::from_utf8(&script.text).expect("a script is text");
        assert!(text.contains("\"/somewhere/else\"") && !text.contains(COLLECT));
        for kept in ["cookie", "setItem", "indexedDB", "sessionStorage"] {
            assert!(!text.contains(kept), "{kept}");
        }
    }
}
