//! What a section is made of. Texts in tables and charts may come from users:
//! who renders them makes them harmless.

/// A part of a section.
#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    /// A sentence of the program's own.
    Text(String),
    /// Figures or names in rows.
    Table(Table),
    /// A figure over the day.
    Chart(Chart),
    /// The command that asks for the same.
    Command(String),
}

/// Figures or names in rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// The titles of the columns, and whether they hold figures.
    pub columns: Vec<(String, bool)>,
    /// The rows, each with a cell for each column.
    pub rows: Vec<Vec<String>>,
    /// Whether there are more rows than are shown.
    pub more: bool,
}

/// A figure over the day.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// What it shows.
    pub title: String,
    /// What each bar stands for.
    pub labels: Vec<String>,
    /// How high each bar is.
    pub bars: Vec<f64>,
    /// The same in words.
    pub texts: Vec<String>,
}
