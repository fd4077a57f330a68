//! What the audit trail holds of the day.

use crate::error::Result;
use crate::questions::audit;
use crate::report::ask::Ask;
use crate::report::{Page, Section};

pub(super) struct Audit;

impl Section for Audit {
    const TITLE: &'static str = "Audit trail";

    async fn write(ask: &Ask<'_>, page: &mut Page) -> Result<()> {
        let stats = audit::Stats {
            period: ask.period(),
            page: ask.page(),
            ..Default::default()
        };
        let limit = ask.page().limit;
        let trail = ask.day(&stats, &format!("--limit {limit}")).await?;
        if trail.is_empty() {
            page.say("The audit trail has no events.");
        } else {
            page.put(trail.table(&["category", "event", "events", "previous_events", "change"]));
        }
        page.put(trail.command());
        Ok(())
    }
}
