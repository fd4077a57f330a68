//! What failed, the most frequent first.

use crate::error::Result;
use crate::questions::errors;
use crate::report::ask::Ask;
use crate::report::{Page, Section};

pub(super) struct Errors;

impl Section for Errors {
    const TITLE: &'static str = "Errors";

    async fn write(ask: &Ask<'_>, page: &mut Page) -> Result<()> {
        let patterns = errors::Patterns {
            period: ask.period(),
            page: ask.page(),
            ..Default::default()
        };
        let limit = ask.page().limit;
        let failed = ask.day(&patterns, &format!("--limit {limit}")).await?;
        if failed.is_empty() {
            page.say("Nothing failed.");
        } else {
            page.put(failed.table(&[
                "source",
                "state",
                "http_status",
                "error_type",
                "models",
                "count",
                "share",
                "advice",
            ]));
        }
        page.put(failed.command());
        Ok(())
    }
}
