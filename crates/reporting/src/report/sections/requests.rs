//! How the day's AI requests went.

use crate::error::Result;
use crate::questions::requests;
use crate::report::ask::Ask;
use crate::report::{Page, Section};

pub(super) struct Requests;

impl Section for Requests {
    const TITLE: &'static str = "AI requests";

    async fn write(ask: &Ask<'_>, page: &mut Page) -> Result<()> {
        let stats = requests::Stats {
            period: ask.period(),
            ..Default::default()
        };
        let went = ask.day(&stats, "").await?;
        page.headline("AI requests", went.text("requests"));
        page.headline("Error rate", went.text("error_rate"));
        if went.is_zero("requests") && went.is_zero("previous_requests") {
            page.say("No AI requests were made, on this day or the day before.");
        } else {
            page.put(went.figures(&[
                "requests",
                "completed",
                "failed",
                "client_disconnect",
                "upstream_timeout",
                "paused",
                "shutdown",
                "lost",
                "error_rate",
                "average_latency_ms",
                "p50_latency_ms",
                "p95_latency_ms",
                "p99_latency_ms",
                "average_ttfb_ms",
                "streamed_share",
            ]));
        }
        page.put(went.command());
        Ok(())
    }
}
