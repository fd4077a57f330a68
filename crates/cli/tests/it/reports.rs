//! The daily report: that it says what the questions say, that no name breaks it,
//! and how it reads.
#![allow(clippy::unwrap_used)] // what fails here fails the test

use std::collections::BTreeMap;
use std::fs;

use insta::assert_snapshot;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use rust_decimal::Decimal;
use serde_json::Value;

use crate::answers::Asked;

const HOSTILE: &str = "<script>alert(1)</script>|`x`\n# [evil](javascript:alert(1)) *b* ![i](http://e) \
                       <!-- &lt; \u{202e}@everyone www.evil.example";

/// A section as its Markdown has it: tables, and the command that asks again.
#[derive(Debug, Default)]
struct Section {
    title: String,
    tables: Vec<Vec<Vec<String>>>,
    command: String,
    text: String,
}

/// Reads a report with somebody else's parser.
fn sections(markdown: &str) -> Vec<Section> {
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
            Event::Start(Tag::Table(_)) => section.tables.push(Vec::new()),
            Event::Start(Tag::TableHead | Tag::TableRow) => {
                section.tables.last_mut().unwrap().push(Vec::new());
            }
            Event::Start(Tag::TableCell) => text.clear(),
            Event::End(TagEnd::TableCell) => {
                let table = section.tables.last_mut().unwrap();
                table.last_mut().unwrap().push(std::mem::take(&mut text));
            }
            Event::Text(part) => {
                text.push_str(&part);
                if !in_title {
                    section.text.push_str(&part);
                }
            }
            Event::Code(command) if command.starts_with("systemprompt ") => {
                section.command = command.into_string();
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
    sections.retain(|section| !section.command.is_empty());
    sections
}

/// `input_tokens` is shown as "Input tokens".
fn title(key: &str) -> String {
    if key == "bucket" {
        return "Begins".to_owned();
    }
    let words = key.strip_suffix("_ms").unwrap_or(key).replace('_', " ");
    let (first, rest) = words.split_at(1);
    first.to_uppercase() + rest
}

/// Whether a cell says what an answer's value is.
fn says(cell: &str, value: &Value) -> bool {
    let number = || -> Option<Decimal> {
        match value {
            Value::Number(number) => Decimal::from_str_exact(&number.to_string())
                .or_else(|_| Decimal::from_scientific(&number.to_string()))
                .ok(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        }
    };
    let shown = |cell: &str| -> Option<Decimal> {
        let digits: String = cell
            .chars()
            .filter(|c| c.is_ascii_digit() || matches!(c, '.' | '-'))
            .collect();
        digits.parse().ok()
    };
    let close = |cell: &str, factor: i64, tolerance: &str| {
        let (Some(shown), Some(value)) = (shown(cell), number()) else {
            return false;
        };
        let tolerance: Decimal = tolerance.parse().unwrap();
        (shown - value * Decimal::from(factor)).abs() <= tolerance
    };
    match (value, cell) {
        (Value::Null, "–") => true,
        (Value::String(text), "(none)") => text.is_empty(),
        (Value::Array(items), _) => {
            let items: Vec<_> = items.iter().filter_map(Value::as_str).collect();
            cell == items.join(", ")
        }
        (_, "< 0.1 %") => close("0.05", 100, "0.05"),
        (_, "unchanged") => close("0", 100, "0.05"),
        (_, cell) if cell.ends_with(" %") => {
            let down = cell.starts_with('▼');
            let cell = cell.trim_start_matches(['▼', '▲', ' ']);
            let cell = if down {
                format!("-{cell}")
            } else {
                cell.to_owned()
            };
            close(&cell, 100, "0.05")
        }
        (_, cell) if cell.ends_with(" ms") => close(cell, 1, "0.5"),
        // A moment, to the minute, or the hour of one.
        (Value::String(text), cell) if text.len() == 20 && text.ends_with('Z') => {
            text.replace('T', " ").contains(cell)
        }
        (Value::String(text), cell) if !cell.starts_with('$') => text == cell,
        // Counts and amounts, to the last digit.
        (_, cell) => close(cell, 1, "0"),
    }
}

/// Asks the question of every section again, and compares every cell.
async fn agrees(asked: &Asked, report: &str, settings: &str) -> usize {
    let mut compared = 0;
    let sections = sections(report);
    assert!(sections.len() >= 9, "{sections:?}");
    for section in &sections {
        let about = format!("{}: {}", section.title, section.command);
        let line = section.command.strip_prefix("systemprompt ").unwrap();
        let run = asked.run(&format!("{line} --json{settings}")).await;
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{about}");
        let answer: Value = serde_json::from_str(&run.out).unwrap();
        let rows = answer["rows"].as_array().unwrap();
        let keys: BTreeMap<String, String> = rows
            .iter()
            .filter_map(Value::as_object)
            .flat_map(|row| row.keys())
            .map(|key| (title(key), key.clone()))
            .collect();
        for table in &section.tables {
            let (head, body) = table.split_first().unwrap();
            if head[0] == "Figure" {
                for line in body {
                    let key = &keys[&line[0]];
                    assert!(says(&line[1], &rows[0][key]), "{about}: {line:?} {rows:?}");
                    compared += 1;
                    if let Some(before) = line.get(2).filter(|cell| !cell.is_empty()) {
                        let value = &rows[0][format!("previous_{key}")];
                        assert!(says(before, value), "{about}: {line:?} {value}");
                        compared += 1;
                    }
                }
                continue;
            }
            assert_eq!(body.len(), rows.len(), "{about}");
            for (line, row) in body.iter().zip(rows) {
                for (cell, column) in line.iter().zip(head) {
                    let value = &row[&keys[column]];
                    assert!(
                        says(cell, value),
                        "{about}: {column} is {cell}, not {value}"
                    );
                    compared += 1;
                }
            }
        }
    }
    compared
}

#[tokio::test]
async fn every_figure_is_the_answer_of_its_question() {
    let asked = Asked::new().await;
    let run = asked
        .run("reports traffic --date 2026-11-24 --stdout")
        .await;
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    let compared = agrees(&asked, &run.out, "").await;
    assert!(compared > 250, "{compared}");
    assert_snapshot!("a_day", run.out);
}

#[tokio::test]
async fn an_empty_day_reads_well() {
    let asked = Asked::empty().await;
    let run = asked.run("reports traffic --stdout").await;
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    assert_snapshot!("an_empty_day", run.out);
}

#[tokio::test]
async fn no_name_breaks_a_report() {
    let asked = Asked::new().await;
    for sql in [
        "update usage_day set agent = $1 where agent = 'scout'",
        "update usage_day set model = $1 where model = 'gpt-5.5'",
        "update usage_hour set agent = $1 where agent = 'scout'",
        "update usage_hour set model = $1 where model = 'gpt-5.5'",
        "update errors_hour set error_type = $1 where error_type = 'api_error'",
        "update audit_day set event = $1 where event = 'login'",
        "update audit_hour set event = $1 where event = 'login'",
    ] {
        sqlx::query(sql)
            .bind(HOSTILE)
            .execute(asked.db.pool())
            .await
            .expect("hostile names");
    }
    let folder = tempfile::tempdir().unwrap();
    let storage = folder.path().display();
    let run = asked
        .run(&format!(
            "reports traffic --date 2026-11-24 --storage {storage}"
        ))
        .await;
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    let file = |extension| {
        let path = folder.path().join("files/reports/traffic-2026-11-24");
        fs::read_to_string(path.with_extension(extension)).expect("it was written")
    };
    // Read by somebody else's parser, which panics on whatever means something.
    let markdown = file("md");
    let found = sections(&markdown);
    let cells = found.iter().flat_map(|s| &s.tables).flatten().flatten();
    let hostile: Vec<&String> = cells.filter(|cell| cell.contains("alert(1)")).collect();
    assert!(hostile.len() >= 3, "{markdown}");
    for cell in hostile {
        assert!(
            cell.starts_with("<script>alert(1)</script>|`x` # [evil]"),
            "{cell}"
        );
    }
    let page = file("html");
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;|`x`"));
    for forbidden in [
        "<script",
        "javascript:alert(1)\"",
        "<img",
        "<a ",
        "<!--",
        "\u{202e}",
        "src=",
        "href=",
    ] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    // Every tag is one of ours.
    for tag in page.split('<').skip(1) {
        let name: String = tag
            .trim_start_matches('/')
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '!')
            .collect();
        let ours = [
            "!doctype",
            "html",
            "head",
            "meta",
            "title",
            "style",
            "body",
            "h1",
            "h2",
            "p",
            "ul",
            "li",
            "strong",
            "section",
            "table",
            "thead",
            "tbody",
            "tr",
            "th",
            "td",
            "figure",
            "figcaption",
            "svg",
            "rect",
            "text",
            "code",
            "footer",
        ];
        assert!(ours.contains(&name.as_str()), "<{tag}");
    }
    let names = ["list", "show 2026-11-24", "show traffic-2026-11-24 --html"];
    for (name, said) in names
        .iter()
        .zip(["traffic-2026-11-24", "# Traffic report", "<!doctype"])
    {
        let run = asked
            .run(&format!("reports {name} --storage {storage}"))
            .await;
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{name}");
        assert!(run.out.contains(said), "{name}: {}", run.out);
    }
    let run = asked
        .run(&format!(
            "reports show ../../../etc/passwd --storage {storage}"
        ))
        .await;
    assert_eq!(run.code, 1);
    assert!(run.err.contains("there is no report"), "{}", run.err);
}

#[tokio::test]
async fn a_day_has_the_hours_it_has() {
    let asked = Asked::empty().await;
    for (zone, day, hours) in [
        ("Europe/Berlin", "2026-03-29", 23),
        ("Europe/Berlin", "2026-10-25", 25),
        ("America/New_York", "2026-03-08", 23),
        ("America/New_York", "2026-11-01", 25),
        ("Asia/Kolkata", "2026-11-24", 24),
    ] {
        let settings = format!(" --set scheduler.timezone={zone}");
        let run = asked
            .run(&format!("reports traffic --date {day} --stdout{settings}"))
            .await;
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{zone} {day}");
        let sections = sections(&run.out);
        let trend = sections.iter().find(|s| s.title == "Hour by hour").unwrap();
        let rows = &trend.tables[0][1..];
        assert_eq!(rows.len(), hours, "{zone} {day}: {}", run.out);
        let labels: std::collections::BTreeSet<_> = rows.iter().map(|row| &row[0]).collect();
        assert_eq!(labels.len(), hours, "each hour has its own name");
        assert!(!run.out.contains("kept by the full hour"), "{}", run.out);
    }
    // Quarters of an hour are kept for eight days: of a day before that, half an hour
    // belongs to its neighbours.
    let run = asked
        .run("reports traffic --date 2026-11-01 --stdout --set scheduler.timezone=Asia/Kolkata")
        .await;
    let note = "kept by the full hour: these cover 2026-10-31 18:00 to 2026-11-01 18:00 UTC.";
    assert!(run.out.contains(note), "{}", run.out);
}

#[tokio::test]
async fn days_that_are_none_are_refused() {
    let asked = Asked::empty().await;
    let run = asked.run("reports traffic --date tomorrow --stdout").await;
    assert_eq!(run.code, 2);
    assert!(run.err.contains("\"tomorrow\" is not a day"), "{}", run.err);
}
