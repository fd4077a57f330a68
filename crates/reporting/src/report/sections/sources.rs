//! Where people came from: by channel, and in full.

use crate::error::Result;
use crate::params::WebFilters;
use crate::questions::traffic;
use crate::report::ask::Ask;
use crate::report::{Page, Section};

pub(super) struct Sources;

impl Section for Sources {
    const TITLE: &'static str = "Sources and referrers";

    async fn write(ask: &Ask<'_>, page: &mut Page) -> Result<()> {
        let question = |by| traffic::Sources {
            period: ask.period(),
            filters: WebFilters::default(),
            page: ask.page(),
            by,
        };
        let limit = ask.page().limit;
        let channels = question(Some(traffic::SourcesBy::Channel));
        let channels = ask
            .day(&channels, &format!("--limit {limit} --by channel"))
            .await?;
        let sources = ask
            .day(&question(None), &format!("--limit {limit}"))
            .await?;
        if sources.is_empty() {
            page.say("Nobody came from anywhere.");
        } else {
            page.headline("Top channel", channels.text("channel"));
            page.put(channels.table(&["channel", "sessions", "visitors", "engaged_share"]));
        }
        page.put(channels.command());
        if !sources.is_empty() {
            page.put(sources.table(&[
                "channel",
                "source",
                "referrer",
                "sessions",
                "visitors",
                "engaged_share",
            ]));
        }
        page.put(sources.command());
        Ok(())
    }
}
