//! Figures on cards: the figure, its change against the period before, and how it
//! came about.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};
use systemprompt_reporting::Answer;
use systemprompt_reporting::present::cell::{Ids, cells};
use systemprompt_reporting::present::column::{Column, Unit};
use systemprompt_reporting::present::figure;

use super::table::number;
use super::{Shown, datum, locale, rows};
use crate::admin::charts;
use crate::admin::panel::{Card, Good};
use crate::html::Escaped;

/// From so many milliseconds on a card counts in seconds.
const LONG_MS: f64 = 10_000.0;

/// A figure of the answer, with that of the period before.
struct Figure {
    value: Value,
    previous: Value,
    at: String,
    previous_at: String,
    column: Column,
}

impl Shown<'_> {
    pub(super) fn cards(&self, out: &mut String, answer: &Answer<Value>, cards: &[Card]) {
        let columns = self.columns();
        out.push_str("<ul class=\"kpis\">");
        for card in cards {
            if let Some(figure) = figure_of(card, answer, &columns) {
                self.card(out, answer, card, &figure);
            }
        }
        out.push_str("</ul>");
    }

    fn card(&self, out: &mut String, answer: &Answer<Value>, card: &Card, of: &Figure) {
        let locale = locale(answer);
        let write = |value: &Value| {
            let row = Map::from_iter([(of.column.key.clone(), short(of.column.unit, value))]);
            let long = value.as_f64().is_some_and(|ms| ms >= LONG_MS);
            let unit = match of.column.unit {
                Unit::Ms if long => Unit::Duration,
                unit => unit,
            };
            let column = Column {
                unit,
                ..of.column.clone()
            };
            cells(&column, &[&row], &locale, Ids::Short).concat()
        };
        let exactly = match &of.value {
            Value::String(text) => format!(" title=\"{}\"", Escaped(text)),
            _ => String::new(),
        };
        let _ = write!(
            out,
            "<li class=\"kpi\"><h3>{}</h3><p class=\"figure\"{exactly}>{}</p>",
            Escaped(card.label),
            datum(&of.value, &write(&of.value), &of.at)
        );
        if !of.previous_at.is_empty() && self.links.view.compare {
            let change = change(&of.column, &of.value, &of.previous);
            let tone = match (card.good, change.as_ref().map(|(_, way)| *way)) {
                (Good::Up, Some(1)) | (Good::Down, Some(-1)) => "good",
                (Good::Up, Some(-1)) | (Good::Down, Some(1)) => "bad",
                _ => "plain",
            };
            let text = change.map_or_else(String::new, |(text, _)| text);
            let _ = write!(
                out,
                "<p class=\"change\"><span class=\"{tone}\">{}</span> <span class=\"was\">from {}</span></p>",
                Escaped(&text),
                datum(&of.previous, &write(&of.previous), &of.previous_at)
            );
        }
        if let Some((key, trend)) = card.trend.zip(self.trend.as_ref()) {
            let values: Vec<Option<f64>> = rows(trend)
                .iter()
                .map(|row| row.get(key).and_then(number))
                .collect();
            out.push_str(&charts::spark(&values));
        }
        out.push_str("</li>");
    }
}

/// The figure a card shows: a column of the only row, or the row of a metric.
fn figure_of(card: &Card, answer: &Answer<Value>, columns: &[Column]) -> Option<Figure> {
    let rows = rows(answer);
    let metric = rows
        .iter()
        .position(|row| row.get("metric").is_some_and(|metric| metric == card.key));
    if let Some(n) = metric {
        let row = rows[n];
        let unit = Unit::named(row.get("unit")?.as_str()?)?;
        let previous = row.get("previous").cloned().unwrap_or_default();
        return Some(Figure {
            value: row.get("value").cloned().unwrap_or_default(),
            previous_at: match previous.is_null() {
                true => String::new(),
                false => format!("{n}/previous"),
            },
            previous,
            at: format!("{n}/value"),
            column: Column {
                key: "value".to_owned(),
                unit,
            },
        });
    }
    let row = rows.first()?;
    let column = columns.iter().find(|column| column.key == card.key)?;
    let previous = card.previous.and_then(|key| row.get(key));
    Some(Figure {
        value: row.get(card.key).cloned().unwrap_or_default(),
        previous: previous.cloned().unwrap_or_default(),
        at: format!("0/{}", card.key),
        previous_at: match (card.previous, previous) {
            (Some(key), Some(previous)) if !previous.is_null() => format!("0/{key}"),
            _ => String::new(),
        },
        column: column.clone(),
    })
}

/// A large amount without fractions of a cent: a card has little room, and its
/// title has the rest.
pub(super) fn short(unit: Unit, value: &Value) -> Value {
    use rust_decimal::{Decimal, RoundingStrategy};
    let amount = value.as_str().and_then(|text| text.parse::<Decimal>().ok());
    match (unit, amount) {
        (Unit::Usd | Unit::Money, Some(amount)) if amount.abs() >= Decimal::ONE => {
            let cents = amount.round_dp_with_strategy(2, RoundingStrategy::MidpointNearestEven);
            json!(cents.to_string())
        }
        _ => value.clone(),
    }
}

/// The change in words, and which way it went.
fn change(column: &Column, value: &Value, previous: &Value) -> Option<(String, i8)> {
    let (value, previous) = number(value).zip(number(previous))?;
    let difference = value - previous;
    let text = match column.unit {
        Unit::Ratio => figure::points(difference),
        _ if previous == 0.0 && value == 0.0 => "unchanged".to_owned(),
        _ if previous == 0.0 => "new".to_owned(),
        _ => figure::change(difference / previous),
    };
    let way = match text.chars().next() {
        Some('▲') => 1,
        Some('▼') => -1,
        _ => 0,
    };
    Some((text, way))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_have_words_and_a_way() {
        let column = |unit| Column {
            key: "x".to_owned(),
            unit,
        };
        let money = column(Unit::Usd);
        let told = |column: &Column, value, previous| change(column, &value, &previous);
        assert_eq!(
            told(&money, json!("3"), json!("2")),
            Some(("▲ 50.0 %".to_owned(), 1))
        );
        assert_eq!(
            told(&money, json!("1"), json!("0")),
            Some(("new".to_owned(), 0))
        );
        assert_eq!(
            told(&money, json!("0"), json!("0")),
            Some(("unchanged".to_owned(), 0))
        );
        assert_eq!(told(&money, json!(null), json!("0")), None);
        let ratio = column(Unit::Ratio);
        assert_eq!(
            told(&ratio, json!(0.01), json!(0.02)),
            Some(("▼ 1.0 points".to_owned(), -1))
        );
    }
}
