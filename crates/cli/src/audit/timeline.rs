//! A trace on one screen: a line for each thing that happened, in order.

use std::fmt::Write as _;

use rust_decimal::Decimal;
use serde_json::Value;
use systemprompt_domain::period::Zone;
use systemprompt_reporting::Answer;

use crate::human::Look;
use crate::human::cell::{Row, decimal};
use crate::human::figure::{self, Precision};
use crate::human::locale::Locale;
use crate::human::text;
use crate::logs::fields;

/// The trace as text. Times are UTC.
pub(super) fn page(answer: &Answer<Value>, look: Look) -> String {
    let locale = Locale::of(answer);
    let rows: Vec<&Row> = answer.rows.iter().filter_map(Value::as_object).collect();
    let mut out = header(&rows, &locale, look);
    for row in &rows {
        let at = figure::parse_moment(word(row, "at"), &Zone::default());
        let at = at.map(|at| figure::moment(at, Precision::Milli));
        let kind = format!("{:13}", word(row, "kind"));
        let told = told(row, &locale);
        let told = if is_trouble(row) {
            look.alarming(&told)
        } else {
            told
        };
        let at = look.faint(&at.unwrap_or_default());
        writeln!(out, "{at}  {kind}  {told}").expect("a String takes all");
    }
    if let Some(note) = &answer.note {
        writeln!(out, "\n{}", look.faint(&text::clean(note))).expect("a String takes all");
    }
    out
}

/// Which traces, how much happened, and what it cost.
fn header(rows: &[&Row], locale: &Locale, look: Look) -> String {
    let mut traces: Vec<&str> = rows.iter().map(|row| word(row, "trace_id")).collect();
    traces.retain(|trace| !trace.is_empty());
    traces.sort_unstable();
    traces.dedup();
    let name = match traces.as_slice() {
        [one] => format!("{}  {}", look.strong("trace"), text::clean(one)),
        [] => look.strong("no trace"),
        several => format!("{}  {}", look.strong("traces"), several.len()),
    };
    let of_kind = |kind| {
        rows.iter()
            .filter(move |row| word(row, "kind") == kind)
            .count()
    };
    let calls = match of_kind("tool_call") {
        0 => String::new(),
        calls => format!(", {}", number(calls, "tool call")),
    };
    let mut costs = rows
        .iter()
        .filter_map(|row| decimal(row.get("cost")?))
        .peekable();
    // Requests without a price did not cost nothing.
    let cost = match costs.peek() {
        None if of_kind("request") > 0 => "no known cost".to_owned(),
        _ => amount(costs.sum(), locale),
    };
    format!(
        "{name}  {}, {}{calls}, {}\n\n",
        number(rows.len(), "event"),
        number(of_kind("request"), "request"),
        cost,
    )
}

/// So many things.
fn number(n: usize, thing: &str) -> String {
    let number = figure::grouped(&n.to_string());
    format!("{number} {thing}{}", if n == 1 { "" } else { "s" })
}

/// What happened, in a line.
fn told(row: &Row, locale: &Locale) -> String {
    let mut parts = vec![text::clean(word(row, "event")).into_owned()];
    let mut part = |text: String| parts.push(text);
    for key in ["provider", "model", "server", "tool"] {
        named(row, key, "").into_iter().for_each(&mut part);
    }
    if let Some(status) = row.get("http_status").and_then(Value::as_i64) {
        part(format!("HTTP {status}"));
    }
    named(row, "finish_reason", "")
        .into_iter()
        .for_each(&mut part);
    if let Some(bytes) = row.get("bytes").and_then(Value::as_i64) {
        part(format!("{} bytes", figure::grouped(&bytes.to_string())));
    }
    if let Some(cost) = row.get("cost").and_then(decimal) {
        part(amount(cost, locale));
    }
    if let Some(latency) = row.get("latency_ms").and_then(Value::as_f64) {
        part(figure::millis(latency));
    }
    named(row, "message", "").into_iter().for_each(&mut part);
    for key in ["agent", "user", "token"] {
        named(row, key, key).into_iter().for_each(&mut part);
    }
    let kind = word(row, "kind");
    if kind == "authorization" && row.get("token").is_none_or(Value::is_null) {
        part("without a token".to_owned());
    }
    if kind == "audit" {
        part(format!("#{}", text::clean(word(row, "id"))));
        named(row, "proof", "").into_iter().for_each(&mut part);
    }
    let mut told = parts.join(" · ");
    let detail = row.get("detail").filter(|detail| !detail.is_null());
    told.push_str(&fields(match kind {
        "log" => detail.and_then(|detail| detail.get("fields")),
        _ => detail,
    }));
    told
}

/// An amount to its last digit.
fn amount(amount: Decimal, locale: &Locale) -> String {
    let amount = amount.normalize();
    locale.money(amount, amount.scale().max(2))
}

/// A value with what it is called, if there is one.
fn named(row: &Row, key: &str, name: &str) -> Option<String> {
    let value = text::clean(Some(word(row, key)).filter(|word| !word.is_empty())?);
    Some(format!("{name} {value}").trim_start().to_owned())
}

fn word<'a>(row: &'a Row, key: &str) -> &'a str {
    row.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn is_trouble(row: &Row) -> bool {
    match word(row, "kind") {
        "response" => word(row, "event") != "completed",
        "tool_result" => !matches!(word(row, "event"), "success" | "needs_input"),
        "log" => word(row, "event") != "info",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TRACE: &str = "0123456789abcdef0123456789abcdef";

    fn answer() -> Answer<Value> {
        let event = |kind: &str, at: &str, event: &str, rest: Value| {
            let mut row = json!({
                "kind": kind, "at": format!("2026-11-25T10:07:{at}Z"), "event": event,
                "provider": null, "token": null, "id": "12", "trace_id": TRACE, "detail": null,
            });
            let rest = rest.as_object().expect("an object").clone();
            row.as_object_mut().expect("an object").extend(rest);
            row
        };
        Answer::of(vec![
            event(
                "authorization",
                "30.100",
                "allowed",
                json!({"agent": "scout", "token": "ci"}),
            ),
            event("authorization", "30.100", "allowed", json!({})),
            event(
                "request",
                "30.100",
                "messages",
                json!({"provider": "anthropic", "model": "claude-\u{1b}[31mx", "bytes": 48213}),
            ),
            event(
                "log",
                "30.200",
                "warn",
                json!({"message": "the provider cannot be reached", "detail": {
                    "target": "gateway", "fields": {"error": "Connection refused", "n": 3}}}),
            ),
            event(
                "response",
                "32.500",
                "completed",
                json!({"provider": "anthropic", "model": "claude-x-1", "http_status": 200,
                    "finish_reason": "end_turn", "bytes": 1024, "cost": "0.0272650",
                    "latency_ms": 2400.0}),
            ),
            event(
                "tool_call",
                "32.600",
                "tools/call",
                json!({"server": "docs", "tool": "search", "bytes": 120, "agent": "scout"}),
            ),
            event(
                "tool_result",
                "32.900",
                "failed",
                json!({"server": "docs", "tool": "search", "bytes": 64, "latency_ms": 300.0,
                    "message": "tool_error"}),
            ),
            event(
                "audit",
                "32.500",
                "request_completed",
                json!({"message": "completed", "agent": "scout", "detail": {"prices": 2}}),
            ),
        ])
    }

    #[test]
    fn a_trace_on_a_screen() {
        insta::assert_snapshot!(page(&answer(), Look::default()));
    }

    #[test]
    fn trouble_is_seen() {
        let colours = Look {
            width: None,
            colour: true,
        };
        let page = page(&answer(), colours);
        let alarming: Vec<&str> = page
            .lines()
            .filter(|line| line.contains("\u{1b}[31m"))
            .collect();
        assert_eq!(alarming.len(), 2, "{page}");
        assert!(alarming[0].contains("the provider cannot be reached"));
        assert!(alarming[1].contains("failed · docs · search"));
    }
}
