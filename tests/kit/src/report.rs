//! The daily report, read with somebody else's Markdown parser and compared with the
//! questions that it says it asked, cell by cell.

use std::collections::BTreeMap;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use rust_decimal::Decimal;
use serde_json::Value;

/// A section: its parts in order, and what it says in words.
#[derive(Debug, Default)]
pub struct Section {
    /// What it is about.
    pub title: String,
    /// Its parts.
    pub parts: Vec<Part>,
    /// Everything it says.
    pub text: String,
}

/// Tables, and the commands below them that ask for the same.
#[derive(Debug, Default)]
pub struct Part {
    /// Tables: rows of cells, the first of which are the titles.
    pub tables: Vec<Vec<Vec<String>>>,
    /// Command lines that begin with `systemprompt`.
    pub commands: Vec<String>,
}

impl Section {
    /// Its tables.
    pub fn tables(&self) -> impl Iterator<Item = &Vec<Vec<String>>> {
        self.parts.iter().flat_map(|part| &part.tables)
    }

    /// Where tables and commands go on: those of a table stand below it.
    fn part(&mut self, table: bool) -> &mut Part {
        let full = |part: &Part| table && !part.commands.is_empty();
        if self.parts.last().is_none_or(full) {
            self.parts.push(Part::default());
        }
        self.parts.last_mut().expect("there is one by now")
    }

    fn cells(&mut self) -> &mut Vec<Vec<String>> {
        let table = self.part(false).tables.last_mut();
        table.expect("rows and cells lie within a table")
    }
}

/// Reads a report.
///
/// # Panics
/// If a name in it means anything: a tag, a link, a picture, a mark.
#[must_use]
pub fn sections(markdown: &str) -> Vec<Section> {
    let mut sections = Vec::new();
    let mut section = Section::default();
    let (mut text, mut in_title) = (String::new(), false);
    for event in Parser::new_ext(markdown, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::Heading { .. }) => {
                in_title = true;
                text.clear();
                sections.push(std::mem::take(&mut section));
            }
            Event::End(TagEnd::Heading(_)) => {
                in_title = false;
                section.title = std::mem::take(&mut text);
            }
            Event::Start(Tag::Table(_)) => section.part(true).tables.push(Vec::new()),
            Event::Start(Tag::TableHead | Tag::TableRow) => section.cells().push(Vec::new()),
            Event::Start(Tag::TableCell) => text.clear(),
            Event::End(TagEnd::TableCell) => {
                let row = section.cells().last_mut().expect("cells lie within a row");
                row.push(std::mem::take(&mut text));
            }
            Event::Text(part) => {
                text.push_str(&part);
                if !in_title {
                    section.text.push_str(&part);
                }
            }
            Event::Code(command) if command.starts_with("systemprompt ") => {
                section.part(false).commands.push(command.into_string());
            }
            Event::Html(_)
            | Event::InlineHtml(_)
            | Event::Code(_)
            | Event::Start(
                Tag::Link { .. } | Tag::Image { .. } | Tag::HtmlBlock | Tag::CodeBlock(_),
            ) => panic!("a name means something: {event:?}\n{markdown}"),
            _ => {}
        }
    }
    sections.push(section);
    sections.retain(|section| !section.parts.is_empty());
    sections
}

/// Asks every command of a report again and compares every cell of its tables; answers
/// how many cells that were. `ask` runs a command line without its first word and
/// answers its JSON.
///
/// # Panics
/// If a cell is not what its question answers.
pub async fn agrees(markdown: &str, ask: impl AsyncFn(&str) -> Value) -> usize {
    let mut compared = 0;
    for section in sections(markdown) {
        for part in &section.parts {
            let mut answers = Vec::new();
            for command in &part.commands {
                let line = command.trim_start_matches("systemprompt ");
                let answer = ask(&format!("{line} --json")).await;
                let rows = answer["rows"].as_array();
                answers.push(rows.unwrap_or_else(|| panic!("{line}: {answer}")).clone());
            }
            let about = format!("{}: {:?}", section.title, part.commands);
            for table in &part.tables {
                compared += compare(&about, table, &answers);
            }
        }
    }
    compared
}

type Rows = Vec<Value>;

/// Compares a table with the answers of the commands below it.
fn compare(about: &str, table: &[Vec<String>], answers: &[Rows]) -> usize {
    let (head, body) = table.split_first().expect("a table has a head");
    match &*head[0] {
        "Figure" => figures(about, body, &answers[0]),
        "Whose" | "Period" => {
            assert_eq!(body.len(), answers.len(), "{about}");
            let rows = body.iter().zip(answers);
            rows.map(|(line, rows)| row(about, &head[1..], &line[1..], &rows[0]))
                .sum()
        }
        _ if answers.len() > 1 => across(about, head, body, answers),
        _ => {
            assert_eq!(body.len(), answers[0].len(), "{about}");
            let rows = body.iter().zip(&answers[0]);
            rows.map(|(line, value)| row(about, head, line, value))
                .sum()
        }
    }
}

/// The first row's figures below each other, beside those of the day before.
fn figures(about: &str, body: &[Vec<String>], rows: &[Value]) -> usize {
    let keys = keys(&rows[0]);
    let mut compared = 0;
    for line in body {
        let key = &keys[&line[0]];
        let mut holds = |cell: &str, key: &str| {
            let value = &rows[0][key];
            assert!(says(key, cell, value), "{about}: {key} is {cell}: {value}");
            compared += 1;
        };
        holds(&line[1], key);
        if let Some(before) = line.get(2).filter(|cell| !cell.is_empty()) {
            holds(before, &format!("previous_{key}"));
        }
    }
    compared
}

fn row(about: &str, head: &[String], line: &[String], value: &Value) -> usize {
    let keys = keys(value);
    for (title, cell) in head.iter().zip(line) {
        let key = &keys[title];
        let value = &value[key];
        assert!(
            says(key, cell, value),
            "{about}: {title} is {cell}: {value}"
        );
    }
    head.len()
}

/// One figure of several answers beside each other: names first, then a column for
/// each answer.
fn across(about: &str, head: &[String], body: &[Vec<String>], answers: &[Rows]) -> usize {
    let names = head.len() - answers.len();
    let last = answers.last().expect("there are several");
    assert_eq!(body.len(), last.len(), "{about}");
    for (line, of) in body.iter().zip(last) {
        let keys = keys(of);
        let names: Vec<&String> = head[..names].iter().map(|title| &keys[title]).collect();
        for (key, cell) in names.iter().zip(line) {
            assert!(says(key, cell, &of[*key]), "{about}: {cell}: {of}");
        }
        for (cell, rows) in line[names.len()..].iter().zip(answers) {
            let same = |row: &&Value| names.iter().all(|key| row[*key] == of[*key]);
            let value = rows.iter().find(same).map(|row| row["sessions"].clone());
            let value = value.unwrap_or_else(|| 0.into());
            assert!(says("sessions", cell, &value), "{about}: {cell}: {value}");
        }
    }
    head.len() * body.len()
}

/// The keys of a row by their titles.
fn keys(row: &Value) -> BTreeMap<String, String> {
    let keys = row.as_object().expect("a row").keys();
    keys.map(|key| (title(key), key.clone())).collect()
}

/// `input_tokens` is shown as "Input tokens".
fn title(key: &str) -> String {
    if key == "bucket" {
        return "Begins".to_owned();
    }
    if key == "os" {
        return "System".to_owned();
    }
    let words = key.strip_suffix("_ms").or(key.strip_suffix("_seconds"));
    let words = words.unwrap_or(key).split('_').map(|word| match word {
        "ttfb" => "first byte",
        "api" => "API",
        "http" => "HTTP",
        "id" => "ID",
        word => word,
    });
    let words = words.collect::<Vec<_>>().join(" ");
    let (first, rest) = words.split_at(1);
    first.to_uppercase() + rest
}

/// Whether a cell says what an answer's value is.
fn says(key: &str, cell: &str, value: &Value) -> bool {
    let number = match value {
        Value::Number(number) => Decimal::from_str_exact(&number.to_string())
            .or_else(|_| Decimal::from_scientific(&number.to_string()))
            .ok(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    let close = |shown: Option<Decimal>, factor: Decimal, tolerance: Decimal| {
        let both = shown.zip(number);
        both.is_some_and(|(shown, value)| (shown - value * factor).abs() <= tolerance)
    };
    // Tenths are what is shown of shares.
    let twentieth = Decimal::new(5, 2);
    let percent = match key {
        key if key.ends_with("scroll") => Decimal::ONE,
        _ => Decimal::ONE_HUNDRED,
    };
    match (value, cell) {
        (Value::Null, "–") => true,
        (Value::String(text), "(none)") => text.is_empty(),
        (Value::Array(items), _) => {
            let items: Vec<_> = items.iter().filter_map(Value::as_str).collect();
            cell == if items.is_empty() {
                "–".to_owned()
            } else {
                items.join(", ")
            }
        }
        (_, "< 0.1 %") => close(Some(twentieth), percent, twentieth),
        (_, "unchanged") => close(Some(Decimal::ZERO), percent, twentieth),
        (_, cell) if cell.ends_with(" %") => {
            let shown = digits(cell).map(|n| if cell.starts_with('▼') { -n } else { n });
            close(shown, percent, twentieth)
        }
        (_, cell) if key.ends_with("_seconds") => {
            let (shown, tolerance) = seconds(cell);
            close(Some(shown), Decimal::ONE, tolerance)
        }
        (_, cell) if cell.ends_with(" ms") => close(digits(cell), Decimal::ONE, Decimal::new(5, 1)),
        // An hour, on the clocks of a zone that is whole hours away.
        (Value::String(text), cell) if key == "bucket" => {
            let minute = |text: &str| text.split(':').nth(1).map(|text| text[..2].to_owned());
            minute(cell) == minute(text)
        }
        (Value::String(text), cell) if text.len() == 20 && text.ends_with('Z') => {
            text.replace('T', " ").starts_with(cell)
        }
        (Value::String(text), cell) if !cell.starts_with('$') => shown(text) == cell,
        // Counts and amounts, to the last digit.
        (_, cell) => close(digits(cell), Decimal::ONE, Decimal::ZERO),
    }
}

fn digits(cell: &str) -> Option<Decimal> {
    let digits: String = cell
        .chars()
        .filter(|c| c.is_ascii_digit() || matches!(c, '.' | '-'))
        .collect();
    digits.parse().ok()
}

/// The seconds of `2 min 5 s`, and how far off they may be.
fn seconds(cell: &str) -> (Decimal, Decimal) {
    let words: Vec<&str> = cell.split(' ').collect();
    let (mut all, mut unit) = (Decimal::ZERO, Decimal::ONE);
    for pair in words.chunks(2) {
        unit = match pair[1] {
            "d" => Decimal::from(86_400),
            "h" => Decimal::from(3_600),
            "min" => Decimal::from(60),
            "s" => Decimal::ONE,
            "ms" => Decimal::new(1, 3),
            other => panic!("{cell}: {other} is no unit of time"),
        };
        all += digits(pair[0]).expect("a number") * unit;
    }
    let tenths = words.len() == 2 && words[1] == "s";
    let half = if tenths {
        Decimal::new(5, 2)
    } else {
        Decimal::new(5, 1)
    };
    (all, unit * half)
}

/// A name as reports write it: on one line, what would turn or hide the rest written
/// out, the end of a long one cut.
fn shown(text: &str) -> String {
    let acts = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{feff}')
    };
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '\t' | '\n' | '\r' => out.extend(c.escape_default()),
            c if acts(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    let line = out.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(300) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
