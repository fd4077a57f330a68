//! A trace as a waterfall: what happened when, and for how long.

use std::fmt::Write as _;

use serde_json::Value;
use systemprompt_reporting::Answer;
use systemprompt_reporting::present::cell::{Ids, NOTHING, Row, cells, value};
use systemprompt_reporting::present::figure;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::table::{number, tone};
use super::{Shown, datum, exact, locale, rows};
use crate::admin::charts::{Span, waterfall};
use crate::html::Escaped;

impl Shown<'_> {
    pub(super) fn waterfall(&self, out: &mut String, answer: &Answer<Value>) {
        let rows = rows(answer);
        let ends = rows.iter().map(|row| end(row));
        let Some(begin) = rows.iter().map(|row| begin(row)).reduce(f64::min) else {
            return self.nothing(out, answer);
        };
        let whole = ends.fold(begin, f64::max) - begin;
        let columns = self.columns();
        let locale = locale(answer);
        let _ = write!(
            out,
            "<p class=\"soft\">{} events in {}.</p><div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Timeline\">\
             <table class=\"waterfall\" data-rows=\"rows\"><caption class=\"hide\">Timeline</caption><thead><tr>\
             <th scope=\"col\" data-k=\"kind\">Kind</th><th scope=\"col\" data-k=\"event\">What</th>\
             <th scope=\"col\" class=\"n\">After</th><th scope=\"col\">When</th><th scope=\"col\" class=\"n\" data-k=\"latency_ms\">Took</th>\
             <th scope=\"col\" class=\"n\" data-k=\"cost\">Cost</th><th scope=\"col\">About</th></tr></thead><tbody>",
            rows.len(),
            figure::duration(whole)
        );
        for (n, row) in rows.iter().enumerate() {
            let text = |key: &str| {
                let column = columns.iter().find(|column| column.key == key);
                column.map_or(String::new(), |column| {
                    cells(column, &[row], &locale, Ids::Short).concat()
                })
            };
            let at = begin_of(row) - begin;
            let took = number(row.get("latency_ms").unwrap_or(&Value::Null)).unwrap_or_default();
            let failed =
                row.get("message").is_some_and(|m| !m.is_null()) && text("kind") == "response";
            let class = if failed { "bad" } else { kind(&text("kind")) };
            let span = Span {
                begin: at,
                length: took,
            };
            let figure = |key: &str| {
                let text = text(key);
                let value = columns
                    .iter()
                    .find(|c| c.key == key)
                    .map(|c| value(c, row).clone());
                let value = value.unwrap_or_default();
                let nil = if text == NOTHING { " nil" } else { "" };
                format!(
                    "<td class=\"n{nil}\" data-v=\"{}\">{}</td>",
                    Escaped(&exact(&value)),
                    Escaped(&text)
                )
            };
            let _ = write!(
                out,
                "<tr><td><span class=\"tag {}\">{}</span></td><td>{}</td><td class=\"n soft\">{}</td><td class=\"lane\">{}</td>{}{}<td class=\"long\">{}{}</td></tr>",
                if failed { "bad" } else { "plain" },
                Escaped(&text("kind")),
                Escaped(&text("event")),
                figure::duration(at),
                waterfall(span, whole, class),
                figure("latency_ms"),
                figure("cost"),
                self.about(n, row, &text),
                detail(row),
            );
        }
        out.push_str("</tbody></table></div>");
    }

    /// What an event is about: model, status, who, and the request it belongs to.
    fn about(&self, n: usize, row: &Row, text: &dyn Fn(&str) -> String) -> String {
        let mut parts = Vec::new();
        for key in [
            "provider",
            "model",
            "message",
            "agent",
            "user",
            "token",
            "finish_reason",
        ] {
            if let Some(value) = row.get(key).filter(|value| !value.is_null()) {
                let shown = datum(value, &text(key), &format!("{n}/{key}"));
                let link = match key {
                    "agent" => value.as_str().and_then(|v| self.links.to("agent", v, "")),
                    _ => None,
                };
                parts.push(match link {
                    Some(link) => format!("<a href=\"{}\">{shown}</a>", Escaped(&link)),
                    None => shown,
                });
            }
        }
        if let Some(status) = row.get("http_status").filter(|value| !value.is_null()) {
            let tone = if status.as_i64().is_some_and(|s| s < 400) {
                "good"
            } else {
                "bad"
            };
            parts.push(format!(
                "<span class=\"tag {tone}\">HTTP {}</span>",
                datum(status, &status.to_string(), &format!("{n}/http_status"))
            ));
        }
        let request = row.get("request_id").and_then(Value::as_str);
        let request = request.or_else(|| {
            let own = matches!(
                row.get("kind").and_then(Value::as_str),
                Some("request" | "response")
            );
            row.get("id").filter(|_| own).and_then(Value::as_str)
        });
        if let Some(link) = request.and_then(|id| self.links.to("id", id, "")) {
            parts.push(format!("<a href=\"{}\">request</a>", Escaped(&link)));
        }
        parts.join(" · ")
    }
}

/// What else is known, folded away.
fn detail(row: &Row) -> String {
    let Some(Value::Object(members)) = row.get("detail") else {
        return String::new();
    };
    let mut out = String::from("<details class=\"inline\"><summary>Detail</summary><dl>");
    for (key, value) in members {
        let text = exact(value);
        let text = systemprompt_reporting::present::text::clean(&text);
        let _ = write!(out, "<dt>{}</dt><dd>{}</dd>", Escaped(key), Escaped(&text));
    }
    out.push_str("</dl></details>");
    out
}

/// The moment of a row in milliseconds.
fn at(row: &Row) -> f64 {
    let text = row.get("at").and_then(Value::as_str).unwrap_or_default();
    let at = OffsetDateTime::parse(text, &Rfc3339).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    at.unix_timestamp_nanos() as f64 / 1e6
}

/// When what a row tells of began: an answer is told at its end.
fn begin_of(row: &Row) -> f64 {
    let took = number(row.get("latency_ms").unwrap_or(&Value::Null)).unwrap_or_default();
    at(row) - took
}

fn begin(row: &Row) -> f64 {
    begin_of(row)
}

fn end(row: &Row) -> f64 {
    at(row)
}

/// The colour of a kind of event.
fn kind(kind: &str) -> &'static str {
    match kind {
        "request" | "response" => "s1",
        "authorization" => "s3",
        "audit" => "s4",
        _ => tone(kind),
    }
}
