//! Rows under aligned columns, fitted to a width. Figures are never cut: names
//! are shortened first, then whole columns are left out, and said to be.

use super::column::{Column, Unit};
use super::look::Look;
use super::text;

/// Columns between columns.
const GAP: usize = 2;

/// A name is not shortened below this.
const LEAST_NAME: usize = 16;

/// The short form of our own ids, hyphens included; others' are cut to it.
const LEAST_ID: usize = 15;

/// No name gets more, however long somebody made it.
const MOST: usize = 200;

/// The columns that give way when room is short, the first ones first; after
/// them columns go from right to left. Amounts of money and the first column
/// stay longest.
pub(crate) const GIVES_WAY: &[&str] = &[
    "session_id",
    "conversation_id",
    "requested_model",
    "api",
    "reasoning_tokens",
    "cache_write_tokens",
    "streamed",
    "ttfb_ms",
    "cache_read_tokens",
    "trace_id",
    "derived",
    "last_at",
    "duration_ms",
    "completed",
    "average_latency_ms",
    "cost_per_request",
    "p99_latency_ms",
    "first_seen",
    "http_status",
    "error_code",
    "unpriced_requests",
    "provider",
    "user",
    "p50_latency_ms",
    "cost_per_conversation",
    "conversations",
    "last_active",
    "error_type",
    "agent",
    "actions",
    "type",
    "timezone",
    "reserved",
    "pace",
];

/// A column with its cells.
#[derive(Debug)]
pub(crate) struct Filled {
    pub(crate) column: Column,
    pub(crate) cells: Vec<String>,
}

/// A table, and how many columns it had no room for.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) lines: Vec<String>,
    pub(crate) left_out: usize,
}

impl Table {
    /// That there are more columns, and how to see them.
    pub(crate) fn lacking(&self) -> Option<String> {
        let how = "widen the terminal, or ask with --json.";
        match self.left_out {
            0 => None,
            1 => Some(format!("One column has no room: {how}")),
            more => Some(format!("{more} columns have no room: {how}")),
        }
    }
}

/// A column as it is drawn.
struct Drawn<'a> {
    of: &'a Filled,
    width: usize,
    header: Vec<String>,
}

/// Lays the columns out in the width that `look` has.
pub(crate) fn table(columns: &[Filled], look: Look) -> Table {
    let room = look.width.unwrap_or(usize::MAX);
    let mut kept: Vec<&Filled> = columns.iter().collect();
    while kept.len() > 1 && least_of(&kept) > room {
        kept.remove(gives_way(&kept));
    }
    let widths = fit(&kept, room);
    let drawn: Vec<Drawn<'_>> = kept
        .iter()
        .zip(widths)
        .map(|(of, width)| Drawn {
            of,
            width,
            header: wrap(&of.column.label(), width),
        })
        .collect();
    let height = drawn
        .iter()
        .map(|column| column.header.len())
        .max()
        .unwrap_or(0);
    let header = (0..height).map(|line| {
        let cell = |column: &Drawn<'_>| {
            // Headers stand on the rows, whatever their height.
            let empty = height - column.header.len();
            let word = line
                .checked_sub(empty)
                .map_or("", |line| column.header[line].as_str());
            look.strong(&pad(word, column))
        };
        join(drawn.iter().map(cell))
    });
    let rows = columns.first().map_or(0, |first| first.cells.len());
    let body = (0..rows).map(|row| {
        let cell = |column: &Drawn<'_>| {
            let text = text::shorten(&column.of.cells[row], column.width);
            let padded = pad(&text, column);
            if is_failure(&column.of.column, &column.of.cells[row]) {
                look.alarming(&padded)
            } else {
                padded
            }
        };
        join(drawn.iter().map(cell))
    });
    Table {
        lines: header.chain(body).collect(),
        left_out: columns.len() - kept.len(),
    }
}

impl Filled {
    /// The width at which nothing is cut.
    fn natural(&self) -> usize {
        let cells = self.cells.iter().map(|cell| text::width(cell));
        let words = self.column.label();
        let words = words.split(' ').map(text::width);
        cells.chain(words).max().unwrap_or(0).min(MOST)
    }

    /// The width below which it is better left out.
    fn least(&self) -> usize {
        let natural = self.natural();
        match self.column.unit {
            Unit::Text | Unit::Nested => natural.min(LEAST_NAME),
            Unit::Id => natural.min(LEAST_ID),
            _ => natural,
        }
    }
}

/// The width of several columns at their narrowest.
fn least_of(columns: &[&Filled]) -> usize {
    columns
        .iter()
        .map(|column| column.least() + GAP)
        .sum::<usize>()
        .saturating_sub(GAP)
}

/// The column to leave out next. One without any value says the least.
fn gives_way(columns: &[&Filled]) -> usize {
    let later = |index: &usize| *index > 0;
    let empty = columns
        .iter()
        .rposition(|column| column.cells.iter().all(|cell| cell == super::cell::NOTHING));
    let named = || {
        GIVES_WAY.iter().find_map(|key| {
            columns
                .iter()
                .position(|column| column.column.key == *key)
                .filter(later)
        })
    };
    let other = || {
        columns
            .iter()
            .rposition(|column| !matches!(column.column.unit, Unit::Usd | Unit::Money))
            .filter(later)
    };
    empty
        .filter(later)
        .or_else(named)
        .or_else(other)
        .unwrap_or(columns.len() - 1)
}

/// The columns' widths: as wide as they like, or else the widest names are
/// shortened, as little as is needed.
fn fit(columns: &[&Filled], room: usize) -> Vec<usize> {
    let mut widths: Vec<usize> = columns.iter().map(|column| column.natural()).collect();
    let gaps = GAP * columns.len().saturating_sub(1);
    while widths.iter().sum::<usize>() + gaps > room {
        let shortenable = |index: &usize| widths[*index] > columns[*index].least();
        match (0..widths.len())
            .filter(shortenable)
            .max_by_key(|index| widths[*index])
        {
            Some(widest) => widths[widest] -= 1,
            None => break,
        }
    }
    widths
}

/// Words in lines of at most `width`.
fn wrap(words: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words.split(' ') {
        match lines.last_mut() {
            Some(line) if text::width(line) + 1 + text::width(word) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Fills a cell up to its column's width, figures from the left.
fn pad(cell: &str, column: &Drawn<'_>) -> String {
    let spaces = " ".repeat(column.width.saturating_sub(text::width(cell)));
    if column.of.column.unit.is_figure() {
        spaces + cell
    } else {
        cell.to_owned() + &spaces
    }
}

fn join(cells: impl Iterator<Item = String>) -> String {
    cells
        .collect::<Vec<_>>()
        .join(&" ".repeat(GAP))
        .trim_end()
        .to_owned()
}

/// Whether a cell says that something went wrong.
fn is_failure(column: &Column, cell: &str) -> bool {
    column.key == "state"
        && matches!(
            cell,
            "failed" | "upstream_timeout" | "lost" | "stale" | "paused" | "over"
        )
}

#[cfg(test)]
mod tests {
    use systemprompt_reporting::QUERIES;

    use super::*;

    fn filled(key: &str, unit: Unit, cells: &[&str]) -> Filled {
        let cells = cells.iter().map(|cell| (*cell).to_owned()).collect();
        Filled {
            column: Column {
                key: key.to_owned(),
                unit,
            },
            cells,
        }
    }

    fn drawn(columns: &[Filled], width: usize) -> (String, usize) {
        let table = table(
            columns,
            Look {
                width: Some(width),
                colour: false,
            },
        );
        (table.lines.join("\n"), table.left_out)
    }

    #[test]
    fn what_gives_way_exists() {
        let columns: Vec<Column> = QUERIES
            .iter()
            .flat_map(|entry| Column::of(entry.row().as_value()))
            .collect();
        for key in GIVES_WAY {
            assert!(
                columns.iter().any(|column| column.key == *key),
                "no question has a column {key}"
            );
        }
    }

    #[test]
    fn names_are_shortened_before_columns_go_and_figures_never() {
        let columns = [
            filled("name", Unit::Text, &["a-model-with-a-long-name", "b"]),
            filled("requests", Unit::Count, &["1,234,567", "8"]),
            filled("cost", Unit::Usd, &["$12.3456", "$0.0001"]),
        ];
        insta::assert_snapshot!(drawn(&columns, 80).0, @"
        name                       requests      cost
        a-model-with-a-long-name  1,234,567  $12.3456
        b                                 8   $0.0001
        ");
        insta::assert_snapshot!(drawn(&columns, 40).0, @"
        name                  requests      cost
        a-model-with-a-lon…  1,234,567  $12.3456
        b                            8   $0.0001
        ");
        let (narrow, left_out) = drawn(&columns, 30);
        assert_eq!(left_out, 1);
        insta::assert_snapshot!(narrow, @"
        name                      cost
        a-model-with-a-long…  $12.3456
        b                      $0.0001
        ");
    }

    #[test]
    fn a_column_without_values_goes_first() {
        let columns = [
            filled("id", Unit::Id, &["019ab3c1-d2e4-7"]),
            filled("agent", Unit::Text, &["scout"]),
            filled("user", Unit::Text, &["–"]),
        ];
        assert_eq!(
            drawn(&columns, 24),
            (
                "ID               agent\n019ab3c1-d2e4-7  scout".to_owned(),
                1
            )
        );
    }
}
