//! Text fit to be kept: bounded, without control characters, query strings,
//! credentials in addresses, or what looks like a key.
//!
//! No line is meant to hold any of these. This is for the one that does: an
//! error of a library that quotes an address, a header, an answer.

/// What stands for what was taken out.
pub(super) const HIDDEN: &str = "[hidden]";

/// How keys and tokens begin: providers', ours, those of the platforms around.
const KEYS: [&str; 9] = [
    "sk-", "sp_", "AIza", "gsk_", "xai-", "ghp_", "xoxb-", "AKIA", "eyJ",
];

/// A key is longer than this after its beginning; words are shorter.
const LEAST_KEY: usize = 8;

/// Parts of the names of fields whose values are never kept.
const SECRET_NAMES: [&str; 8] = [
    "authorization",
    "api_key",
    "apikey",
    "cookie",
    "password",
    "secret",
    "prompt",
    "body",
];

/// Whether a field of that name is one whose value is never kept.
pub(super) fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_NAMES.iter().any(|secret| name.contains(secret))
}

/// The text as it may be kept, in at most `most` bytes and a mark for the cut.
pub(super) fn clean(text: &str, most: usize) -> String {
    // Looked at a little further than it can be kept, so that a key on the edge
    // is still seen whole.
    let text = cut(text, most + 1024);
    let mut out = String::with_capacity(text.len().min(most) + 8);
    let mut bearer = false;
    let mut rest = text;
    while !rest.is_empty() && out.len() <= most {
        let word = rest.find(is_between).unwrap_or(rest.len());
        if bearer && word > 0 {
            out.push_str(HIDDEN);
        } else {
            hide(&rest[..word], &mut out);
        }
        bearer = (bearer && word == 0) || rest[..word].eq_ignore_ascii_case("bearer");
        rest = &rest[word..];
        if let Some(between) = rest.chars().next() {
            escape(between, &mut out);
            rest = &rest[between.len_utf8()..];
        }
    }
    if out.len() > most {
        out.truncate(out.floor_char_boundary(most));
        out.push('…');
    }
    out
}

fn cut(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

fn is_between(c: char) -> bool {
    c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '<' | '>' | '(' | ')' | ',' | ';')
}

/// Writes a word without what must not be kept.
fn hide(word: &str, out: &mut String) {
    let (address, query) = match word.split_once('?') {
        Some((address, query)) if query.contains('=') => (address, true),
        _ => (word, false),
    };
    let (scheme, rest) = match address.find("://") {
        Some(at) => address.split_at(at + 3),
        None => ("", address),
    };
    let host = rest.find('/').unwrap_or(rest.len());
    let rest = match rest[..host].rfind('@') {
        Some(at) if !scheme.is_empty() => {
            keyless(scheme, out);
            out.push_str(HIDDEN);
            &rest[at..]
        }
        _ => {
            keyless(scheme, out);
            rest
        }
    };
    keyless(rest, out);
    if query {
        out.push('?');
        out.push_str(HIDDEN);
    }
}

/// Writes text without what looks like a key.
fn keyless(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some((at, end)) = key(rest) {
        escaped(&rest[..at], out);
        out.push_str(HIDDEN);
        rest = &rest[end..];
    }
    escaped(rest, out);
}

/// Where the first key in the text begins and ends.
fn key(text: &str) -> Option<(usize, usize)> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let begin = |prefix: &str| {
        let at = text.match_indices(prefix).find(|(at, _)| {
            let before = text[..*at].chars().next_back();
            !before.is_some_and(|c| c.is_ascii_alphanumeric())
        })?;
        let from = at.0 + prefix.len();
        let length = text[from..].find(|c| !is_part(c));
        let end = length.map_or(text.len(), |length| from + length);
        (end - from >= LEAST_KEY).then_some((at.0, end))
    };
    KEYS.iter().filter_map(|prefix| begin(prefix)).min()
}

fn escaped(text: &str, out: &mut String) {
    text.chars().for_each(|c| escape(c, out));
}

fn escape(c: char, out: &mut String) {
    if c.is_control() {
        out.extend(c.escape_default());
    } else {
        out.push(c);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_must_not_be_kept_is_taken_out() {
        for (text, kept) in [
            (
                "error for url (https://host/v1/x:y?alt=sse&key=AbC)",
                "error for url (https://host/v1/x:y?[hidden])",
            ),
            (
                "postgres://ada:s3cr3t@db:5432/x is down",
                "postgres://[hidden]@db:5432/x is down",
            ),
            ("GET /v1/models?key=abc", "GET /v1/models?[hidden]"),
            (
                "Authorization: Bearer abc.def",
                "Authorization: Bearer [hidden]",
            ),
            (
                "key sk-ant-api03-abcdefgh, refused",
                "key [hidden], refused",
            ),
            ("token=sp_gw_0123456789abc", "token=[hidden]"),
            ("is it up? yes = no", "is it up? yes = no"),
            ("mail to ada@example.com", "mail to ada@example.com"),
            (
                "the sk-word and risk-0123456789",
                "the sk-word and risk-0123456789",
            ),
            ("", ""),
        ] {
            assert_eq!(clean(text, 200), kept);
        }
    }

    #[test]
    fn hostile_text_is_escaped_and_cut() {
        assert_eq!(
            clean("a\u{1b}[2J\r\nb\0\u{9b}", 200),
            "a\\u{1b}[2J\\r\\nb\\u{0}\\u{9b}"
        );
        assert_eq!(clean(&"é".repeat(100), 11), "ééééé…");
        assert_eq!(clean(&"x".repeat(10_000), 8), "xxxxxxxx…");
        assert_eq!(clean(&"\u{1b}".repeat(100), 12).len(), 15);
        let edge = format!("{}sk-ant-0123456789abcdef", "x ".repeat(50));
        assert!(!clean(&edge, 104).contains("sk-a"), "{}", clean(&edge, 104));
    }

    #[test]
    fn names_of_secrets_are_known() {
        for name in [
            "authorization",
            "x_api_key",
            "Body",
            "set_cookie",
            "smtp_password",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in ["error", "budget", "id", "requests"] {
            assert!(!is_secret(name), "{name}");
        }
    }
}
