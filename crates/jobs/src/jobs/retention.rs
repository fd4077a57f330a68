//! `retention`: what is too old goes.

use std::time::Duration;

use serde_json::json;
use systemprompt_config as config;
use systemprompt_config::{Jobs, Nothing};
use systemprompt_storage::audit::AnchorFile;
use systemprompt_storage::jobs::forget;
use systemprompt_storage::retention::{Occasion, Outcome, Retention as Kept};

use crate::job::{Done, Job, Work};

/// How soon to try again what somebody was reading, and how often.
const AGAIN: Duration = Duration::from_secs(60);
const TRIES: usize = 10;

/// Without it the database grows for ever. Cheap where there is nothing to do, so it
/// runs every hour: what was in use or came late goes soon.
pub(crate) struct Retention;

impl Job for Retention {
    const NAME: &'static str = "retention";
    const ABOUT: &'static str = "Removes what is older than it is to be kept";
    type Parameters = Nothing;

    fn settings(jobs: &Jobs) -> &config::Job {
        &jobs.retention
    }

    async fn run(work: &Work, _: &Nothing) -> anyhow::Result<Done> {
        let world = &work.world;
        let profile = &world.config.profile;
        let kept =
            Kept::from(&profile.analytics).with_imported(profile.web.imported_retention_days);
        let anchor = AnchorFile::new(profile.audit_anchor());
        let (mut rows, mut tables, mut busy) = (0, 0, Vec::new());
        for attempt in 1..=TRIES {
            let occasion = Occasion {
                now: world.clock.now(),
                by: work.run.by.as_deref(),
                anchor: &anchor,
            };
            let removed = kept.apply(&world.upkeep, occasion, |_| {}).await?;
            // Whoever asked by hand is about it.
            let Some(Outcome {
                removed,
                busy: left,
            }) = removed
            else {
                return Ok(Done::new(0, "another process is about it"));
            };
            for removed in &removed {
                rows += removed.rows;
                tables += 1;
                work.tell(
                    "removed what was too old",
                    json!({
                        "table": removed.table,
                        "rows": removed.rows,
                        "partitions": removed.partitions,
                    }),
                );
            }
            busy = left;
            if busy.is_empty() || attempt == TRIES {
                break;
            }
            let partitions = busy.join(", ");
            work.tell(
                "too old but in use: tried again in a minute",
                json!({ "partitions": partitions }),
            );
            tokio::time::sleep(AGAIN).await;
        }
        let scheduler = world.scheduler();
        let history = time::Duration::try_from(scheduler.history).unwrap_or(time::Duration::MAX);
        let mut forgotten = 0;
        if let Some(before) = world.clock.now().checked_sub(history) {
            forgotten = forget(&world.upkeep, before).await?;
        }
        let mut result = match tables {
            0 => "nothing was too old".to_owned(),
            _ => format!("removed {rows} rows"),
        };
        if forgotten > 0 {
            result.push_str(&format!("; forgot {forgotten} runs of jobs"));
        }
        if !busy.is_empty() {
            result.push_str(&format!("; still in use: {}", busy.join(", ")));
        }
        Ok(Done::new(rows, result))
    }
}
