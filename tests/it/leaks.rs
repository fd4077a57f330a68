//! Looking for a text in everything that stays: every column of every table,
//! every file below a folder, every answer.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde_json::Value;
use sqlx::{AssertSqlSafe, PgPool, Row};

/// Where a text was found: `table.column`, with the keys below it where that is
/// JSON; a file's path; what an answer was called.
pub(crate) type Places = BTreeSet<String>;

/// A text and how it looks in the columns that hold bytes.
struct Needle {
    text: String,
    hex: String,
}

impl Needle {
    fn of(text: &str) -> Self {
        let hex = text.bytes().map(|byte| format!("{byte:02x}")).collect();
        Self {
            text: text.to_lowercase(),
            hex,
        }
    }

    fn is_in(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        text.contains(&self.text) || text.contains(&self.hex)
    }
}

/// The columns of a database that hold a text, in whatever type.
pub(crate) async fn in_database(db: &PgPool, text: &str) -> Places {
    let tables = sqlx::query(
        "select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace \
         where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema')",
    )
    .fetch_all(db)
    .await
    .unwrap();
    assert!(tables.len() > 30, "{}", tables.len());
    let (needle, mut places) = (Needle::of(text), Places::new());
    for row in tables {
        let table: String = row.get(0);
        let rows: Vec<Value> =
            sqlx::query_scalar(AssertSqlSafe(format!("select to_jsonb(t) from {table} t")))
                .fetch_all(db)
                .await
                .unwrap();
        for row in &rows {
            search(row, &table, &needle, &mut places);
        }
    }
    places
}

/// The keys of an answer under which a text stands, and the keys that hold it.
pub(crate) fn in_json(value: &Value, called: &str, text: &str) -> Places {
    let mut places = Places::new();
    search(value, called, &Needle::of(text), &mut places);
    places
}

fn search(value: &Value, at: &str, needle: &Needle, places: &mut Places) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let below = format!("{at}.{key}");
                if needle.is_in(key) {
                    places.insert(below.clone());
                }
                search(value, &below, needle, places);
            }
        }
        Value::Array(items) => {
            for item in items {
                search(item, at, needle, places);
            }
        }
        Value::String(text) if needle.is_in(text) => {
            places.insert(at.to_owned());
        }
        _ => {}
    }
}

/// The files below a folder that hold a text, without those in `except`.
pub(crate) fn in_files(folder: &Path, except: &[&str], text: &str) -> Places {
    let mut places = Places::new();
    let needle = text.to_lowercase().into_bytes();
    visit(folder, except, &mut |path| {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes.to_ascii_lowercase(),
            // A server that runs removes its own.
            Err(error) if error.kind() == ErrorKind::NotFound => return,
            Err(error) => panic!("{}: {error}", path.display()),
        };
        if bytes.windows(needle.len()).any(|part| part == needle) {
            places.insert(path.display().to_string());
        }
    });
    places
}

fn visit(folder: &Path, except: &[&str], look: &mut impl FnMut(&Path)) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if except.contains(&name.as_str()) {
            continue;
        }
        if path.is_dir() {
            visit(&path, except, look);
        } else if path.is_file() {
            look(&path);
        }
    }
}
