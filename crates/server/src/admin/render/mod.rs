//! Panels as HTML. Every figure carries its exact value, and every panel says what
//! it asked: a page can be checked against the command line, and a test does.

mod budgets;
mod cards;
mod chart;
mod facts;
mod heat;
mod link;
mod table;
mod trace;

use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::Value;
use systemprompt_reporting::present::cell::Row;
use systemprompt_reporting::present::column::Column;
use systemprompt_reporting::present::locale::Locale;
use systemprompt_reporting::{Answer, Entry};
use time::OffsetDateTime;

pub(super) use self::link::{Links, takes};
pub(super) use self::table::tone;
use super::ask::{Asked, Failure};
use super::known::Known;
use super::panel::{Look, Panel, Width};
use super::view::encode;
use crate::html::Escaped;

/// A panel with what became of its questions.
pub(super) struct Shown<'a> {
    pub(super) panel: &'a Panel,
    pub(super) entry: &'static Entry,
    /// Its place on the page.
    pub(super) index: usize,
    pub(super) params: Vec<(String, String)>,
    pub(super) asked: Asked,
    /// The same question over the period before.
    pub(super) before: Option<Arc<Answer<Value>>>,
    /// The question behind the lines of its cards.
    pub(super) trend: Option<Arc<Answer<Value>>>,
    pub(super) links: Links<'a>,
    pub(super) now: OffsetDateTime,
    /// A request to try where there is nothing yet.
    pub(super) example: &'a str,
}

impl Shown<'_> {
    /// The panel.
    pub(super) fn html(&self) -> String {
        let mut out = String::new();
        let width = match self.panel.width {
            Width::Whole => "w6",
            Width::TwoThirds => "w4",
            Width::Half => "w3",
            Width::Third => "w2",
        };
        let look = match self.panel.look {
            Look::Cards { .. } => "cards",
            Look::Facts => "facts",
            _ => "plain",
        };
        let query = encode(&self.params);
        let question = self.entry.path.join(" ");
        let id = self.id();
        let _ = write!(
            out,
            "<section class=\"panel {width} {look}\" id=\"{id}\" aria-labelledby=\"{id}-h\" \
             data-panel=\"{}\" data-question=\"{question}\" data-params=\"{}\">",
            self.index,
            Escaped(&query)
        );
        self.head(&mut out, &question, &query);
        match &self.asked {
            Ok(answer) => self.body(&mut out, answer),
            Err(failure) => self.failure(&mut out, failure),
        }
        out.push_str("</section>");
        out
    }

    /// The panel's id on the page.
    fn id(&self) -> String {
        format!("p{}", self.index)
    }

    fn head(&self, out: &mut String, question: &str, query: &str) {
        let id = self.id();
        let path = self.entry.path.join("/");
        let title = Escaped(self.panel.title);
        let _ = write!(
            out,
            "<header><h2 id=\"{id}-h\">{title}</h2><details class=\"menu\">\
             <summary title=\"About these figures\"><span class=\"hide\">About {title}</span><span aria-hidden=\"true\">⋯</span></summary>\
             <div class=\"sheet\"><p>{}</p><p>The same on the command line:</p><code>{}</code>",
            Escaped(&Known::of(self.entry).about),
            Escaped(&command(self.entry, question, &self.params)),
        );
        let skipped = self.links.skipped(self.entry);
        if !skipped.is_empty() {
            let _ = write!(
                out,
                "<p>This question cannot be filtered by {}.</p>",
                Escaped(&skipped.join(", "))
            );
        }
        let _ = write!(
            out,
            "<p class=\"download\"><a href=\"/api/v1/analytics/{path}.csv?{q}\" download>CSV</a> \
             <a href=\"/api/v1/analytics/{path}.json?{q}\" download>JSON</a></p></div></details></header>",
            q = Escaped(query),
        );
    }

    fn body(&self, out: &mut String, answer: &Answer<Value>) {
        let skipped = self.links.skipped(self.entry);
        if !skipped.is_empty() && !matches!(self.panel.look, Look::Budgets) {
            let _ = write!(
                out,
                "<p class=\"note\">Not filtered by {}</p>",
                Escaped(&skipped.join(", "))
            );
        }
        match self.panel.look {
            Look::Cards { cards, .. } => self.cards(out, answer, cards),
            Look::Chart {
                form,
                measure,
                series,
            } => self.chart(out, answer, form, measure, series),
            Look::Heat { key } => self.heat(out, answer, key),
            Look::Table {
                columns,
                bar,
                older,
            } => self.rows(out, answer, columns, bar, older),
            Look::Facts => self.facts(out, answer),
            Look::Budgets => self.budgets(out, answer),
            Look::Waterfall => self.waterfall(out, answer),
        }
        if let Some(note) = answer.note.as_ref().filter(|_| !answer.rows.is_empty()) {
            let _ = write!(out, "<p class=\"note\">{}</p>", Escaped(&sentence(note)));
        }
        if let Some(rate) = answer.sampled {
            let _ = write!(
                out,
                "<p class=\"note\">Detail is sampled: {} of requests can be rows.</p>",
                systemprompt_reporting::present::figure::share(rate)
            );
        }
    }

    /// Nothing to show, and what to do about it.
    fn nothing(&self, out: &mut String, answer: &Answer<Value>) {
        out.push_str("<div class=\"empty\">");
        // What the command line could do about it is in the panel's menu.
        let note = answer.note.as_deref();
        let why = note
            .and_then(|note| note.split("; --").next())
            .map(sentence);
        let filtered = !self.links.view.filters.is_empty();
        match (&why, self.panel.empty) {
            (Some(why), _) if !filtered => {
                let _ = write!(out, "<p>{}</p>", Escaped(why));
            }
            _ => out.push_str("<p>Nothing in this period.</p>"),
        }
        if filtered {
            let _ = write!(
                out,
                "<p><a href=\"{}\">Without filters</a></p>",
                Escaped(&self.links.here(&self.links.view.unfiltered()))
            );
        } else if let Some(advice) = self.panel.empty {
            let mut lines = advice.lines();
            let _ = write!(out, "<p>{}</p>", Escaped(lines.next().unwrap_or_default()));
            for line in lines {
                let _ = write!(
                    out,
                    "<pre tabindex=\"0\"><code>{}</code></pre>",
                    Escaped(line)
                );
            }
            if advice.ends_with(':') {
                let _ = write!(
                    out,
                    "<pre tabindex=\"0\"><code>{}</code></pre>",
                    Escaped(self.example)
                );
            }
        }
        out.push_str("</div>");
    }

    fn failure(&self, out: &mut String, failure: &Failure) {
        let again = self.links.here(&self.links.view.plain());
        let (text, again) = match failure {
            Failure::Refused(text) | Failure::Missing(text) => (sentence(text), None),
            Failure::Away => (
                "The database did not answer. The rest of this page is as it should be.".to_owned(),
                Some(again),
            ),
        };
        let _ = write!(
            out,
            "<div class=\"failed\" role=\"alert\"><p>{}</p>",
            Escaped(&text)
        );
        if let Some(again) = again {
            let _ = write!(
                out,
                "<p><a class=\"button\" data-retry=\"{}\" href=\"{}\">Try again</a></p>",
                self.index,
                Escaped(&again)
            );
        }
        out.push_str("</div>");
    }

    /// The columns of the answer's rows.
    fn columns(&self) -> Vec<Column> {
        Known::of(self.entry).columns.clone()
    }
}

/// The rows of an answer.
fn rows(answer: &Answer<Value>) -> Vec<&Row> {
    answer.rows.iter().filter_map(Value::as_object).collect()
}

/// How the answer writes moments and money.
fn locale(answer: &Answer<Value>) -> Locale {
    Locale::of(answer)
}

/// The exact value of a figure or a text, as JSON has it.
fn exact(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A figure in the flow of a page, with its exact value and where the answer has it.
fn datum(value: &Value, text: &str, at: &str) -> String {
    format!(
        "<data value=\"{}\" data-at=\"{}\">{}</data>",
        Escaped(&exact(value)),
        Escaped(at),
        Escaped(text)
    )
}

/// A note as a sentence.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string());
    let mut text = first.unwrap_or_default() + chars.as_str();
    if !text.ends_with(['.', ':', '!', '?']) {
        text.push('.');
    }
    text
}

/// The command that asks the same.
fn command(entry: &'static Entry, question: &str, params: &[(String, String)]) -> String {
    let mut out = format!("systemprompt analytics {question}");
    for (name, value) in params {
        let known = Known::of(entry);
        let word = name.replace('_', "-");
        let _ = match (known.needs(name), known.is_flag(name)) {
            (true, _) => write!(out, " {}", shell(value)),
            (false, true) if value == "true" => write!(out, " --{word}"),
            (false, true) => Ok(()),
            (false, false) => write!(out, " --{word} {}", shell(value)),
        };
    }
    out
}

/// A word for a shell.
fn shell(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/@+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::panel::named;

    #[test]
    fn a_command_can_be_pasted() {
        let params = [
            ("since".to_owned(), "7d".to_owned()),
            ("group_by".to_owned(), "day".to_owned()),
            ("agent".to_owned(), "it's $(x)".to_owned()),
        ];
        assert_eq!(
            command(named("costs trends"), "costs trends", &params),
            "systemprompt analytics costs trends --since 7d --group-by day --agent 'it'\\''s $(x)'"
        );
        let flag = [("without_exits".to_owned(), "true".to_owned())];
        assert_eq!(
            command(named("traffic transitions"), "traffic transitions", &flag),
            "systemprompt analytics traffic transitions --without-exits"
        );
        let id = [("id".to_owned(), "0193".to_owned())];
        assert_eq!(
            command(named("requests show"), "requests show", &id),
            "systemprompt analytics requests show 0193"
        );
    }

    #[test]
    fn notes_are_sentences() {
        assert_eq!(sentence("no budget is set: ünï"), "No budget is set: ünï.");
        assert_eq!(sentence(""), ".");
    }
}
