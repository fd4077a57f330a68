//! A log line as people read it: one line, nothing cut, nothing that a terminal
//! acts on.

use std::fmt::Write as _;

use serde_json::Value;
use systemprompt_domain::TraceId;
use systemprompt_storage::logs::{Level, Line};

use crate::human::Look;
use crate::human::figure::{Precision, moment};
use crate::human::text;

/// `2026-11-25 10:07:30.123 WARN  module: message  name=value  trace=…`, in UTC.
pub(super) fn line(line: &Line, look: Look) -> String {
    let level = match line.level {
        Level::Error => look.alarming("ERROR"),
        Level::Warn => look.alarming("WARN "),
        Level::Info => "INFO ".to_owned(),
    };
    let at = look.faint(&moment(line.created_at, Precision::Milli));
    let target = look.faint(&format!("{}:", text::clean(&line.target)));
    let mut out = format!("{at} {level} {target} {}", text::clean(&line.message));
    out.push_str(&fields(line.fields.as_ref()));
    if let Some(trace) = line.trace_id {
        let trace = look.faint(&format!("trace={}", TraceId(trace)));
        write!(out, "  {trace}").expect("a String takes all");
    }
    out
}

/// Names and values, each after two spaces.
pub(crate) fn fields(fields: Option<&Value>) -> String {
    let mut out = String::new();
    for (name, value) in fields.and_then(Value::as_object).into_iter().flatten() {
        let value = match value {
            // Quoted where it could not be told from what follows.
            Value::String(text) if text.contains(' ') || text.is_empty() => format!("\"{text}\""),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let (name, value) = (text::clean(name), text::clean(&value));
        write!(out, "  {name}={value}").expect("a String takes all");
    }
    out
}
