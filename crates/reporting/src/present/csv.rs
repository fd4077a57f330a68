//! Answers as CSV: complete, and a spreadsheet that opens it runs nothing.

use std::io::{self, Write};

use serde_json::Value;

use super::cell::is_number;
use super::column::{Column, Unit};

/// Rows as CSV, below a header.
#[derive(Debug)]
pub struct Table<'a, W: Write> {
    columns: &'a [Column],
    out: ::csv::Writer<W>,
}

impl<'a, W: Write> Table<'a, W> {
    /// Writes the header.
    ///
    /// # Errors
    /// When `out` does not take it.
    pub fn begin(columns: &'a [Column], out: W) -> io::Result<Self> {
        let mut out = ::csv::Writer::from_writer(out);
        out.write_record(columns.iter().map(|column| &column.key))?;
        out.flush()?;
        Ok(Self { columns, out })
    }

    /// Writes rows, in the columns' order.
    ///
    /// # Errors
    /// When `out` does not take them.
    pub fn rows(&mut self, rows: &[Value]) -> io::Result<()> {
        for row in rows {
            let fields = self.columns.iter();
            let fields = fields.map(|column| field(column.unit, row.get(&column.key)));
            self.out.write_record(fields)?;
        }
        self.out.flush()
    }
}

/// A value as it stands in a CSV file: as in the JSON, except that words which
/// a spreadsheet would take for a formula are marked as words.
fn field(unit: Unit, value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        // Money is text in JSON, and may be negative.
        Some(Value::String(text)) if unit.is_figure() && is_number(text) => text.clone(),
        Some(Value::String(text)) => as_words(text),
        Some(list @ (Value::Array(_) | Value::Object(_))) => as_words(&list.to_string()),
        Some(other) => other.to_string(),
    }
}

/// Text that no spreadsheet runs: `=1+1` becomes `'=1+1`.
fn as_words(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '\0']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn written(columns: &[(&str, Unit)], rows: &[Value]) -> String {
        let columns: Vec<Column> = columns
            .iter()
            .map(|(key, unit)| Column {
                key: (*key).to_owned(),
                unit: *unit,
            })
            .collect();
        let mut out = Vec::new();
        let mut table = Table::begin(&columns, &mut out).expect("memory takes all");
        table.rows(rows).expect("memory takes all");
        drop(table);
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn figures_stay_figures_and_words_stay_words() {
        let columns = [
            ("name", Unit::Text),
            ("cost", Unit::Usd),
            ("change", Unit::Ratio),
            ("n", Unit::Count),
        ];
        let rows = [
            json!({"name": "=cmd|' /C calc'!A0", "cost": "-1.5", "change": -0.25, "n": 1}),
            json!({"name": "a, \"b\"\nc", "cost": null, "change": null, "n": 2}),
            json!({"name": "-1.5", "cost": "=1", "change": 0.5, "n": 3}),
        ];
        insta::assert_snapshot!(written(&columns, &rows), @r#"
        name,cost,change,n
        '=cmd|' /C calc'!A0,-1.5,-0.25,1
        "a, ""b""
        c",,,2
        '-1.5,'=1,0.5,3
        "#);
    }

    proptest! {
        #[test]
        fn csv_comes_back_as_it_went(names in prop::collection::vec(any::<String>(), 1..20)) {
            let rows: Vec<Value> = names.iter().map(|name| json!({"name": name, "n": 1})).collect();
            let text = written(&[("name", Unit::Text), ("n", Unit::Count)], &rows);
            let mut reader = ::csv::Reader::from_reader(text.as_bytes());
            let read: Vec<String> =
                reader.records().map(|record| record.expect("a record")[0].to_owned()).collect();
            prop_assert_eq!(read.len(), names.len());
            for (read, name) in read.iter().zip(&names) {
                prop_assert!(!read.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '\0']), "{read:?}");
                prop_assert!(read == name || read.strip_prefix('\'') == Some(name.as_str()));
            }
        }
    }
}
