//! Sessions of people over the last hours and days, each against the period before.

use crate::error::Result;
use crate::params::WebFilters;
use crate::questions::sessions;
use crate::report::ask::{Ask, Asked, SPANS};
use crate::report::{Page, Section};

pub(super) struct Spans;

impl Section for Spans {
    const TITLE: &'static str = "Sessions over time";

    async fn write(ask: &Ask<'_>, page: &mut Page) -> Result<()> {
        let mut told = Vec::new();
        for (name, span) in SPANS {
            let stats = sessions::Stats {
                period: ask.back(span),
                filters: WebFilters::default(),
            };
            told.push((name, ask.over(&stats.period, &stats, "").await?));
        }
        let nothing = |(_, asked): &(&str, Asked)| {
            asked.is_zero("sessions") && asked.is_zero("previous_sessions")
        };
        if told.iter().all(nothing) {
            page.say("Nobody came in the two weeks to the end of the day.");
        } else {
            page.say("Sessions of people up to the end of the day, each against the period of equal length before.");
            page.put(Asked::side_by_side(
                "Period",
                &told,
                &[
                    "sessions",
                    "previous_sessions",
                    "sessions_change",
                    "daily_visitors",
                    "page_views",
                    "previous_page_views",
                    "engaged_share",
                ],
            ));
        }
        for (_, asked) in &told {
            page.put(asked.command());
        }
        Ok(())
    }
}
