//! Crawlers of AI companies, and people whom their assistants sent.

use crate::error::Result;
use crate::params::WebFilters;
use crate::questions::traffic;
use crate::report::ask::Ask;
use crate::report::{Page, Section};

pub(super) struct Crawlers;

impl Section for Crawlers {
    const TITLE: &'static str = "AI crawlers and assistants";

    async fn write(ask: &Ask<'_>, page: &mut Page) -> Result<()> {
        let question = traffic::Ai {
            period: ask.period(),
            filters: WebFilters::default(),
            page: ask.page(),
        };
        let limit = ask.page().limit;
        let asked = ask.day(&question, &format!("--limit {limit}")).await?;
        if asked.is_empty() {
            page.say("No AI crawler came, and no assistant sent anybody.");
        } else {
            page.put(asked.table(&[
                "kind", "name", "operator", "sessions", "requests", "top_page",
            ]));
        }
        page.put(asked.command());
        Ok(())
    }
}
