//! How budgets stand when the report is written.

use crate::error::Result;
use crate::questions::costs;
use crate::report::ask::Ask;
use crate::report::{Page, Section};

pub(super) struct Budgets;

impl Section for Budgets {
    const TITLE: &'static str = "Budgets";

    async fn write(ask: &Ask<'_>, page: &mut Page) -> Result<()> {
        let budgets = ask.now(&costs::Budgets {}, "").await?;
        if budgets.is_empty() {
            page.say("No budget is set.");
        } else {
            page.say("As they stood when this was written.");
            page.put(budgets.table(&[
                "name", "scope", "state", "spent", "limit", "share", "left", "forecast",
            ]));
        }
        page.put(budgets.command());
        Ok(())
    }
}
