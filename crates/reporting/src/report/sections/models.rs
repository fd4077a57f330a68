//! What the money went to, by model.

use crate::error::Result;
use crate::questions::costs;
use crate::report::ask::Ask;
use crate::report::{Page, Section};

pub(super) struct Models;

impl Section for Models {
    const TITLE: &'static str = "Spend by model";

    async fn write(ask: &Ask<'_>, page: &mut Page) -> Result<()> {
        let breakdown = costs::Breakdown {
            period: ask.period(),
            page: ask.page(),
            by: costs::By::Model,
            ..Default::default()
        };
        let limit = ask.page().limit;
        let spent = ask
            .day(&breakdown, &format!("--by model --limit {limit}"))
            .await?;
        if spent.is_empty() {
            page.say("No model was used.");
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
