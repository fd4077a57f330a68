//! Which page people went to from which.

use crate::error::Result;
use crate::params::WebFilters;
use crate::questions::traffic;
use crate::report::ask::Ask;
use crate::report::{Page, Section};

pub(super) struct Transitions;

impl Section for Transitions {
    const TITLE: &'static str = "Page transitions";

    async fn write(ask: &Ask<'_>, page: &mut Page) -> Result<()> {
        let question = traffic::Transitions {
            period: ask.period(),
            filters: WebFilters::default(),
            page: ask.page(),
        };
        let limit = ask.page().limit;
        let asked = ask.day(&question, &format!("--limit {limit}")).await?;
        if asked.is_empty() {
            page.say("Nobody went from one page to another.");
        } else {
            page.say("Where the page after it is (none), the session ended.");
            page.put(asked.table(&["from_path", "to_path", "times", "share", "site"]));
        }
        page.put(asked.command());
        Ok(())
    }
}
