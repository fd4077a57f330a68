//! `alerts`: thresholds that are measured now and then.

use systemprompt_config as config;
use systemprompt_config::{Jobs, Nothing};
use systemprompt_storage::budgets::alerts;

use crate::job::{Done, Job, Work};

/// Costs are watched where they are booked, in the writer's transaction. Error
/// rates, latencies and unpriced requests are properties of a whole hour or day:
/// somebody has to look.
pub(crate) struct Alerts;

impl Job for Alerts {
    const NAME: &'static str = "alerts";
    const ABOUT: &'static str = "Measures what alerts watch besides costs";
    const QUIET: bool = true;
    type Parameters = Nothing;

    fn settings(jobs: &Jobs) -> &config::Job {
        &jobs.alerts
    }

    async fn run(work: &Work, _: &Nothing) -> anyhow::Result<Done> {
        let profile = work.world.profile();
        let analytics = &profile.analytics;
        if !analytics.enabled {
            return Ok(Done::new(0, "analytics is off: nothing is counted"));
        }
        let watched = &analytics.alerts;
        let now = work.world.clock.now();
        alerts::evaluate(&work.world.control, watched, now).await?;
        Ok(Done::new(
            watched.len(),
            format!("alerts looked at: {}", watched.len()),
        ))
    }
}
