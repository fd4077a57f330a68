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
            without_exits: true,
        };
        let limit = ask.page().limit;
        let asked = ask
            .day(&question, &format!("--limit {limit} --without-exits"))
            .await?;
        if asked.is_empty() {
            page.say("Nobody went from one page to another.");
        } else {
            page.put(asked.table(&["from_path", "to_path", "times", "share", "site"]));
        }
        page.put(asked.command());
        Ok(())
    }
}
