//! Budgets: what is spent of each, how long the rest lasts, and what is paused.

use std::fmt::Write as _;

use serde_json::Value;
use systemprompt_reporting::Answer;
use systemprompt_reporting::present::cell::{Ids, Row, cells};

use super::cards::short;
use super::table::{number, tone};
use super::{Shown, datum, locale, rows};
use crate::admin::charts;
use crate::html::Escaped;

impl Shown<'_> {
    pub(super) fn budgets(&self, out: &mut String, answer: &Answer<Value>) {
        let rows = rows(answer);
        if rows.is_empty() {
            return self.nothing(out, answer);
        }
        out.push_str("<ul class=\"budgets\">");
        for (n, row) in rows.iter().enumerate() {
            self.budget(out, answer, n, row);
        }
        out.push_str("</ul>");
    }

    fn budget(&self, out: &mut String, answer: &Answer<Value>, n: usize, row: &Row) {
        let columns = self.columns();
        let locale = locale(answer);
        let text = |key: &str| {
            let column = columns.iter().find(|column| column.key == key);
            column.map_or(String::new(), |column| {
                cells(column, &[row], &locale, Ids::Short).concat()
            })
        };
        let figure = |key: &str| {
            let value = row.get(key).cloned().unwrap_or_default();
            let column = columns.iter().find(|column| column.key == key);
            let shown = column.map_or_else(String::new, |column| {
                let short = short(column.unit, &value);
                let row = Row::from_iter([(key.to_owned(), short)]);
                cells(column, &[&row], &locale, Ids::Short).concat()
            });
            datum(&value, &shown, &format!("{n}/{key}"))
        };
        let state = text("state");
        let share = row.get("share").and_then(number).unwrap_or_default();
        let scope = row.get("scope").and_then(Value::as_str);
        let _ = write!(
            out,
            "<li><p class=\"name\"><strong>{}</strong> <span class=\"tag {}\">{}</span></p>\
             <p class=\"soft\">{}</p><div class=\"meter {}\">{}</div><p>{} of {} spent ({}), {} left</p>",
            Escaped(&text("name")),
            tone(&state),
            Escaped(&state),
            Escaped(&match scope {
                Some(scope) => format!("Requests of {scope}"),
                None => "All requests".to_owned(),
            }),
            tone(&state),
            charts::share(share),
            figure("spent"),
            figure("limit"),
            figure("share"),
            figure("left"),
        );
        let has = |key: &str| row.get(key).is_some_and(|value| !value.is_null());
        out.push_str("<p class=\"soft\">");
        if has("forecast") {
            let _ = write!(
                out,
                "If it goes on alike: {} at the end. ",
                figure("forecast")
            );
        }
        if has("pace") {
            let _ = write!(out, "Pace {}. ", figure("pace"));
        }
        let _ = write!(
            out,
            "Until {} {}.",
            Escaped(&text("period_end")),
            Escaped(row.get("timezone").and_then(Value::as_str).unwrap_or("UTC"))
        );
        if has("paused_at") {
            let _ = write!(
                out,
                " Requests are refused since {}; <code>systemprompt alerts resume {}</code> lets them through.",
                Escaped(&text("paused_at")),
                Escaped(&super::shell(
                    row.get("name").and_then(Value::as_str).unwrap_or_default()
                ))
            );
        }
        out.push_str("</p></li>");
    }
}
