//! What the money went to, by agent.

use crate::error::Result;
use crate::questions::costs;
use crate::report::ask::Ask;
use crate::report::{Page, Section};

pub(super) struct Agents;

impl Section for Agents {
    const TITLE: &'static str = "Spend by agent";

    async fn write(ask: &Ask<'_>, page: &mut Page) -> Result<()> {
        let breakdown = costs::Breakdown {
            period: ask.period(),
            page: ask.page(),
            by: costs::By::Agent,
            ..Default::default()
        };
        let limit = ask.page().limit;
        let spent = ask
            .day(&breakdown, &format!("--by agent --limit {limit}"))
            .await?;
        if spent.is_empty() {
            page.say("No agent was active.");
        } else {
            page.put(spent.table(&[
                "name",
                "requests",
                "cost",
                "share",
                "input_tokens",
                "output_tokens",
                "unpriced_requests",
            ]));
        }
        page.put(spent.command());
        Ok(())
    }
}
