//! The page itself: sections of figures, and the arithmetic of the cost.

use std::fmt::Write as _;

use rust_decimal::Decimal;
use serde_json::Value;
use systemprompt_domain::period::Zone;

use crate::human::Look;
use crate::human::cell::{Ids, Row, cells, decimal, value};
use crate::human::column::{Column, Unit, label};
use crate::human::locale::Locale;
use crate::human::{figure, text};

/// What stands in which section. Figures that are not known are left out.
const SECTIONS: [(&str, &[&str]); 4] = [
    (
        "Identity",
        &[
            "agent",
            "user",
            "token",
            "session_id",
            "conversation_id",
            "conversation_derived",
            "trace_id",
            "span_id",
            "parent_span_id",
        ],
    ),
    (
        "Model",
        &[
            "provider",
            "api",
            "streamed",
            "requested_model",
            "served_model",
            "service_tier",
            "provider_request_id",
            "response_id",
        ],
    ),
    (
        "Outcome",
        &[
            "state",
            "http_status",
            "error_type",
            "error_code",
            "finish_reason",
            "tool_calls",
        ],
    ),
    (
        "Time",
        &[
            "created_at",
            "finished_at",
            "ttfb_ms",
            "latency_ms",
            "request_bytes",
            "response_bytes",
        ],
    ),
];

/// What the sections on tokens and cost show.
#[cfg(test)]
const APART: [&str; 10] = [
    "id",
    "tokens",
    "usage_source",
    "usage_injected",
    "usage_extra",
    "raw_usage",
    "cost",
    "converted_cost",
    "price_version",
    "arithmetic",
];

/// A request as a page.
pub(super) fn page(columns: &[Column], row: &Row, locale: &Locale, look: Look) -> String {
    let mut page = Page {
        text: String::new(),
        look,
    };
    let id = row.get("id").and_then(Value::as_str).unwrap_or_default();
    page.line(&format!("{}  {}", look.strong("request"), text::clean(id)));
    for (title, keys) in SECTIONS {
        let known = keys
            .iter()
            .filter_map(|key| columns.iter().find(|column| column.key == *key));
        let known = known.filter(|column| !is_nothing(value(column, row)));
        page.pairs(
            title,
            known.map(|column| (column.label(), written(column, row))),
        );
    }
    page.tokens(row);
    page.cost(row);
    page.converted(row, locale);
    page.text
}

fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

fn written(column: &Column, row: &Row) -> String {
    let zone = Zone::default();
    if column.unit == Unit::Time {
        let at = value(column, row)
            .as_str()
            .and_then(|text| figure::parse_moment(text, &zone));
        if let Some(at) = at {
            return figure::moment(at, figure::Precision::Milli) + " UTC";
        }
    }
    cells(column, &[row], &Locale::default(), Ids::Whole).concat()
}

struct Page {
    text: String,
    look: Look,
}

impl Page {
    fn line(&mut self, line: &str) {
        writeln!(self.text, "{}", line.trim_end()).expect("a String takes all");
    }

    fn title(&mut self, title: &str) {
        let title = self.look.strong(title);
        self.line("");
        self.line(&title);
    }

    /// Names and what they stand for, aligned.
    fn pairs(&mut self, title: &str, pairs: impl Iterator<Item = (String, String)>) {
        let pairs: Vec<_> = pairs.collect();
        if pairs.is_empty() {
            return;
        }
        self.title(title);
        let labels = pairs
            .iter()
            .map(|(label, _)| text::width(label))
            .max()
            .unwrap_or(0);
        for (label, text) in pairs {
            self.line(&format!("  {label:labels$}  {text}"));
        }
    }

    /// Tokens by class, and who says so.
    fn tokens(&mut self, row: &Row) {
        let Some(tokens) = row.get("tokens").and_then(Value::as_object) else {
            self.title("Tokens");
            return self.line("  Nobody stated the usage.");
        };
        let counts = tokens
            .iter()
            .map(|(class, count)| (label(class), figure::grouped(&count.to_string())));
        let counts: Vec<_> = counts.collect();
        let widest = counts
            .iter()
            .map(|(_, count)| count.len())
            .max()
            .unwrap_or(0);
        let source = row
            .get("usage_source")
            .and_then(Value::as_str)
            .unwrap_or("none");
        let injected = row.get("usage_injected").and_then(Value::as_bool) == Some(true);
        let asked = if injected {
            ", asked for by the gateway"
        } else {
            ""
        };
        let title = format!("Tokens, source: {}{asked}", text::clean(source));
        self.pairs(
            &title,
            counts
                .into_iter()
                .map(|(class, count)| (class, format!("{count:>widest$}"))),
        );
        for key in ["usage_extra", "raw_usage"] {
            if let Some(value) = row.get(key).filter(|value| !value.is_null()) {
                self.line(&format!(
                    "  {}: {}",
                    label(key),
                    text::clean(&value.to_string())
                ));
            }
        }
    }

    /// The cost, as it was recorded and as it comes about.
    fn cost(&mut self, row: &Row) {
        let recorded = row.get("cost").and_then(decimal);
        let lines = row
            .get("arithmetic")
            .and_then(Value::as_array)
            .map_or(&[][..], Vec::as_slice);
        self.title("Cost");
        let version = row
            .get("price_version")
            .and_then(Value::as_str)
            .map(text::clean);
        if let Some(version) = &version {
            self.line(&format!("  price version {version}"));
        }
        self.bill(lines, version.as_deref());
        let Some(recorded) = recorded else {
            let under_way = row.get("finished_at").is_none_or(Value::is_null);
            return self.line(if under_way {
                "  Not known yet: the request is under way."
            } else {
                "  Unpriced: no price is known, which is not the same as nothing."
            });
        };
        let recorded = figure::exact_money(recorded);
        match row.get("arithmetic_agrees").and_then(Value::as_bool) {
            Some(true) => self.line(&format!("  recorded {recorded}, the same")),
            Some(false) => {
                let alarm = self
                    .look
                    .alarming(&format!("  recorded {recorded}: NOT what the prices say"));
                self.line(&alarm);
            }
            None => self.line(&format!(
                "  recorded {recorded}; its prices can no longer be read"
            )),
        }
    }

    /// The cost in the answer's currency, where that is another. Prices are in
    /// dollars, so the bill is too.
    fn converted(&mut self, row: &Row, locale: &Locale) {
        if let Some(amount) = row.get("converted_cost").and_then(decimal) {
            let amount = locale.money(amount, amount.normalize().scale().max(2));
            self.line(&format!(
                "  converted {amount}, at the rate of its day; the prices above are in US dollars"
            ));
        }
    }

    /// Quantity times rate, line by line, and the sum below.
    fn bill(&mut self, lines: &[Value], version: Option<&str>) {
        let lines: Vec<Line> = lines.iter().filter_map(Line::read).collect();
        let sum = lines
            .iter()
            .try_fold(Decimal::ZERO, |sum, line| sum.checked_add(line.cost));
        let Some(sum) = sum.filter(|_| !lines.is_empty()) else {
            return;
        };
        // Half to even, once, to the nano-dollar: as when a request is recorded.
        let rounded = sum.round_dp(9);
        let amounts = || lines.iter().map(|line| line.cost).chain([sum, rounded]);
        let places = amounts()
            .map(|amount| amount.normalize().scale())
            .max()
            .unwrap_or(0)
            .max(2);
        let money = |amount| figure::money(amount, places);

        let widest = |of: fn(&Line) -> &str| {
            lines
                .iter()
                .map(|line| text::width(of(line)))
                .max()
                .unwrap_or(0)
        };
        let (items, quantities) = (widest(|l| &l.item), widest(|l| &l.quantity));
        let (rates, units) = (widest(|l| &l.rate), widest(|l| l.unit));
        let costs = amounts()
            .map(|amount| money(amount).len())
            .max()
            .unwrap_or(0);
        let mut label = 0;
        for line in &lines {
            let Line {
                item,
                quantity,
                rate,
                unit,
                ..
            } = line;
            let product =
                format!("{item:items$}  {quantity:>quantities$} × {rate:>rates$} / {unit:units$}");
            label = text::width(&product);
            let cost = money(line.cost);
            self.line(&format!(
                "  {product} = {cost:>costs$}{}",
                line.remarks(version)
            ));
        }
        for (name, amount) in [("sum", sum), ("rounded", rounded)] {
            let amount = money(amount);
            self.line(&format!("  {name:label$} = {amount:>costs$}"));
        }
    }
}

/// A line of the bill.
struct Line {
    model: String,
    item: String,
    quantity: String,
    rate: String,
    unit: &'static str,
    cost: Decimal,
    tier: Option<String>,
    price_version: String,
}

impl Line {
    fn read(line: &Value) -> Option<Self> {
        let words = |key| {
            line.get(key)?
                .as_str()
                .map(|words| text::clean(words).into_owned())
        };
        Some(Self {
            model: words("model")?,
            item: label(&words("item")?),
            quantity: figure::grouped(&line.get("quantity")?.as_u64()?.to_string()),
            rate: figure::exact_money(line.get("rate").and_then(decimal)?),
            unit: if words("unit")? == "call" {
                "call"
            } else {
                "1M"
            },
            cost: line.get("cost").and_then(decimal)?,
            tier: words("tier"),
            price_version: words("price_version")?,
        })
    }

    /// What sets the line apart: its tier, and another model with its prices.
    fn remarks(&self, version: Option<&str>) -> String {
        let tier = self.tier.as_ref().map(|tier| format!("  {tier}"));
        let other = (Some(self.price_version.as_str()) != version)
            .then(|| format!("  {}, price version {}", self.model, self.price_version));
        [tier, other].into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use systemprompt_reporting::{Answer, find};

    use super::*;

    fn columns() -> Vec<Column> {
        Column::of(
            find(&["requests", "show"])
                .expect("listed")
                .row()
                .as_value(),
        )
    }

    #[test]
    fn nothing_of_a_request_is_left_out() {
        let shown = |key: &str| {
            SECTIONS.iter().any(|(_, keys)| keys.contains(&key))
                || APART.contains(&key)
                || key == "arithmetic_agrees"
        };
        for column in columns() {
            assert!(shown(&column.key), "{} is in no section", column.key);
        }
    }

    fn finished() -> Value {
        serde_json::from_str(include_str!("request.json")).expect("JSON")
    }

    fn shown(row: &Value) -> String {
        page(
            &columns(),
            row.as_object().expect("an object"),
            &Locale::default(),
            Look::default(),
        )
    }

    #[test]
    fn a_request_on_a_page() {
        insta::assert_snapshot!(shown(&finished()));
    }

    #[test]
    fn a_cost_that_does_not_agree_is_said_aloud() {
        let mut row = finished();
        row["arithmetic_agrees"] = json!(false);
        row["cost"] = json!("0.03");
        assert!(shown(&row).ends_with("  recorded $0.03: NOT what the prices say\n"));
    }

    #[test]
    fn another_currency_has_a_line_of_its_own() {
        let mut row = finished();
        row["converted_cost"] = json!("0.0155");
        let mut answer = Answer::of(Vec::new());
        answer.currency = Some("EUR".to_owned());
        let row = row.as_object().expect("an object");
        let page = page(&columns(), row, &Locale::of(&answer), Look::default());
        assert!(
            page.ends_with(
                "  converted EUR 0.0155, at the rate of its day; the prices above are in US dollars\n"
            ),
            "{page}"
        );
    }

    #[test]
    fn unknown_is_not_nothing() {
        let mut row = finished();
        for key in ["cost", "price_version", "tokens", "arithmetic_agrees"] {
            row[key] = Value::Null;
        }
        row["arithmetic"] = json!([]);
        let page = shown(&row);
        assert!(
            page.contains("Tokens\n  Nobody stated the usage.\n"),
            "{page}"
        );
        assert!(
            page.ends_with("  Unpriced: no price is known, which is not the same as nothing.\n"),
            "{page}"
        );
        row["finished_at"] = Value::Null;
        assert!(shown(&row).ends_with("  Not known yet: the request is under way.\n"));
    }
}
