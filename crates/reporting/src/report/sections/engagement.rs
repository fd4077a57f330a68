//! How people looked at what they came for.

use crate::error::Result;
use crate::params::WebFilters;
use crate::questions::sessions;
use crate::report::ask::Ask;
use crate::report::{Page, Section};

pub(super) struct Engagement;

impl Section for Engagement {
    const TITLE: &'static str = "Engagement";

    async fn write(ask: &Ask<'_>, page: &mut Page) -> Result<()> {
        let stats = sessions::Stats {
            period: ask.period(),
            filters: WebFilters::default(),
        };
        let engaged = ask.day(&stats, "").await?;
        if engaged.is_zero("tracked_sessions") {
            page.say("No browser reported that anybody read, scrolled or clicked.");
        } else {
            page.put(engaged.figures(&[
                "tracked_sessions",
                "engagement_events",
                "avg_time_on_page_seconds",
                "avg_engaged_seconds",
                "avg_scroll",
                "clicks",
                "engaged_share",
                "bounce_rate",
            ]));
        }
        page.put(engaged.command());
        Ok(())
    }
}
