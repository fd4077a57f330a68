//! The day's visits hour by hour: 23, 24 or 25 of them.

use crate::error::Result;
use crate::params::{GroupBy, WebFilters};
use crate::questions::sessions;
use crate::report::ask::Ask;
use crate::report::{Page, Section};

pub(super) struct Trend;

impl Section for Trend {
    const TITLE: &'static str = "Visits hour by hour";

    async fn write(ask: &Ask<'_>, page: &mut Page) -> Result<()> {
        let trends = sessions::Trends {
            period: ask.period(),
            filters: WebFilters::default(),
            group_by: Some(GroupBy::Hour),
        };
        let hours = ask.day(&trends, "--group-by hour").await?;
        let label = |at| hours.hour(at);
        if hours.is_zero_throughout("sessions") {
            page.say("No person came in any hour.");
        } else {
            page.put(hours.chart("sessions", label));
            page.put(hours.chart("page_views", label));
        }
        page.put(hours.labelled(
            &[
                "bucket",
                "sessions",
                "daily_visitors",
                "page_views",
                "engaged_share",
                "avg_engaged_seconds",
                "clicks",
            ],
            |at, key| (key == "bucket").then(|| label(at)),
        ));
        if let Some(note) = hours.period_note(ask.interval) {
            page.say(note);
        }
        page.put(hours.command());
        Ok(())
    }
}
