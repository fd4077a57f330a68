//! `partitions`: room for the days to come.

use systemprompt_config as config;
use systemprompt_config::{Jobs, Nothing};
use systemprompt_storage::make_ahead;

use crate::job::{Done, Job, Work};

/// The writer makes a partition when it meets a new day. This makes them before, so
/// that no batch at midnight waits for it, and lists and reports of a day on which
/// nobody wrote find an empty table rather than none.
pub(crate) struct Partitions;

impl Job for Partitions {
    const NAME: &'static str = "partitions";
    const ABOUT: &'static str = "Makes the partitions of the days to come";
    type Parameters = Nothing;

    fn settings(jobs: &Jobs) -> &config::Job {
        &jobs.partitions
    }

    async fn run(work: &Work, _: &Nothing) -> anyhow::Result<Done> {
        let days = make_ahead(&work.world.upkeep, work.world.clock.now()).await?;
        Ok(Done::new(
            days,
            format!("{days} days have their partitions"),
        ))
    }
}
