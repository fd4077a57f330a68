//! `content_analytics_aggregation`: how content does, up to date.

use systemprompt_config as config;
use systemprompt_config::{ContentAnalytics, Jobs};
use systemprompt_storage::web::content::{Aggregated, aggregate};

use crate::job::{Done, Job, Work};

/// Trends and averages are made ahead, so that questions about content read one row
/// for each. Only what changed since the run before is made again.
pub(crate) struct ContentAnalyticsAggregation;

impl Job for ContentAnalyticsAggregation {
    const NAME: &'static str = "content_analytics_aggregation";
    const ABOUT: &'static str = "Discovers content and brings its figures up to date";
    type Parameters = ContentAnalytics;

    fn settings(jobs: &Jobs) -> &config::Job<ContentAnalytics> {
        &jobs.content_analytics_aggregation
    }

    async fn run(work: &Work, parameters: &ContentAnalytics) -> anyhow::Result<Done> {
        let world = &work.world;
        let profile = world.profile();
        let rules = profile.web.rules();
        let now = world.clock.now();
        let done = aggregate(&world.upkeep, rules, now, parameters.rebuild).await?;
        let Some(Aggregated {
            discovered,
            updated,
        }) = done
        else {
            return Ok(Done::new(0, "another process is about it"));
        };
        let result = match discovered {
            0 => format!("{updated} updated"),
            _ => format!("{updated} updated, {discovered} discovered"),
        };
        Ok(Done::new(updated, result))
    }
}
