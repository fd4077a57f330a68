//! How pages were read.

use crate::error::Result;
use crate::params::WebFilters;
use crate::questions::content;
use crate::report::ask::Ask;
use crate::report::{Page, Section};

pub(super) struct Reading;

impl Section for Reading {
    const TITLE: &'static str = "Reading patterns";

    async fn write(ask: &Ask<'_>, page: &mut Page) -> Result<()> {
        let question = content::Patterns {
            period: ask.period(),
            filters: WebFilters::default(),
            content: None,
        };
        let asked = ask.day(&question, "").await?;
        if asked.is_zero_throughout("views") {
            page.say("Of no page view is it known how it was read.");
        } else {
            page.put(asked.table(&["pattern", "views", "share"]));
        }
        page.put(asked.command());
        Ok(())
    }
}
