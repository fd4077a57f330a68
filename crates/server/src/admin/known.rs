//! What a question takes and answers, read off its schema once: pages ask that of
//! every panel, many times.

use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

use serde_json::Value;
use systemprompt_reporting::present::column::Column;
use systemprompt_reporting::{Entry, QUERIES};

/// What is known of a question.
pub(super) struct Known {
    takes: BTreeSet<String>,
    required: BTreeSet<String>,
    /// Those that are yes or no.
    flags: BTreeSet<String>,
    /// The columns of its rows.
    pub(super) columns: Vec<Column>,
    /// The schema of its rows.
    pub(super) row: Value,
    /// What it asks, in full.
    pub(super) about: String,
}

static KNOWN: LazyLock<HashMap<&'static [&'static str], Known>> = LazyLock::new(|| {
    QUERIES
        .iter()
        .map(|entry| (entry.path, Known::read(entry)))
        .collect()
});

impl Known {
    fn read(entry: &Entry) -> Self {
        let params = entry.params();
        let names = params.get("properties").and_then(Value::as_object);
        let required = params.get("required").and_then(Value::as_array);
        let row = entry.row().to_value();
        let words = required.into_iter().flatten().filter_map(Value::as_str);
        Self {
            takes: names
                .into_iter()
                .flatten()
                .map(|(name, _)| name.clone())
                .collect(),
            flags: names
                .into_iter()
                .flatten()
                .filter(|(_, schema)| schema["type"] == "boolean")
                .map(|(name, _)| name.clone())
                .collect(),
            required: words.map(str::to_owned).collect(),
            columns: Column::of(&row),
            row,
            about: entry.description().replace('\n', " "),
        }
    }

    /// What is known of this one.
    pub(super) fn of(entry: &'static Entry) -> &'static Self {
        KNOWN.get(entry.path).expect("every question is known")
    }

    /// Whether it has this parameter.
    pub(super) fn takes(&self, name: &str) -> bool {
        self.takes.contains(name)
    }

    /// Whether this parameter is said by its name alone.
    pub(super) fn is_flag(&self, name: &str) -> bool {
        self.flags.contains(name)
    }

    /// Whether it cannot be asked without.
    pub(super) fn needs(&self, name: &str) -> bool {
        self.required.contains(name)
    }
}
