//! The daily report: what happened on one day of a time zone's calendar.
//!
//! A report is a list of sections. Each asks the registry and puts what it hears
//! into [`Block`]s; how those look as Markdown or as a page is decided once, and so
//! is that no name in them breaks anything.

mod ask;
mod block;
mod cell;
mod day;
mod html;
mod markdown;
mod plain;
mod sections;
mod svg;

use std::future::Future;

use systemprompt_domain::period::Interval;
use time::OffsetDateTime;

use self::ask::Ask;
pub use self::block::{Block, Chart, Table};
pub use self::day::{Day, InvalidDay};
use self::sections::SECTIONS;
use crate::ctx::Ctx;
use crate::entry::BoxFuture;
use crate::error::Result;

/// The report of a day.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The day.
    pub day: Day,
    /// Its first moment, and the first that is no longer part of it.
    pub interval: Interval,
    /// When it was written.
    pub written_at: OffsetDateTime,
    /// The figures that matter first, by name.
    pub headlines: Vec<(String, String)>,
    /// Its sections, in the order of the page.
    pub sections: Vec<Written>,
}

/// A section with what it has to say.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    /// What it is about.
    pub title: &'static str,
    /// What it says.
    pub blocks: Vec<Block>,
}

/// One section of the report: one file, which asks the registry and says what it
/// heard.
pub(crate) trait Section {
    /// What it is about.
    const TITLE: &'static str;

    /// Asks, and says what it heard.
    fn write(ask: &Ask<'_>, page: &mut Page) -> impl Future<Output = Result<()>> + Send;
}

/// A [`Section`] with its type erased, so that the list of all is a plain static.
pub(crate) struct SectionEntry {
    title: &'static str,
    write: for<'a> fn(&'a Ask<'a>, &'a mut Page) -> BoxFuture<'a, Result<()>>,
}

impl SectionEntry {
    pub(crate) const fn of<S: Section + 'static>() -> Self {
        Self {
            title: S::TITLE,
            write: |ask, page| Box::pin(S::write(ask, page)),
        }
    }
}

/// What sections write on.
#[derive(Debug, Default)]
pub(crate) struct Page {
    headlines: Vec<(String, String)>,
    blocks: Vec<Block>,
}

impl Page {
    /// A figure that matters first.
    pub(crate) fn headline(&mut self, name: &str, figure: impl Into<String>) {
        self.headlines.push((name.to_owned(), figure.into()));
    }

    /// A sentence of ours.
    pub(crate) fn say(&mut self, text: impl Into<String>) {
        self.blocks.push(Block::Text(text.into()));
    }

    pub(crate) fn put(&mut self, block: Block) {
        self.blocks.push(block);
    }
}

impl Report {
    /// Asks everything that the report of a day tells; tables have at most `rows`
    /// rows.
    ///
    /// # Errors
    /// When a question has no answer, as while the database is away.
    pub async fn of(ctx: &Ctx, day: Day, rows: u32) -> Result<Self> {
        let interval = day.interval()?;
        let mut report = Self {
            interval,
            written_at: ctx.clock.now(),
            headlines: Vec::new(),
            sections: Vec::new(),
            day,
        };
        let ask = Ask::new(ctx, report.day.clone(), rows)?;
        for section in SECTIONS {
            let mut page = Page::default();
            (section.write)(&ask, &mut page).await?;
            report.headlines.append(&mut page.headlines);
            report.sections.push(Written {
                title: section.title,
                blocks: page.blocks,
            });
        }
        Ok(report)
    }

    /// What it is about, in a line.
    #[must_use]
    pub fn title(&self) -> String {
        format!("Traffic report for {}", self.day.name())
    }

    /// Which moments it covers.
    #[must_use]
    pub fn period(&self) -> String {
        let hours = self.interval.duration().whole_minutes() as f64 / 60.0;
        format!(
            "{} to {} UTC ({hours} hours, {})",
            cell::minute(self.interval.since),
            cell::minute(self.interval.until),
            self.day.zone,
        )
    }

    /// The report as Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        markdown::render(self)
    }

    /// The report as one page that needs no other file.
    #[must_use]
    pub fn html(&self) -> String {
        html::render(self)
    }
}
