//! Which countries people came from, over the last hours and days.

use crate::error::Result;
use crate::params::WebFilters;
use crate::questions::traffic;
use crate::report::ask::{Ask, Asked, SPANS};
use crate::report::{Page, Section};

pub(super) struct Geography;

impl Section for Geography {
    const TITLE: &'static str = "Geography";

    async fn write(ask: &Ask<'_>, page: &mut Page) -> Result<()> {
        let mut told = Vec::new();
        for (name, span) in SPANS {
            // The longest period says which rows there are; of the others all are known.
            let rows = match SPANS.last() {
                Some((last, _)) if *last == name => ask.page(),
                _ => Ask::everything(),
            };
            let limit = rows.limit;
            let geo = traffic::Geo {
                period: ask.back(span),
                filters: WebFilters::default(),
                page: rows,
                by: None,
            };
            let options = format!("--limit {limit}");
            told.push((name, ask.over(&geo.period, &geo, &options).await?));
        }
        if told.iter().all(|(_, asked)| asked.is_empty()) {
            page.say("Nobody came in the week to the end of the day.");
        } else {
            page.say("Sessions of people up to the end of the day, by country and region.");
            page.put(Asked::across(&told, &["country", "region"], "sessions"));
        }
        for (_, asked) in &told {
            page.put(asked.command());
        }
        Ok(())
    }
}
