//! `session_closing`: web sessions come to their end.

use systemprompt_config as config;
use systemprompt_config::{Jobs, Nothing};
use systemprompt_storage::web::Judge;
use systemprompt_storage::web::close::close;

use crate::job::{Done, Job, Work};

/// Only what is over has final counts. Questions add the open sessions one by one, so
/// those must stay few.
pub(crate) struct SessionClosing;

impl Job for SessionClosing {
    const NAME: &'static str = "session_closing";
    const ABOUT: &'static str = "Ends web sessions that are over";
    const QUIET: bool = true;
    type Parameters = Nothing;

    fn settings(jobs: &Jobs) -> &config::Job {
        &jobs.session_closing
    }

    async fn run(work: &Work, _: &Nothing) -> anyhow::Result<Done> {
        let world = &work.world;
        let judge = Judge::new(world.profile().web.rules().clone());
        let closed = close(&world.upkeep, &judge, world.clock.now()).await?;
        Ok(match closed {
            // An import ends its own, under the same lock.
            None => Done::new(0, "another process is about it"),
            Some(1) => Done::new(1, "1 session is over"),
            Some(n) => Done::new(n, format!("{n} sessions are over")),
        })
    }
}
