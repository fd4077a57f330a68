//! One thing, field by field; what it has several of stands in tables below.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde_json::Value;
use systemprompt_reporting::Answer;
use systemprompt_reporting::present::cell::{Ids, NOTHING, Row, cells, value};
use systemprompt_reporting::present::column::{Column, Unit, label};

use super::table::{number, tone};
use super::{Shown, datum, exact, locale, rows};
use crate::admin::charts;
use crate::admin::known::Known;
use crate::html::Escaped;

impl Shown<'_> {
    pub(super) fn facts(&self, out: &mut String, answer: &Answer<Value>) {
        let Some(row) = rows(answer).first().copied() else {
            return self.nothing(out, answer);
        };
        let columns = self.columns();
        let locale = locale(answer);
        let schema = &Known::of(self.entry).row;
        let mut below = String::new();
        out.push_str("<dl class=\"facts\">");
        for column in &columns {
            let value = value(column, row);
            let inner = column.inner(schema);
            match (inner, column.unit, value) {
                (Some(inner), _, Value::Array(items)) => {
                    let items: Vec<&Row> = items.iter().filter_map(Value::as_object).collect();
                    if !items.is_empty() {
                        let title = title(&column.key);
                        let _ = write!(below, "<h3>{}</h3>", Escaped(&title));
                        let at = format!("rows/0/{}", column.key);
                        self.table(&mut below, &title, &inner, &items, "", &locale, &at);
                    }
                }
                (_, Unit::Series, Value::Array(items)) => self.hours(&mut below, column, items),
                (_, _, Value::Object(members)) if !members.is_empty() => {
                    let _ = write!(
                        below,
                        "<h3>{}</h3><dl class=\"facts\">",
                        Escaped(&title(&column.key))
                    );
                    for (key, value) in members {
                        let text = match value {
                            Value::Number(number) if number.is_u64() => {
                                systemprompt_reporting::present::figure::grouped(
                                    &number.to_string(),
                                )
                            }
                            value => exact(value),
                        };
                        let text = systemprompt_reporting::present::text::clean(&text).into_owned();
                        let at = format!("0/{}/{key}", column.key);
                        let _ = write!(
                            below,
                            "<div><dt>{}</dt><dd>{}</dd></div>",
                            Escaped(&label(key)),
                            datum(value, &text, &at)
                        );
                    }
                    below.push_str("</dl>");
                }
                (_, _, value) => {
                    let text = cells(column, &[row], &locale, Ids::Whole).concat();
                    if text != NOTHING && value != "" {
                        self.fact(out, column, value, &text);
                    }
                }
            }
        }
        out.push_str("</dl>");
        out.push_str(&below);
    }

    fn fact(&self, out: &mut String, column: &Column, value: &Value, text: &str) {
        let at = format!("0/{}", column.key);
        let tag = matches!(&*column.key, "state" | "class");
        let words = match tag {
            true => Cow::Owned(text.replace('_', " ")),
            false => Cow::Borrowed(text),
        };
        let shown = match value {
            Value::Array(_) | Value::Object(_) => Escaped(text).to_string(),
            value => datum(value, &words, &at),
        };
        let own = self.params.iter().any(|(_, given)| value == given);
        let link = value
            .as_str()
            .filter(|_| !own && column.key != "id")
            .and_then(|value| self.links.to(&column.key, value, ""));
        let shown = match link {
            _ if tag => format!("<span class=\"tag {}\">{shown}</span>", tone(text)),
            Some(link) => format!("<a href=\"{}\">{shown}</a>", Escaped(&link)),
            None => shown,
        };
        let _ = write!(
            out,
            "<div><dt>{}</dt><dd>{shown}</dd></div>",
            Escaped(&title(&column.key))
        );
    }

    /// Figures by hour of the day.
    fn hours(&self, out: &mut String, column: &Column, items: &[Value]) {
        let values: Vec<f64> = items
            .iter()
            .map(|item| number(item).unwrap_or_default())
            .collect();
        let classes: Vec<String> = (0..values.len()).map(|hour| format!("{hour:02}")).collect();
        let texts: Vec<String> = items.iter().map(exact).collect();
        let title = title(&column.key);
        let _ = write!(out, "<h3>{}</h3>", Escaped(&title));
        let id = format!("{}-{}", self.id(), column.key);
        out.push_str(&charts::histogram(
            &id, &title, &classes, &values, &texts, 3,
        ));
        out.push_str("<details class=\"figures\"><summary>View as table</summary><div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"");
        let _ = write!(
            out,
            "{}\"><table><thead><tr><th scope=\"col\">Hour</th><th scope=\"col\" class=\"n\">Count</th></tr></thead><tbody>",
            Escaped(&title)
        );
        for (n, (item, class)) in items.iter().zip(&classes).enumerate() {
            let text = systemprompt_reporting::present::figure::grouped(&exact(item));
            let at = format!("0/{}/{n}", column.key);
            let _ = write!(
                out,
                "<tr><td>{class}</td><td class=\"n\">{}</td></tr>",
                datum(item, &text, &at)
            );
        }
        out.push_str("</tbody></table></div></details>");
    }
}

/// A field's name as a title.
fn title(key: &str) -> String {
    let words = match key {
        "arithmetic" => "the bill, line by line".to_owned(),
        key => label(key),
    };
    let mut chars = words.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string());
    first.unwrap_or_default() + chars.as_str()
}
