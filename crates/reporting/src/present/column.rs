//! The columns of an answer, read off the schema of its rows.

use serde_json::Value;

/// One column: a property of the row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The property's name: the header in exports.
    pub key: String,
    /// What it counts.
    pub unit: Unit,
}

/// What a column counts, which decides how it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// US dollars, whatever the answer's currency.
    Usd,
    /// An amount in the answer's currency.
    Money,
    /// How many.
    Count,
    /// Milliseconds.
    Ms,
    /// Milliseconds that may be hours.
    Duration,
    /// Seconds that may be hours.
    Seconds,
    /// A part of a whole, 1 being all of it.
    Ratio,
    /// A part of a whole, 100 being all of it.
    Percent,
    /// A moment, RFC 3339.
    Time,
    /// An id: long, and recognised by its beginning.
    Id,
    /// Whatever the row itself names as its unit.
    Varies,
    /// A number that counts nothing (an HTTP status).
    Number,
    /// Yes or no.
    Flag,
    /// Words.
    Text,
    /// Numbers to be seen together: a line of them.
    Series,
    /// A list or an object.
    Nested,
}

impl Column {
    /// The columns of a row, in the order in which the question states them.
    pub fn of(row: &Value) -> Vec<Self> {
        let properties = row.get("properties").and_then(Value::as_object);
        let column = |(key, schema): (&String, &Value)| Self {
            key: key.clone(),
            unit: Unit::of(schema),
        };
        properties.into_iter().flatten().map(column).collect()
    }

    /// The columns of the rows that this property of a row holds; `None` if it
    /// is no list of rows.
    pub fn inner(&self, row: &Value) -> Option<Vec<Self>> {
        let items = row.get("properties")?.get(&self.key)?.get("items")?;
        items.get("properties")?;
        Some(Self::of(items))
    }

    /// The name for people.
    pub fn label(&self) -> String {
        label(&self.key)
    }

    /// Whether it holds the change of another figure against the period before.
    pub fn is_change(&self) -> bool {
        self.unit == Unit::Ratio && (self.key == "change" || self.key.ends_with("_change"))
    }
}

/// A field's name for people: units are shown with the figures.
pub fn label(key: &str) -> String {
    if key == "os" {
        return "system".to_owned();
    }
    let words = key
        .strip_suffix("_ms")
        .or_else(|| key.strip_suffix("_seconds"));
    let words = words.unwrap_or(key).split('_').map(|word| match word {
        "ttfb" => "first byte",
        "api" => "API",
        "http" => "HTTP",
        "id" => "ID",
        word => word,
    });
    words.collect::<Vec<_>>().join(" ")
}

impl Unit {
    fn of(schema: &Value) -> Self {
        let named = schema
            .get("x-unit")
            .and_then(Value::as_str)
            .and_then(Self::named);
        match Self::of_type(schema) {
            Self::Series => Self::Series,
            other => named.unwrap_or(other),
        }
    }

    /// The unit that goes by a name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "usd" => Some(Self::Usd),
            "money" => Some(Self::Money),
            "count" | "tokens" => Some(Self::Count),
            "ms" => Some(Self::Ms),
            "duration" => Some(Self::Duration),
            "seconds" => Some(Self::Seconds),
            "ratio" => Some(Self::Ratio),
            "percent" => Some(Self::Percent),
            "time" => Some(Self::Time),
            "id" => Some(Self::Id),
            _ => None,
        }
    }

    fn of_type(schema: &Value) -> Self {
        let types = match schema.get("type") {
            Some(Value::Array(several)) => several.iter().collect(),
            Some(one) => vec![one],
            None => Vec::new(),
        };
        let is = |names: &[&str]| {
            types
                .iter()
                .any(|t| t.as_str().is_some_and(|t| names.contains(&t)))
        };
        if schema.get("oneOf").is_some() {
            // One of several words.
            Self::Text
        } else if schema.get("anyOf").is_some() {
            Self::Varies
        } else if schema
            .get("items")
            .is_some_and(|items| Self::of_type(items) == Self::Number)
        {
            Self::Series
        } else if is(&["array", "object"]) {
            Self::Nested
        } else if is(&["integer", "number"]) {
            Self::Number
        } else if is(&["boolean"]) {
            Self::Flag
        } else if is(&["string"]) {
            Self::Text
        } else {
            Self::Nested
        }
    }

    /// Whether it is a figure: written to the right, and never cut short.
    pub const fn is_figure(self) -> bool {
        matches!(
            self,
            Self::Usd
                | Self::Money
                | Self::Count
                | Self::Ms
                | Self::Duration
                | Self::Seconds
                | Self::Ratio
                | Self::Percent
                | Self::Varies
                | Self::Number
        )
    }
}
