//! Rows in columns: figures to the right, bars behind what is compared, names that
//! lead on.

use std::fmt::Write as _;

use rust_decimal::prelude::ToPrimitive as _;
use serde_json::Value;
use systemprompt_reporting::Answer;
use systemprompt_reporting::present::cell::{Ids, NOTHING, Row, cells, decimal, value};
use systemprompt_reporting::present::column::{Column, Unit};
use systemprompt_reporting::present::locale::Locale;

use super::{Shown, exact, locale, rows};
use crate::admin::charts;
use crate::html::Escaped;

impl Shown<'_> {
    /// All rows, in these columns or all.
    pub(super) fn rows(
        &self,
        out: &mut String,
        answer: &Answer<Value>,
        keys: &[&str],
        bar: &str,
        older: Option<&str>,
    ) {
        let all = self.columns();
        let chosen: Vec<Column> = match keys {
            [] => all,
            keys => keys
                .iter()
                .filter_map(|key| all.iter().find(|column| column.key == **key).cloned())
                .collect(),
        };
        let rows = rows(answer);
        if rows.is_empty() {
            return self.nothing(out, answer);
        }
        let caption = self.panel.title;
        self.table(out, caption, &chosen, &rows, bar, &locale(answer), "rows");
        if answer.more {
            let last = older.and_then(|id| Some(exact(rows.last()?.get(id)?)));
            let _ = match last {
                Some(last) if super::link::takes(self.entry, "before") => write!(
                    out,
                    "<p class=\"more\"><a href=\"{}\">Older</a></p>",
                    Escaped(&self.links.here(&self.links.view.older(&last)))
                ),
                _ => write!(
                    out,
                    "<p class=\"note\">The first {} of more.</p>",
                    rows.len()
                ),
            };
        }
    }

    /// A table. `at` is where the answer has its rows.
    #[expect(clippy::too_many_arguments, reason = "what a table is made of")]
    pub(super) fn table(
        &self,
        out: &mut String,
        caption: &str,
        columns: &[Column],
        rows: &[&Row],
        bar: &str,
        locale: &Locale,
        at: &str,
    ) {
        let written: Vec<Vec<String>> = columns
            .iter()
            .map(|column| cells(column, rows, locale, Ids::Short))
            .collect();
        // The first column that has a name holds the bars.
        let names = columns.iter().position(|column| !column.unit.is_figure());
        let bars = columns
            .iter()
            .find(|column| column.key == bar)
            .map(|column| lengths(column, rows));
        let by = self
            .params
            .iter()
            .find(|(name, _)| name == "by")
            .map_or("", |(_, value)| value);
        let _ = write!(
            out,
            "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"{caption}\">\
             <table data-rows=\"{at}\"><caption class=\"hide\">{caption}</caption><thead><tr>",
            caption = Escaped(caption)
        );
        for column in columns {
            let label = match &*column.key {
                "name" if !by.is_empty() => by.to_owned(),
                _ => column.label(),
            };
            let _ = write!(
                out,
                "<th scope=\"col\" data-k=\"{}\"{}>{}</th>",
                Escaped(&column.key),
                if column.unit.is_figure() {
                    " class=\"n\""
                } else {
                    ""
                },
                Escaped(&label)
            );
        }
        out.push_str("</tr></thead><tbody>");
        for (n, row) in rows.iter().enumerate() {
            out.push_str("<tr>");
            for (i, column) in columns.iter().enumerate() {
                let bar = bars.as_ref().filter(|_| names == Some(i));
                let bar = bar.and_then(|bars| bars.get(n)).copied();
                let link = self.leads(column, row, by);
                let value = value(column, row);
                // Nothing is nothing, but where rows are named by it.
                let text = match value.as_str() {
                    Some("") if names != Some(i) => NOTHING,
                    _ => written[i][n].as_str(),
                };
                cell(out, column, value, text, bar, link);
            }
            out.push_str("</tr>");
        }
        out.push_str("</tbody></table></div>");
    }

    /// Where a cell leads.
    fn leads(&self, column: &Column, row: &Row, by: &str) -> Option<String> {
        let value = value(column, row).as_str()?;
        match &*column.key {
            "title" => self.links.to("content", row.get("content")?.as_str()?, by),
            "id" if self.entry.group() == "sessions" => self.links.to("id", value, by),
            // Ids of other things are not requests.
            "id" if self.entry.path != ["requests", "list"] && !row.contains_key("latency_ms") => {
                None
            }
            "id" | "request_id" if row.contains_key("kind") => None,
            key => self.links.to(key, value, by),
        }
    }
}

/// How long the bars of a column are, against the longest.
fn lengths(column: &Column, rows: &[&Row]) -> Vec<f64> {
    let figures = rows.iter().map(|row| number(value(column, row)));
    let figures: Vec<f64> = figures.map(Option::unwrap_or_default).collect();
    let top = figures.iter().copied().fold(0.0, f64::max);
    let part = |figure: f64| if top > 0.0 { figure / top } else { 0.0 };
    figures.into_iter().map(part).collect()
}

/// A figure to draw, whatever it is written as.
pub(super) fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| decimal(value)?.to_f64())
}

fn cell(
    out: &mut String,
    column: &Column,
    value: &Value,
    text: &str,
    bar: Option<f64>,
    link: Option<String>,
) {
    let mut class: Vec<&str> = Vec::new();
    if column.unit.is_figure() {
        class.push("n");
    }
    if matches!(column.unit, Unit::Time) {
        class.push("t");
    }
    if bar.is_some() {
        class.push("b");
    }
    if text == NOTHING {
        class.push("nil");
    }
    if matches!(column.unit, Unit::Nested) || matches!(&*column.key, "advice" | "last_error") {
        class.push("long");
    }
    let exact = exact(value);
    let state = column.unit == Unit::Text
        && matches!(
            &*column.key,
            "state" | "kind" | "class" | "status" | "trend_direction" | "pattern"
        );
    let words = text.replace('_', " ");
    let text = if state { &*words } else { text };
    out.push_str("<td");
    if !class.is_empty() {
        let _ = write!(out, " class=\"{}\"", class.join(" "));
    }
    if exact != text {
        let _ = write!(out, " data-v=\"{}\"", Escaped(&exact));
    }
    out.push('>');
    if let Some(bar) = bar {
        out.push_str(&charts::share(bar));
    }
    let inner = match state && text != NOTHING {
        true => format!(
            "<span class=\"tag {}\">{}</span>",
            tone(&exact),
            Escaped(text)
        ),
        false => Escaped(text).to_string(),
    };
    // What is cut short on the screen is whole in the title.
    let title = match column.unit {
        Unit::Id | Unit::Text if exact != text && !exact.is_empty() => {
            format!(" title=\"{}\"", Escaped(&exact_title(&exact)))
        }
        _ => String::new(),
    };
    let _ = match link {
        Some(link) => write!(out, "<a href=\"{}\"{title}>{inner}</a>", Escaped(&link)),
        None if bar.is_some() => write!(out, "<span{title}>{inner}</span>"),
        None => write!(out, "{inner}"),
    };
    out.push_str("</td>");
}

/// A hostile name is not to be read backwards in a title either.
fn exact_title(text: &str) -> String {
    systemprompt_reporting::present::text::clean(text).into_owned()
}

/// The colour of a state: never the only thing that tells it.
pub(in crate::admin) fn tone(state: &str) -> &'static str {
    match state {
        "completed" | "succeeded" | "success" | "ok" | "resumed" | "sent" | "clean_human"
        | "deep_read" | "up" => "good",
        "failed" | "lost" | "over" | "paused" | "denied" | "upstream_timeout" | "undelivered"
        | "scanner" | "timeout" => "bad",
        "client_disconnect" | "shutdown" | "warning" | "stale" | "waiting" | "reached"
        | "behavioral_bot" | "cancelled" | "down" | "bounced" => "warn",
        _ => "plain",
    }
}
