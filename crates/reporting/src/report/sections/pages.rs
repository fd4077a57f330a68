//! Which pages held people longest.

use crate::error::Result;
use crate::params::WebFilters;
use crate::questions::traffic;
use crate::report::ask::Ask;
use crate::report::{Page, Section};

pub(super) struct Pages;

impl Section for Pages {
    const TITLE: &'static str = "Top pages by engagement";

    async fn write(ask: &Ask<'_>, page: &mut Page) -> Result<()> {
        let question = traffic::Pages {
            period: ask.period(),
            filters: WebFilters::default(),
            page: ask.page(),
            sort_by: traffic::PagesSortBy::Engagement,
        };
        let limit = ask.page().limit;
        let asked = ask
            .day(&question, &format!("--limit {limit} --sort-by engagement"))
            .await?;
        if asked.is_empty() {
            page.say("No page was looked at.");
        } else {
            page.headline("Top page", asked.text("path"));
            page.put(asked.table(&[
                "path",
                "views",
                "visitors",
                "engaged_seconds",
                "avg_time_seconds",
                "avg_scroll",
                "clicks",
                "site",
            ]));
        }
        page.put(asked.command());
        Ok(())
    }
}
