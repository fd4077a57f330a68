//! `reclassify_sessions`: after a change of the rules, history is judged by them too.

use serde_json::json;
use systemprompt_config as config;
use systemprompt_config::{Jobs, Nothing};
use systemprompt_storage::web::Judge;
use systemprompt_storage::web::reclassify::{days_of_other_rules, reclassify};

use crate::job::{Done, Job, Work};

/// Classes are compared over months. After a change of the tables, periods before and
/// after it can only be compared once both were judged by the same.
pub(crate) struct ReclassifySessions;

impl Job for ReclassifySessions {
    const NAME: &'static str = "reclassify_sessions";
    const ABOUT: &'static str = "Judges web sessions again after the rules have changed";
    type Parameters = Nothing;

    fn settings(jobs: &Jobs) -> &config::Job {
        &jobs.reclassify_sessions
    }

    async fn run(work: &Work, _: &Nothing) -> anyhow::Result<Done> {
        let world = &work.world;
        let rules = world.profile().web.rules().clone();
        let days = days_of_other_rules(&world.upkeep, rules.version()).await?;
        let judge = Judge::new(rules.clone());
        let (mut sessions, mut changed, mut thinned) = (0, 0, 0);
        // A day is one transaction: what was judged stays, whatever comes.
        for day in days {
            match reclassify(&world.upkeep, &judge, day, world.clock.now()).await? {
                None => thinned += 1,
                Some(done) => {
                    sessions += done.sessions;
                    changed += done.changed;
                    work.tell(
                        "judged the sessions of a day again",
                        json!({
                            "day": day.to_string(), "sessions": done.sessions, "changed": done.changed,
                        }),
                    );
                }
            }
        }
        let version = rules.version();
        let mut result = match sessions {
            0 => format!("all sessions were judged by rules {version}"),
            _ => format!(
                "judged {sessions} sessions by rules {version}: {changed} are something else"
            ),
        };
        if thinned > 0 {
            result.push_str(&format!(
                "; {thinned} days are not kept whole and stay as they were counted"
            ));
        }
        Ok(Done::new(changed, result))
    }
}
