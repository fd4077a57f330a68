//! What people used.

use crate::error::Result;
use crate::params::WebFilters;
use crate::questions::traffic;
use crate::report::ask::Ask;
use crate::report::{Page, Section};

pub(super) struct Devices;

impl Section for Devices {
    const TITLE: &'static str = "Devices";

    async fn write(ask: &Ask<'_>, page: &mut Page) -> Result<()> {
        let question = traffic::Devices {
            period: ask.period(),
            filters: WebFilters::default(),
            page: ask.page(),
            by: None,
        };
        let limit = ask.page().limit;
        let asked = ask.day(&question, &format!("--limit {limit}")).await?;
        if asked.is_empty() {
            page.say("Nobody came with any device.");
        } else {
            page.put(asked.table(&["device", "browser", "os", "sessions", "share"]));
        }
        page.put(asked.command());
        Ok(())
    }
}
