//! What a page is made of: panels, each of which asks one question of the registry.

use systemprompt_reporting::{Entry, find};

use super::charts::{Form, Measure};

/// A page: what it is called, what it is for, and its panels.
#[derive(Debug)]
pub(super) struct Page {
    /// The word in its address; empty for the first page.
    pub(super) slug: &'static str,
    pub(super) title: &'static str,
    pub(super) about: &'static str,
    /// Whether it is about one thing, which its address names.
    pub(super) single: bool,
    pub(super) panels: &'static [Panel],
}

/// A panel: a question, what of its parameters is fixed, and how its answer looks.
/// Everything else that the question takes is the page's: period, zone, filters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Panel {
    pub(super) title: &'static str,
    /// The question's words: `costs trends`.
    pub(super) question: &'static str,
    /// Fixed parameters as in a query string; `{}` is what the page is about.
    pub(super) fixed: &'static str,
    pub(super) look: Look,
    pub(super) width: Width,
    /// What to do where there is nothing.
    pub(super) empty: Option<&'static str>,
}

/// How much of a page's width a panel takes, where there is room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Width {
    Whole,
    TwoThirds,
    Half,
    Third,
}

/// How an answer looks.
#[derive(Clone, Copy, Debug)]
pub(super) enum Look {
    /// Figures, each on a card; lines behind them from another question.
    Cards {
        cards: &'static [Card],
        trend: &'static str,
    },
    /// Figures step by step.
    Chart {
        form: Form,
        measure: Measure,
        series: &'static [(&'static str, &'static str)],
    },
    /// Shades step by step, of one figure.
    Heat { key: &'static str },
    /// Rows in columns: these, or all. The bar column's figures are seen as bars too.
    Table {
        columns: &'static [&'static str],
        bar: &'static str,
        /// The column whose last value leads on to older rows.
        older: Option<&'static str>,
    },
    /// One row, field by field, lists below.
    Facts,
    /// Budgets with what is spent of them.
    Budgets,
    /// What happened on a trace, along its time.
    Waterfall,
}

/// A figure on a card.
#[derive(Clone, Copy, Debug)]
pub(super) struct Card {
    pub(super) label: &'static str,
    /// The column of the answer's row, or the metric of a row.
    pub(super) key: &'static str,
    /// The column of the period before.
    pub(super) previous: Option<&'static str>,
    /// The column of the trend's rows.
    pub(super) trend: Option<&'static str>,
    pub(super) good: Good,
}

/// Which way a figure should go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Good {
    Up,
    Down,
    Either,
}

/// A card of a figure that is neither good nor bad.
pub(super) const fn card(label: &'static str, key: &'static str) -> Card {
    Card {
        label,
        key,
        previous: None,
        trend: None,
        good: Good::Either,
    }
}

impl Card {
    pub(super) const fn before(mut self, key: &'static str) -> Self {
        self.previous = Some(key);
        self
    }

    pub(super) const fn trend(mut self, key: &'static str) -> Self {
        self.trend = Some(key);
        self
    }

    pub(super) const fn good(mut self, good: Good) -> Self {
        self.good = good;
        self
    }
}

/// Figures on cards, over the whole width.
pub(super) const fn cards(
    title: &'static str,
    question: &'static str,
    trend: &'static str,
    cards: &'static [Card],
) -> Panel {
    panel(title, question, Look::Cards { cards, trend })
}

/// A chart of some columns, in half the width.
pub(super) const fn chart(
    title: &'static str,
    question: &'static str,
    form: Form,
    measure: Measure,
    series: &'static [(&'static str, &'static str)],
) -> Panel {
    let look = Look::Chart {
        form,
        measure,
        series,
    };
    panel(title, question, look).wide(Width::Half)
}

/// A table of some columns, or all; with bars for one of them.
pub(super) const fn table(
    title: &'static str,
    question: &'static str,
    columns: &'static [&'static str],
    bar: &'static str,
) -> Panel {
    let older = None;
    let look = Look::Table {
        columns,
        bar,
        older,
    };
    panel(title, question, look)
}

/// A table of single things, the newest first, which leads on to older ones.
pub(super) const fn list(
    title: &'static str,
    question: &'static str,
    columns: &'static [&'static str],
    id: &'static str,
) -> Panel {
    let look = Look::Table {
        columns,
        bar: "",
        older: Some(id),
    };
    panel(title, question, look).fixed("limit=50")
}

pub(super) const fn panel(title: &'static str, question: &'static str, look: Look) -> Panel {
    Panel {
        title,
        question,
        fixed: "",
        look,
        width: Width::Whole,
        empty: None,
    }
}

impl Panel {
    pub(super) const fn fixed(mut self, fixed: &'static str) -> Self {
        self.fixed = fixed;
        self
    }

    pub(super) const fn wide(mut self, width: Width) -> Self {
        self.width = width;
        self
    }

    pub(super) const fn empty(mut self, text: &'static str) -> Self {
        self.empty = Some(text);
        self
    }

    /// The question it asks.
    pub(super) fn entry(&self) -> &'static Entry {
        named(self.question)
    }
}

/// The question of these words.
///
/// Panels are written here, and a test asks each of them.
pub(super) fn named(words: &str) -> &'static Entry {
    let words: Vec<&str> = words.split(' ').collect();
    find(&words).expect("panels name questions of the registry")
}
