//! The day's AI requests hour by hour: 23, 24 or 25 of them.

use crate::error::Result;
use crate::params::GroupBy;
use crate::questions::requests;
use crate::report::ask::Ask;
use crate::report::{Page, Section};

pub(super) struct Hours;

impl Section for Hours {
    const TITLE: &'static str = "AI requests hour by hour";

    async fn write(ask: &Ask<'_>, page: &mut Page) -> Result<()> {
        let trends = requests::Trends {
            period: ask.period(),
            group_by: Some(GroupBy::Hour),
            ..Default::default()
        };
        let hours = ask.day(&trends, "--group-by hour").await?;
        let label = |at| hours.hour(at);
        if hours.is_zero_throughout("requests") {
            page.say("No AI requests in any hour.");
        } else {
            page.put(hours.chart("requests", label));
            page.put(hours.chart("cost", label));
        }
        page.put(hours.labelled(
            &[
                "bucket",
                "requests",
                "errors",
                "input_tokens",
                "output_tokens",
                "cost",
                "p95_latency_ms",
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
