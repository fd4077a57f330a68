//! Who came that is no person.

use crate::error::Result;
use crate::params::WebFilters;
use crate::questions::traffic;
use crate::report::ask::Ask;
use crate::report::{Page, Section};

pub(super) struct Bots;

impl Section for Bots {
    const TITLE: &'static str = "Bots";

    async fn write(ask: &Ask<'_>, page: &mut Page) -> Result<()> {
        let question = traffic::Bots {
            period: ask.period(),
            filters: WebFilters::default(),
            page: ask.page(),
        };
        let limit = ask.page().limit;
        let asked = ask.day(&question, &format!("--limit {limit}")).await?;
        if asked.is_empty() {
            page.say("No bot came.");
        } else {
            page.put(asked.table(&[
                "class", "kind", "operator", "name", "sessions", "requests", "share",
            ]));
        }
        page.put(asked.command());
        Ok(())
    }
}
