//! One row as a list of its figures, each beside what it was in the period
//! before.

use serde_json::Value;

use super::cell::{Ids, Row, cells};
use super::column::{Column, Unit};
use super::figure;
use super::locale::Locale;
use super::look::Look;
use super::text;

/// Columns between names, figures and changes.
const GAP: usize = 2;

/// No id gets more, however long somebody made it.
const MOST_ID: usize = 128;

/// A line of the list.
struct Item {
    label: String,
    unit: Unit,
    text: String,
    change: Option<String>,
}

/// The row as lines. `previous_<name>` becomes the change of `<name>`; what
/// only repeats that change is left out.
pub(crate) fn list(columns: &[Column], row: &Row, locale: &Locale, look: Look) -> Vec<String> {
    let items = items(columns, row, locale);
    let labels = items
        .iter()
        .map(|item| text::width(&item.label))
        .max()
        .unwrap_or(0);
    // Figures line up with each other, words begin where figures do.
    let figures = items.iter().filter(|item| item.unit.is_figure());
    let figures = figures
        .map(|item| text::width(&item.text))
        .max()
        .unwrap_or(0);
    let room = look.width.map_or(usize::MAX, |width| {
        width.saturating_sub(labels + GAP).max(1)
    });
    let line = |item: Item| {
        // What is cut off an id cannot be asked for.
        let room = if item.unit == Unit::Id {
            room.max(MOST_ID)
        } else {
            room
        };
        let label = format!(
            "{}{}",
            item.label,
            " ".repeat(labels - text::width(&item.label))
        );
        let figure = if item.unit.is_figure() {
            " ".repeat(figures - text::width(&item.text)) + &item.text
        } else {
            text::shorten(&item.text, room).into_owned()
        };
        let gap = " ".repeat(GAP);
        match item.change {
            Some(change) => format!(
                "{}{gap}{figure}{gap}{}",
                look.strong(&label),
                look.faint(&change)
            ),
            None => format!("{}{gap}{figure}", look.strong(&label)),
        }
    };
    items.into_iter().map(line).collect()
}

fn items(columns: &[Column], row: &Row, locale: &Locale) -> Vec<Item> {
    let of = |key: &str| columns.iter().find(|column| column.key == key);
    let previous = |column: &Column| of(&format!("previous_{}", column.key));
    let has_previous = columns.iter().any(|column| previous(column).is_some());
    let told_beside = |column: &Column| match column.key.strip_prefix("previous_") {
        Some(key) => of(key).is_some(),
        None => has_previous && column.is_change(),
    };
    let item = |column: &Column| Item {
        label: column.label(),
        unit: column.unit,
        text: written(column, row, locale),
        change: previous(column).map(|previous| change(column, previous, row, locale)),
    };
    // What this answer does not have is not asked about either.
    let told = columns
        .iter()
        .filter(|column| row.contains_key(&column.key) && !told_beside(column));
    told.map(item).collect()
}

fn written(column: &Column, row: &Row, locale: &Locale) -> String {
    cells(column, &[row], locale, Ids::Whole).concat()
}

/// What became of a figure since the period before.
fn change(column: &Column, previous: &Column, row: &Row, locale: &Locale) -> String {
    let before = row.get(&previous.key).and_then(number);
    let now = row.get(&column.key).and_then(number);
    match (before, now) {
        (None, _) => "nothing before".to_owned(),
        (Some(before), Some(now)) if column.unit == Unit::Ratio => {
            format!(
                "{} from {}",
                figure::points(now - before),
                written(previous, row, locale)
            )
        }
        (Some(before), Some(now)) if before != 0.0 => {
            format!(
                "{} from {}",
                figure::change((now - before) / before),
                written(previous, row, locale)
            )
        }
        (Some(_), _) => format!("{} before", written(previous, row, locale)),
    }
}

/// A figure, near enough to draw it or tell its change.
pub(crate) fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn figures_stand_beside_what_they_were() {
        let units = [
            ("requests", Unit::Count),
            ("cost", Unit::Usd),
            ("previous_cost", Unit::Usd),
            ("change", Unit::Ratio),
            ("error_rate", Unit::Ratio),
            ("previous_error_rate", Unit::Ratio),
            ("p95_latency_ms", Unit::Ms),
            ("previous_p95_latency_ms", Unit::Ms),
            ("state", Unit::Text),
        ];
        let columns: Vec<Column> = units
            .into_iter()
            .map(|(key, unit)| Column {
                key: key.to_owned(),
                unit,
            })
            .collect();
        let row = json!({
            "requests": 1200, "cost": "12.5", "previous_cost": "10", "change": 0.25,
            "error_rate": 0.02, "previous_error_rate": 0.03,
            "p95_latency_ms": 840.2, "previous_p95_latency_ms": null, "state": "completed",
        });
        let lines = list(
            &columns,
            row.as_object().expect("an object"),
            &Locale::default(),
            Look::default(),
        );
        insta::assert_snapshot!(lines.join("\n"), @"
        requests      1,200
        cost         $12.50  ▲ 25.0 % from $10.00
        error rate    2.0 %  ▼ 1.0 points from 3.0 %
        p95 latency  840 ms  nothing before
        state        completed
        ");
    }
}
