//! What the day's AI requests cost.

use crate::error::Result;
use crate::questions::costs;
use crate::report::ask::Ask;
use crate::report::{Page, Section};

pub(super) struct Spend;

impl Section for Spend {
    const TITLE: &'static str = "AI spend";

    async fn write(ask: &Ask<'_>, page: &mut Page) -> Result<()> {
        let summary = costs::Summary {
            period: ask.period(),
            ..Default::default()
        };
        let spent = ask.day(&summary, "").await?;
        page.headline("AI spend", spent.text("cost"));
        if spent.is_zero("requests") && spent.is_zero("previous_cost") {
            page.say("No AI requests were made, and nothing was spent the day before either.");
        } else {
            page.put(spent.figures(&[
                "cost",
                "average_cost",
                "input_tokens",
                "cache_read_tokens",
                "output_tokens",
                "reasoning_tokens",
                "unpriced_requests",
                "without_usage",
            ]));
        }
        if let Some(note) = spent.period_note(ask.interval) {
            page.say(note);
        }
        page.put(spent.command());
        Ok(())
    }
}
