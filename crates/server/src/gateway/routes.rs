//! From a path to where it leads: whose it is, and whether it stays there. What it
//! means to the provider the meters know.

/// Splits `/name/rest` at the provider's name. The rest keeps its slash.
pub(super) fn split(path: &str) -> Option<(&str, &str)> {
    let path = path.strip_prefix('/')?;
    let at = path.find('/')?;
    Some((&path[..at], &path[at..]))
}

/// Whether a path stays below the provider's base URL whatever reads it: no
/// empty, dot or encoded-dot segments, no encoded slashes.
pub(super) fn is_plain(path: &str) -> bool {
    path.split('/').skip(1).all(|segment| {
        let lower = segment.to_ascii_lowercase();
        let dots = lower.replace("%2e", ".");
        !matches!(dots.as_str(), "." | "..")
            && !lower.contains("%2f")
            && !lower.contains("%5c")
            && !segment.contains('\\')
    }) && !path.contains("//")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tricks_with_paths_are_seen() {
        for path in [
            "/v1/../admin",
            "/v1//evil",
            "/v1/%2e%2e/x",
            "/v1/%2E./x",
            "/v1/a%2fb",
            "/v1/a\\b",
            "/.",
        ] {
            assert!(!is_plain(path), "{path}");
        }
        assert!(is_plain("/v1beta/models/gemini-2.5-pro:generateContent"));
        assert!(is_plain("/v1/files/"), "a trailing slash is harmless");
        assert_eq!(split("/openai/v1/models"), Some(("openai", "/v1/models")));
        assert_eq!(split("/openai"), None);
    }
}
