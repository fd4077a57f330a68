//! What people and agents did.

use crate::error::Result;
use crate::questions::activity;
use crate::report::ask::Ask;
use crate::report::{Page, Section};

pub(super) struct Activity;

impl Section for Activity {
    const TITLE: &'static str = "Activity";

    async fn write(ask: &Ask<'_>, page: &mut Page) -> Result<()> {
        let summary = activity::Summary {
            period: ask.period(),
            ..Default::default()
        };
        let done = ask.day(&summary, "").await?;
        if done.is_zero("events") && done.is_zero("previous_events") {
            page.say("Nothing was reported, on this day or the day before.");
        } else {
            page.put(done.figures(&[
                "events",
                "logins",
                "prompts",
                "tool_uses",
                "skill_runs",
                "edits",
                "errors",
            ]));
        }
        page.put(done.command());
        Ok(())
    }
}
