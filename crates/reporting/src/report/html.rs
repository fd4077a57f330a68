//! A report as one page: no script, no other file, nothing that a name in it
//! could add.

use std::fmt::Write as _;

use super::block::{Block, Table};
use super::{Report, cell, plain, svg};

const STYLE: &str = include_str!("report.css");

/// The report as one page.
pub(super) fn render(report: &Report) -> String {
    let title = escape(&report.title());
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" \
         content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <h1>{title}</h1>\n<p>{}</p>\n",
        escape(&report.period()),
    );
    if !report.headlines.is_empty() {
        out.push_str("<ul>\n");
        for (name, figure) in &report.headlines {
            let (name, figure) = (escape(name), escape(figure));
            writeln!(out, "<li>{name} <strong>{figure}</strong></li>").expect("a String takes all");
        }
        out.push_str("</ul>\n");
    }
    for section in &report.sections {
        writeln!(out, "<section>\n<h2>{}</h2>", escape(section.title)).expect("a String takes all");
        for block in &section.blocks {
            match block {
                Block::Text(text) => {
                    writeln!(out, "<p>{}</p>", escape(text)).expect("a String takes all");
                }
                Block::Table(table) => put_table(&mut out, table),
                Block::Chart(chart) => {
                    let title = escape(&chart.title);
                    let drawn = svg::render(chart);
                    writeln!(
                        out,
                        "<figure>\n{drawn}<figcaption>{title}</figcaption>\n</figure>"
                    )
                    .expect("a String takes all");
                }
                Block::Command(command) => {
                    writeln!(out, "<p><code>{}</code></p>", escape_all(command))
                        .expect("a String takes all");
                }
            }
        }
        out.push_str("</section>\n");
    }
    let written = cell::minute(report.written_at);
    write!(
        out,
        "<footer><p>Written at {written} UTC.</p></footer>\n</body>\n</html>\n"
    )
    .expect("a String takes all");
    out
}

fn put_table(out: &mut String, table: &Table) {
    let class = |figures: bool| if figures { " class=\"figure\"" } else { "" };
    out.push_str("<table>\n<thead><tr>");
    for (title, figures) in &table.columns {
        let (class, title) = (class(*figures), escape(title));
        write!(out, "<th{class}>{title}</th>").expect("a String takes all");
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for cells in &table.rows {
        out.push_str("<tr>");
        for (cell, (_, figures)) in cells.iter().zip(&table.columns) {
            let (class, cell) = (class(*figures), escape(cell));
            write!(out, "<td{class}>{cell}</td>").expect("a String takes all");
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody>\n</table>\n");
    if table.more {
        out.push_str("<p>There are more than are shown.</p>\n");
    }
}

/// Text on one line that says itself and nothing else, in an attribute too.
pub(super) fn escape(text: &str) -> String {
    escape_all(&plain::line(text))
}

fn escape_all(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}
