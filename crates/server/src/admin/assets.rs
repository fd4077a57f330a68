//! The style sheet and the script. Their addresses hold the hash of what they are,
//! so browsers keep them for good and never show yesterday's.

use std::fmt::Write as _;
use std::sync::LazyLock;

use axum::extract::Path;
use axum::response::{IntoResponse as _, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG};
use sha2::{Digest as _, Sha256};

use crate::login::Problem;

const STYLE: &str = include_str!("admin.css");
const SCRIPT: &str = include_str!("admin.js");

/// What a browser may keep.
struct Asset {
    name: String,
    kind: &'static str,
    text: &'static str,
}

static ASSETS: LazyLock<[Asset; 2]> = LazyLock::new(|| {
    let asset = |stem: &str, ending: &str, kind, text: &'static str| {
        let hash = Sha256::digest(text.as_bytes());
        let mut name = format!("{stem}-");
        for byte in &hash[..8] {
            let _ = write!(name, "{byte:02x}");
        }
        Asset {
            name: format!("{name}.{ending}"),
            kind,
            text,
        }
    };
    [
        asset("admin", "css", "text/css; charset=utf-8", STYLE),
        asset("admin", "js", "text/javascript; charset=utf-8", SCRIPT),
    ]
});

/// The address of the style sheet.
pub(crate) fn style() -> String {
    format!("/admin/assets/{}", ASSETS[0].name)
}

/// The address of the script.
pub(super) fn script() -> String {
    format!("/admin/assets/{}", ASSETS[1].name)
}

/// `GET /admin/assets/{name}`: nothing of it is secret.
pub(super) async fn asset(Path(name): Path<String>) -> Result<Response, Problem> {
    let asset = ASSETS.iter().find(|asset| asset.name == name);
    let asset = asset.ok_or(Problem::Missing)?;
    let headers = [
        (CONTENT_TYPE, asset.kind.to_owned()),
        (
            CACHE_CONTROL,
            "public, max-age=31536000, immutable".to_owned(),
        ),
        (ETAG, format!("\"{}\"", asset.name)),
    ];
    Ok((headers, asset.text).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_browsers_load_is_small_and_ours() {
        assert!(
            SCRIPT.len() <= 20 * 1024,
            "{} bytes of script",
            SCRIPT.len()
        );
        for text in [STYLE, SCRIPT] {
            assert!(!text.contains("http://") && !text.contains("https://"));
            assert!(!text.contains("@import"));
        }
    }
}
