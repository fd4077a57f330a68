//! A report as Markdown: CommonMark with GitHub's tables. No text of others can
//! begin a tag, a link, a cell or any other mark.

use std::fmt::Write as _;

use super::block::{Block, Chart, Table};
use super::{Report, cell, plain};
use crate::present::sparkline::sparkline;

/// Marks that mean something within a line, whatever the dialect.
const MARKS: &str = r"\`*_{}[]<>|~&@$^";

/// The report as Markdown.
pub(super) fn render(report: &Report) -> String {
    let mut out = format!("# {}\n\n{}\n", report.title(), report.period());
    if !report.headlines.is_empty() {
        out.push('\n');
    }
    for (name, figure) in &report.headlines {
        writeln!(out, "- {}: **{}**", escape(name), escape(figure)).expect("a String takes all");
    }
    for section in &report.sections {
        write!(out, "\n## {}\n", section.title).expect("a String takes all");
        for block in &section.blocks {
            out.push('\n');
            match block {
                Block::Text(text) => writeln!(out, "{text}").expect("a String takes all"),
                Block::Table(table) => put_table(&mut out, table),
                Block::Chart(chart) => put_chart(&mut out, chart),
                Block::Command(command) => {
                    writeln!(out, "`{command}`").expect("a String takes all");
                }
            }
        }
    }
    let written = cell::minute(report.written_at);
    write!(out, "\n---\n\nWritten at {written} UTC.\n").expect("a String takes all");
    out
}

fn put_table(out: &mut String, table: &Table) {
    let row = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let titles = table.columns.iter().map(|(title, _)| escape(title));
    out.push_str(&row(titles.collect()));
    let rules = table.columns.iter().map(|(_, figures)| match figures {
        true => "---:".to_owned(),
        false => "---".to_owned(),
    });
    out.push_str(&row(rules.collect()));
    for cells in &table.rows {
        out.push_str(&row(cells.iter().map(|cell| escape(cell)).collect()));
    }
    if table.more {
        out.push_str("\nThere are more than are shown.\n");
    }
}

fn put_chart(out: &mut String, chart: &Chart) {
    let bars: Vec<Option<f64>> = chart.bars.iter().copied().map(Some).collect();
    let line = sparkline(&bars, bars.len());
    let highest = highest(chart).map(|at| {
        let (label, text) = (&chart.labels[at], &chart.texts[at]);
        format!(", at most {} ({})", escape(text), escape(label))
    });
    let title = escape(&chart.title);
    writeln!(out, "{title}: {line}{}", highest.unwrap_or_default()).expect("a String takes all");
}

/// The first of the highest bars, if any has a height.
pub(super) fn highest(chart: &Chart) -> Option<usize> {
    let mut highest: Option<usize> = None;
    for (at, bar) in chart.bars.iter().enumerate() {
        if *bar > highest.map_or(0.0, |at| chart.bars[at]) {
            highest = Some(at);
        }
    }
    highest
}

/// Text that says itself and nothing else.
fn escape(text: &str) -> String {
    let line = plain::line(text);
    let mut out = String::with_capacity(line.len() + 8);
    let mut rest = line.chars();
    while let Some(c) = rest.next() {
        // Some dialects make links of bare addresses.
        let is_scheme = c == ':' && rest.as_str().starts_with('/');
        let is_host = c == '.' && out.to_ascii_lowercase().ends_with("www");
        if MARKS.contains(c) || is_scheme || is_host {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_others_means_anything() {
        for (text, escaped) in [
            ("claude-sonnet-4-5", "claude-sonnet-4-5"),
            ("a|b\n| c", r"a\|b \| c"),
            (
                "<script>alert(1)</script>",
                r"\<script\>alert(1)\</script\>",
            ),
            ("[x](javascript:y)", r"\[x\](javascript:y)"),
            ("`&lt;` **b**", r"\`\&lt;\` \*\*b\*\*"),
            ("http://e www.e", r"http\://e www\.e"),
            ("\u{202e}evil\u{200b}", "evil"),
        ] {
            assert_eq!(escape(text), escaped);
        }
    }
}
