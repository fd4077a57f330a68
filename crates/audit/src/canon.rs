//! Canonical JSON: one text for one value, so that it can be hashed.
//!
//! No spaces; keys sorted by their bytes; strings as RFC 8785 escapes them;
//! integers in decimal. There are no other numbers: what is not whole is written
//! as a string. Times are RFC 3339 in UTC with six fraction digits, which is
//! what PostgreSQL keeps. NUL, which PostgreSQL's text does not have, becomes
//! U+FFFD.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;
use time::{OffsetDateTime, UtcOffset};

/// `at` as the log keeps it: in UTC, cut to a microsecond.
#[must_use]
pub fn moment(at: OffsetDateTime) -> OffsetDateTime {
    let utc = at.checked_to_offset(UtcOffset::UTC).unwrap_or(at);
    let micros = utc.nanosecond() / 1_000;
    utc.replace_nanosecond(micros * 1_000).unwrap_or(utc)
}

/// Writes a time, with its quotes.
pub fn time(out: &mut String, at: OffsetDateTime) {
    let at = moment(at);
    let (year, month, day) = at.to_calendar_date();
    let (hour, minute, second) = at.to_hms();
    let month = u8::from(month);
    let micros = at.nanosecond() / 1_000;
    out.push('"');
    if (0..=9_999).contains(&year) {
        digits(out, year.unsigned_abs(), 4);
    } else {
        // Expanded years, as ISO 8601 has them: RFC 3339 ends here.
        let _ = write!(out, "{year:+07}");
    }
    for (separator, number) in [
        ('-', month),
        ('-', day),
        ('T', hour),
        (':', minute),
        (':', second),
    ] {
        out.push(separator);
        digits(out, number.into(), 2);
    }
    out.push('.');
    digits(out, micros, 6);
    out.push_str("Z\"");
}

/// Appends the last `width` digits of a number.
fn digits(out: &mut String, mut number: u32, width: usize) {
    let mut text = [b'0'; 6];
    for digit in text[..width].iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
    out.extend(text[..width].iter().map(|digit| char::from(*digit)));
}

/// Writes a string, with its quotes.
pub fn string(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest
        .bytes()
        .position(|b| b < 0x20 || b == b'"' || b == b'\\')
    {
        out.push_str(&rest[..at]);
        match rest.as_bytes()[at] {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            0x08 => out.push_str("\\b"),
            0x0c => out.push_str("\\f"),
            0 => out.push('\u{fffd}'),
            control => {
                let _ = write!(out, "\\u{control:04x}");
            }
        }
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
    out.push('"');
}

/// `text` as the log keeps it: without NUL.
#[must_use]
pub fn clean(text: &str) -> Cow<'_, str> {
    if text.contains('\0') {
        text.replace('\0', "\u{fffd}").into()
    } else {
        text.into()
    }
}

/// Writes any JSON value.
pub fn value(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) if number.is_i64() || number.is_u64() => {
            let _ = write!(out, "{number}");
        }
        Value::Number(number) => string(out, &number.to_string()),
        Value::String(text) => string(out, text),
        Value::Array(items) => {
            out.push('[');
            for (n, item) in items.iter().enumerate() {
                if n > 0 {
                    out.push(',');
                }
                self::value(out, item);
            }
            out.push(']');
        }
        Value::Object(members) => {
            // Two keys that only NUL tells apart are one.
            let sorted: BTreeMap<_, _> = members.iter().map(|(k, v)| (clean(k), v)).collect();
            out.push('{');
            for (n, (key, member)) in sorted.into_iter().enumerate() {
                if n > 0 {
                    out.push(',');
                }
                string(out, &key);
                out.push(':');
                self::value(out, member);
            }
            out.push('}');
        }
    }
}

/// The canonical text of a value.
#[must_use]
pub fn text(value: &Value) -> String {
    let mut out = String::new();
    self::value(&mut out, value);
    out
}

/// The value of a canonical text; `None` when it is no JSON or not canonical.
#[must_use]
pub fn read(canonical: &str) -> Option<Value> {
    let value: Value = serde_json::from_str(canonical).ok()?;
    (text(&value) == canonical).then_some(value)
}
