//! What a benchmark found, as Markdown for people and JSON for scripts.

use serde_json::{Value, json};

use super::machine;

/// Tables and what has to be known to read them.
pub(super) struct Report {
    title: &'static str,
    notes: Vec<String>,
    tables: Vec<Table>,
}

/// One table; its first column names the rows.
pub(super) struct Table {
    title: &'static str,
    columns: &'static [&'static str],
    rows: Vec<Vec<String>>,
}

impl Report {
    /// An empty report on this machine, as busy as it is now.
    pub(super) fn new(title: &'static str) -> Self {
        let notes = vec![
            machine::line(),
            format!("load average before the run: {}", machine::load()),
        ];
        Self {
            title,
            notes,
            tables: Vec::new(),
        }
    }

    pub(super) fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    pub(super) fn table(&mut self, table: Table) {
        self.tables.push(table);
    }

    pub(super) fn markdown(&self) -> String {
        let mut out = format!("# {}\n\n", self.title);
        for note in &self.notes {
            out += &format!("- {note}\n");
        }
        for table in &self.tables {
            out += &format!("\n## {}\n\n", table.title);
            out += &line(table.columns.iter().copied());
            out += &line(
                table
                    .columns
                    .iter()
                    .enumerate()
                    .map(|(n, _)| if n == 0 { "---" } else { "---:" }),
            );
            for row in &table.rows {
                out += &line(row.iter().map(String::as_str));
            }
        }
        out
    }

    pub(super) fn json(&self) -> Value {
        let tables = self.tables.iter().map(|table| {
            let rows = table.rows.iter().map(|row| {
                let cells = table.columns.iter().zip(row);
                cells
                    .map(|(column, cell)| ((*column).to_owned(), json!(cell)))
                    .collect::<Value>()
            });
            json!({"title": table.title, "rows": rows.collect::<Vec<_>>()})
        });
        json!({"title": self.title, "notes": self.notes, "tables": tables.collect::<Vec<_>>()})
    }
}

impl Table {
    pub(super) const fn new(title: &'static str, columns: &'static [&'static str]) -> Self {
        Self {
            title,
            columns,
            rows: Vec::new(),
        }
    }

    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }
}

fn line<'a>(cells: impl Iterator<Item = &'a str>) -> String {
    format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
}

/// A count with its thousands apart.
pub(super) fn count(n: f64) -> String {
    let digits = format!("{n:.0}");
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// The one in the middle, of two the longer; nothing of none.
pub(super) fn median(mut times: Vec<std::time::Duration>) -> std::time::Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// Milliseconds with two decimals.
pub(super) fn millis(time: std::time::Duration) -> String {
    format!("{:.2}", time.as_secs_f64() * 1e3)
}
