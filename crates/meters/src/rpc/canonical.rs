//! Hashes of JSON that do not depend on how it is written: members in the order
//! of their names, without blanks.

use std::fmt::Write as _;

use serde_json::Value;
use sha2::{Digest, Sha256};

/// The hash of a value, as hexadecimal digits.
pub(crate) fn hash(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text);
    digest(text.as_bytes())
}

/// The hash of JSON text; of what is too deep to be read, the hash of the text.
pub(crate) fn hash_text(json: &str) -> String {
    match serde_json::from_str(json) {
        Ok(value) => hash(&value),
        Err(_) => digest(json.as_bytes()),
    }
}

fn digest(bytes: &[u8]) -> String {
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        write!(hex, "{byte:02x}").expect("a String takes all");
    }
    hex
}

/// Values are as deep as they could be read.
fn write(value: &Value, out: &mut String) {
    match value {
        Value::Array(items) => {
            out.push('[');
            for (nth, item) in items.iter().enumerate() {
                if nth > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            out.push('{');
            for (nth, (name, value)) in members.into_iter().enumerate() {
                if nth > 0 {
                    out.push(',');
                }
                write!(out, "{}:", Value::from(name.as_str())).expect("a String takes all");
                write(value, out);
            }
            out.push('}');
        }
        scalar => write!(out, "{scalar}").expect("a String takes all"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_it_is_written_makes_no_difference() {
        let a = hash_text(r#"{"b": [1, {"y": null, "x": "é"}], "a": true}"#);
        let b = hash_text("{\"a\":true,\"b\":[1,{\"x\":\"\\u00e9\",\"y\":null}]}");
        assert_eq!(a, b);
        assert_ne!(a, hash_text(r#"{"a": true}"#));
        // The order of a list means something.
        assert_ne!(hash_text("[1,2]"), hash_text("[2,1]"));
        // SHA-256 of `{}`, to be found again by other programs.
        assert_eq!(
            hash_text(" {} "),
            "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
        );
        let deep = "[".repeat(500);
        assert_eq!(hash_text(&deep).len(), 64);
    }
}
