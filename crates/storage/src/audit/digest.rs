//! The digest of a request's row: SHA-256 of a canonical JSON array of its
//! columns, in the order in which the writer inserts them. It is made from what
//! the writer has and from what is stored; `docs/audit-log.md` says what is left
//! out, and why.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use systemprompt_audit::canon;
use time::OffsetDateTime;
use uuid::Uuid;

/// A text that columns are added to.
#[derive(Debug, Default)]
pub(crate) struct Text(String);

impl Text {
    /// Begins with another row.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Adds a column, unless erasing a person may change it.
    pub(crate) fn add(&mut self, name: &str, column: &impl Column) {
        if name == "user_id" {
            return;
        }
        self.0.push(if self.0.is_empty() { '[' } else { ',' });
        if matches!(name, "usage_extra" | "raw_usage") {
            column.json(&mut self.0);
        } else {
            column.write(&mut self.0);
        }
    }

    /// The digest of the columns so far.
    pub(crate) fn digest(&mut self) -> [u8; 32] {
        self.0.push(']');
        Sha256::digest(&self.0).into()
    }
}

/// What a column holds.
pub(crate) trait Column {
    fn write(&self, out: &mut String);

    /// As JSON that PostgreSQL keeps as `jsonb`.
    fn json(&self, out: &mut String) {
        self.write(out);
    }
}

impl<T: Column> Column for Option<T> {
    fn write(&self, out: &mut String) {
        match self {
            Some(value) => value.write(out),
            None => out.push_str("null"),
        }
    }

    fn json(&self, out: &mut String) {
        match self {
            Some(value) => value.json(out),
            None => out.push_str("null"),
        }
    }
}

impl Column for bool {
    fn write(&self, out: &mut String) {
        out.push_str(if *self { "true" } else { "false" });
    }
}

impl Column for i64 {
    fn write(&self, out: &mut String) {
        let _ = write!(out, "{self}");
    }
}

impl Column for i16 {
    fn write(&self, out: &mut String) {
        i64::from(*self).write(out);
    }
}

impl Column for Uuid {
    fn write(&self, out: &mut String) {
        out.push('"');
        out.push_str(self.hyphenated().encode_lower(&mut Self::encode_buffer()));
        out.push('"');
    }
}

impl Column for OffsetDateTime {
    fn write(&self, out: &mut String) {
        canon::time(out, *self);
    }
}

impl Column for &str {
    fn write(&self, out: &mut String) {
        canon::string(out, self);
    }

    fn json(&self, out: &mut String) {
        match serde_json::from_str(self) {
            Ok(json) => value(out, &json),
            Err(_) => canon::string(out, self),
        }
    }
}

impl Column for Cow<'_, str> {
    fn write(&self, out: &mut String) {
        canon::string(out, self);
    }

    fn json(&self, out: &mut String) {
        self.as_ref().json(out);
    }
}

/// Canonical, but for numbers: PostgreSQL writes 1e2 as 100, so a number is the
/// double that is nearest to it, and whole ones are written as such.
fn value(out: &mut String, json: &Value) {
    match json {
        Value::Number(number) => {
            const WHOLE: f64 = 9_007_199_254_740_992.0;
            let double = number.as_f64().unwrap_or(f64::NAN);
            if double.fract() == 0.0 && double.abs() < WHOLE {
                #[expect(clippy::cast_possible_truncation, reason = "it is whole and fits")]
                (double as i64).write(out);
            } else {
                canon::string(out, &double.to_string());
            }
        }
        Value::Array(items) => {
            out.push('[');
            for (n, item) in items.iter().enumerate() {
                if n > 0 {
                    out.push(',');
                }
                value(out, item);
            }
            out.push(']');
        }
        Value::Object(members) => object(out, members),
        other => canon::value(out, other),
    }
}

fn object(out: &mut String, members: &Map<String, Value>) {
    // A correction of costs names other versions.
    let mut members: Vec<_> = members
        .iter()
        .filter(|(key, _)| *key != PRICE_VERSION)
        .collect();
    members.sort_unstable_by_key(|(key, _)| *key);
    out.push('{');
    for (n, (key, member)) in members.into_iter().enumerate() {
        if n > 0 {
            out.push(',');
        }
        canon::string(out, key);
        out.push(':');
        value(out, member);
    }
    out.push('}');
}

/// The member of `usage_extra` that recomputing costs changes.
const PRICE_VERSION: &str = "price_version";

#[cfg(test)]
mod tests {
    use super::*;

    fn text(json: &str) -> String {
        let mut out = String::new();
        json.json(&mut out);
        out
    }

    #[test]
    fn json_is_what_postgresql_makes_of_it() {
        for (came, kept) in [
            (r#"{"b":1,"a":[1e2,2.50]}"#, r#"{"a": [100, 2.50], "b": 1}"#),
            (
                r#"{"n":1e19,"z":-0.0}"#,
                r#"{"n": 10000000000000000000, "z": 0.0}"#,
            ),
            (r#"{"x":1,"x":2}"#, r#"{"x": 2}"#),
            (r#"{"t":"\u00e9\/"}"#, r#"{"t": "é/"}"#),
        ] {
            assert_eq!(text(came), text(kept), "{came}");
        }
        assert_ne!(text(r#"{"n":1}"#), text(r#"{"n":"1"}"#));
        assert_ne!(text(r#"{"n":1}"#), text(r#"{"n":1.5}"#));
    }

    #[test]
    fn versions_of_prices_are_left_out() {
        let with = r#"{"other_models":[{"model":"m","price_version":"a"}]}"#;
        let without = r#"{"other_models":[{"model":"m"}]}"#;
        assert_eq!(text(with), text(without));
    }
}
