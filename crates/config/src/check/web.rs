//! The paths and hosts of `web`.

use std::collections::BTreeSet;

use super::Checks;
use crate::path::key_path;
use crate::web::Web;

/// First parts of paths that are taken, whatever is under them.
const TAKEN: [&str; 8] = [
    "/admin",
    "/api/docs",
    "/api/v1",
    "/healthz",
    "/mcp",
    "/metrics",
    "/readyz",
    "/v1",
];

impl Checks<'_> {
    pub(super) fn web(&mut self, web: &Web) {
        let path = key_path!["web"];
        let mut seen = BTreeSet::new();
        for (key, text) in [
            ("script", &web.script),
            ("collect", &web.collect),
            ("pixel", &web.pixel),
        ] {
            if !is_path(text) {
                let plain =
                    "must be a path such as /s.js, of letters, digits, '.', '-', '_' and '/'";
                self.refuse(&path.join(key), plain);
            } else if TAKEN.iter().any(|taken| is_below(text, taken)) {
                self.refuse(
                    &path.join(key),
                    "is a path the server uses itself; choose another",
                );
            } else if !seen.insert(text) {
                self.refuse(&path.join(key), format!("is {text}, as another path's is"));
            }
        }
        for (i, site) in web.sites.iter().enumerate() {
            let host = site.strip_prefix("*.").unwrap_or(site);
            if !is_host(host) {
                let example = "must be a host such as example.com or *.example.com";
                self.refuse(&path.join("sites").join(i), example);
            }
        }
        for (key, bound) in [
            ("paths_per_day", web.paths_per_day),
            ("sources_per_day", web.sources_per_day),
        ] {
            if !(100..=1_000_000).contains(&bound) {
                self.refuse(&path.join(key), "must be 100 to 1000000");
            }
        }
        if web.requests_per_minute == 0 {
            self.refuse(&path.join("requests_per_minute"), "must be above 0");
        }
        if web.imported_retention_days == Some(0) {
            self.refuse(&path.join("imported_retention_days"), "must be at least 1");
        }
    }
}

/// Something that the router takes for a path without parameters.
fn is_path(text: &str) -> bool {
    let plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'/');
    text.len() > 1
        && text.len() <= 200
        && text.starts_with('/')
        && !text.ends_with('/')
        && !text.contains("//")
        && text.bytes().all(plain)
}

fn is_below(text: &str, taken: &str) -> bool {
    text.strip_prefix(taken)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn is_host(host: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    host.len() <= 253 && host.split('.').all(label)
}
