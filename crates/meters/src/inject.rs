//! Asks an `OpenAI` chat stream for its usage on the client's behalf. The
//! answer is put right again by the [`UsageFilter`](crate::UsageFilter).

use crate::members::{members, members_of, span};

/// Adds `stream_options.include_usage: true` to a Chat Completions body; all
/// other bytes stay as they are. `None` when nothing is to be added: the answer
/// is not streamed, the client has decided itself (for or against), or the body
/// is malformed.
#[must_use]
pub fn inject_include_usage(body: &[u8]) -> Option<Vec<u8>> {
    let [stream, options] = members(body, ["stream", "stream_options"]).ok()?;
    if stream?.get() != "true" {
        return None;
    }
    let Some(options) = options else {
        // The body has a member (`stream`) and ends with the object's brace.
        let end = body.iter().rposition(|byte| *byte == b'}')?;
        return Some(splice(
            body,
            end..end,
            r#","stream_options":{"include_usage":true}"#,
        ));
    };
    let at = span(body, options);
    if options.get() == "null" {
        return Some(splice(body, at, r#"{"include_usage":true}"#));
    }
    let inside = options.get().strip_prefix('{')?;
    if let [Some(_)] = members_of(Some(options), ["include_usage"]) {
        return None;
    }
    let is_empty = inside.trim_start().starts_with('}');
    let added = if is_empty {
        r#""include_usage":true"#
    } else {
        r#""include_usage":true,"#
    };
    Some(splice(body, at.start + 1..at.start + 1, added))
}

fn splice(body: &[u8], at: std::ops::Range<usize>, text: &str) -> Vec<u8> {
    [&body[..at.start], text.as_bytes(), &body[at.end..]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn injected(body: &str) -> Option<String> {
        inject_include_usage(body.as_bytes()).map(|body| String::from_utf8(body).expect("text"))
    }

    #[test]
    fn adds_the_option_and_nothing_else() {
        let cases = [
            (
                r#"{"stream":true} "#,
                r#"{"stream":true,"stream_options":{"include_usage":true}} "#,
            ),
            (
                r#"{ "stream_options" : null , "stream" : true }"#,
                r#"{ "stream_options" : {"include_usage":true} , "stream" : true }"#,
            ),
            (
                r#"{"stream_options":{ },"stream":true}"#,
                r#"{"stream_options":{"include_usage":true },"stream":true}"#,
            ),
            (
                r#"{"stream":true,"stream_options":{"include_obfuscation":false}}"#,
                r#"{"stream":true,"stream_options":{"include_usage":true,"include_obfuscation":false}}"#,
            ),
        ];
        for (body, expected) in cases {
            assert_eq!(injected(body).as_deref(), Some(expected), "{body}");
        }
    }

    #[test]
    fn leaves_alone_what_is_decided_or_malformed() {
        for body in [
            "",
            "[]",
            r#"{"model":"m"}"#,
            r#"{"stream":false}"#,
            r#"{"stream":"true"}"#,
            r#"{"stream":true,"stream_options":{"include_usage":true}}"#,
            r#"{"stream":true,"stream_options":{"include_usage":false}}"#,
            r#"{"stream":true,"stream_options":"x"}"#,
            r#"{"stream":true"#,
            r#"{"stream":true} {}"#,
        ] {
            assert_eq!(injected(body), None, "{body}");
        }
    }
}
