//! Answers for people: a header that says what was asked and about when, then
//! a table, or a list for a single row, and what should be known about it.

mod list;
mod look;
pub(crate) mod table;
pub(crate) mod text;

use std::fmt::Write as _;

use serde_json::Value;
use systemprompt_domain::Sampling;
use systemprompt_domain::period::Zone;
use systemprompt_reporting::present::sparkline::sparkline;
pub(crate) use systemprompt_reporting::present::{cell, column, figure, locale};
use systemprompt_reporting::{Answer, Entry, PeriodUsed};

use self::cell::{Ids, Row, cells, value};
use self::column::{Column, Unit};
use self::figure::{Precision, local, moment};
use self::locale::Locale;
pub use self::look::Look;
use self::table::{Filled, table};

/// Sparklines are drawn no longer than this.
const LONGEST_LINE: usize = 60;

/// The answer to a question as text. `next` is what to do where there is nothing
/// to show yet.
#[must_use]
pub fn render(entry: &Entry, answer: &Answer<Value>, next: &str, look: Look) -> String {
    let locale = Locale::of(answer);
    let zone = &locale.zone;
    let columns = Column::of(entry.row().as_value());
    let rows: Vec<&Row> = answer.rows.iter().filter_map(Value::as_object).collect();
    let mut page = Page {
        text: String::new(),
        look,
    };
    page.line(&header(entry, answer.period.as_ref(), zone, look));
    page.line("");
    match rows.as_slice() {
        [] => {}
        [row] if answers_in_one_row(entry, &columns) => {
            page.one(entry.row().as_value(), columns, row, &locale);
        }
        rows => page.rows(columns, rows, &locale),
    }
    match &answer.note {
        Some(why) if rows.is_empty() => page.line(&sentence(why)),
        _ if nothing_happened(&rows) => {
            if !rows.is_empty() {
                page.line("");
            }
            page.line(&nothing(answer.period.as_ref(), zone, next));
        }
        _ => {}
    }
    if answer.more {
        page.aside(&more(entry, rows.last().copied()));
    }
    if let Some(note) = answer.note.as_ref().filter(|_| !rows.is_empty()) {
        page.aside(&format!("Note: {}", text::clean(note)));
    }
    if let Some(rate) = answer.sampled {
        let sampling = Sampling::new(rate);
        page.aside(&format!(
            "Sampled {sampling}: the other requests are counted but not listed."
        ));
    }
    page.text
}

/// Rows that answer no question, under the columns that are named, amounts in US
/// dollars.
pub(crate) fn rows(columns: &[(&str, Unit)], rows: &[Value], look: Look) -> String {
    let columns = columns.iter().map(|(key, unit)| Column {
        key: (*key).to_owned(),
        unit: *unit,
    });
    let rows: Vec<&Row> = rows.iter().filter_map(Value::as_object).collect();
    let mut page = Page {
        text: String::new(),
        look,
    };
    page.rows(columns.collect(), &rows, &Locale::default());
    page.text
}

/// The text so far.
struct Page {
    text: String,
    look: Look,
}

impl Page {
    fn line(&mut self, line: &str) {
        writeln!(self.text, "{}", line.trim_end()).expect("a String takes all");
    }

    /// Something that may be overlooked.
    fn aside(&mut self, text: &str) {
        let text = self.look.faint(text);
        self.line("");
        self.line(&text);
    }

    /// One row as a list of what it says, then the rows that it holds as tables.
    fn one(&mut self, schema: &Value, columns: Vec<Column>, row: &Row, locale: &Locale) {
        let mut tables = Vec::new();
        let mut plain = Vec::new();
        for column in columns {
            let rows = value(&column, row).as_array();
            let rows: Vec<&Row> = rows
                .into_iter()
                .flatten()
                .filter_map(Value::as_object)
                .collect();
            match column.inner(schema) {
                Some(inner) if !rows.is_empty() => tables.push((column.label(), inner, rows)),
                _ => plain.push(column),
            }
        }
        for line in list::list(&plain, row, locale, self.look) {
            self.line(&line);
        }
        for (title, inner, rows) in tables {
            self.line("");
            self.line(&self.look.strong(&title));
            self.rows(inner, &rows, locale);
        }
    }

    fn rows(&mut self, columns: Vec<Column>, rows: &[&Row], locale: &Locale) {
        let trend = is_trend(&columns);
        // Where rows name their unit, their figures already show it.
        let named = columns.iter().any(|column| column.unit == Unit::Varies);
        let filled: Vec<Filled> = columns
            .into_iter()
            .filter(|column| !(named && column.key == "unit"))
            .map(|column| {
                let cells = cells(&column, rows, locale, Ids::Short);
                Filled { column, cells }
            })
            .collect();
        let table = table(&filled, self.look);
        table.lines.iter().for_each(|line| self.line(line));
        if trend && rows.len() > 1 {
            self.line("");
            self.sparklines(&filled, rows);
        }
        if let Some(lacking) = table.lacking() {
            self.aside(&lacking);
        }
    }

    /// A line for each figure of a trend that is not always nothing, with its
    /// highest value.
    fn sparklines(&mut self, columns: &[Filled], rows: &[&Row]) {
        let drawn = columns
            .iter()
            .filter(|column| column.column.unit.is_figure())
            .filter_map(|filled| {
                let figures: Vec<Option<f64>> = rows
                    .iter()
                    .map(|row| list::number(value(&filled.column, row)))
                    .collect();
                let known = figures
                    .iter()
                    .zip(&filled.cells)
                    .filter_map(|(figure, cell)| Some(((*figure)?, cell)));
                let (top, highest) = known.max_by(|(a, _), (b, _)| a.total_cmp(b))?;
                (top > 0.0).then(|| (filled.column.label(), highest.clone(), figures))
            });
        let drawn: Vec<_> = drawn.collect();
        let labels = drawn
            .iter()
            .map(|(label, ..)| text::width(label))
            .max()
            .unwrap_or(0);
        for (label, highest, figures) in drawn {
            let room = self.look.width.unwrap_or(usize::MAX);
            let room = room
                .saturating_sub(labels + text::width(&highest) + 12)
                .min(LONGEST_LINE);
            let line = self.look.drawn(&sparkline(&figures, room));
            let highest = self.look.faint(&format!("up to {highest}"));
            self.line(&format!("{label:labels$}  {line}  {highest}"));
        }
    }
}

/// What was asked, and about when.
fn header(entry: &Entry, period: Option<&PeriodUsed>, zone: &Zone, look: Look) -> String {
    let question = look.strong(&entry.path.join(" "));
    match period {
        Some(period) => {
            let (since, until) = edges(period, zone);
            format!(
                "{question}  {}",
                look.faint(&format!("{since} to {until}, {}", period.timezone))
            )
        }
        None => question,
    }
}

fn edges(period: &PeriodUsed, zone: &Zone) -> (String, String) {
    let (since, until) = (local(period.since.0, zone), local(period.until.0, zone));
    let precision = Precision::of(since).max(Precision::of(until));
    (moment(since, precision), moment(until, precision))
}

/// Whether rows are steps in time: then the first column says when.
fn is_trend(columns: &[Column]) -> bool {
    columns
        .first()
        .is_some_and(|first| first.unit == Unit::Time)
}

/// Whether a question has but one row: it is no trend, and nobody can ask for
/// fewer.
fn answers_in_one_row(entry: &Entry, columns: &[Column]) -> bool {
    !is_trend(columns) && entry.params().pointer("/properties/limit").is_none()
}

/// Whether there is nothing to tell: no rows, or none that counts a request.
fn nothing_happened(rows: &[&Row]) -> bool {
    let none = |row: &&Row, key| row.get(key).and_then(Value::as_i64) == Some(0);
    let metric = |row: &&Row| row.get("metric").and_then(Value::as_str) == Some("requests");
    rows.iter().all(|row| none(row, "requests"))
        || rows.iter().any(|row| metric(row) && none(row, "value"))
}

fn nothing(period: Option<&PeriodUsed>, zone: &Zone, next: &str) -> String {
    match period {
        Some(period) => {
            let (since, until) = edges(period, zone);
            format!("No requests from {since} to {until}.\n{next}")
        }
        None => format!("Nothing found.\n{next}"),
    }
}

/// A note as a sentence of its own.
fn sentence(note: &str) -> String {
    let mut letters = note.chars();
    let first = letters.next().map(char::to_uppercase);
    let whole: String = first.into_iter().flatten().chain(letters).collect();
    format!("{}.", text::clean(&whole))
}

/// How to see more rows.
fn more(entry: &Entry, last: Option<&Row>) -> String {
    let pages = entry.params().pointer("/properties/before").is_some();
    let keys = ["id", "conversation_id", "seq"];
    let id = last.and_then(|row| keys.iter().find_map(|key| row.get(*key)));
    match id.and_then(cell::id) {
        Some(id) if pages => format!("There are more: --before {id} shows the next ones."),
        _ => "There are more: --limit shows more of them.".to_owned(),
    }
}
