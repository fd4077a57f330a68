//! Running what was claimed: with signs of life, a limit to its time, and an end
//! that is recorded.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use systemprompt_storage::jobs::{self, Ended, Plan, Run};
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::job::{Done, Entry, Work};
use crate::tell::{Said, Surroundings};
use crate::world::World;

/// How long a run may go on when its server stops.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// How soon to try again to record an end.
const AGAIN: Duration = Duration::from_millis(500);

/// What became of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It ended.
    Ended(Ended),
    /// The server stops: another makes it up.
    GivenBack,
    /// This process was silent for too long, and another has it.
    Taken,
}

/// Runs what was claimed. `stop` is the end of the process.
pub async fn execute(
    entry: &'static Entry,
    world: &World,
    surroundings: &Arc<dyn Surroundings>,
    (plan, run): (&Plan, Run),
    stop: &CancellationToken,
) -> Outcome {
    let say = |warning, message, fields| {
        let said = Said {
            job: run.job,
            warning,
            message,
            fields,
        };
        surroundings.tell(run.trace, &said);
    };
    let about = json!({ "slot": stamp(run.slot), "attempt": run.attempt });
    if !entry.quiet {
        say(false, "a job begins", about.clone());
    }
    let began = Instant::now();
    let mut held = Held {
        world,
        plan,
        run: &run,
        since: Instant::now(),
    };
    let work = begin(entry, world, surroundings, &run);
    let timeout = entry.settings(world.scheduler()).timeout;
    let ended = match held.watch(work, timeout, stop).await {
        Watched::Ended(ended) => ended,
        Watched::GivenBack => {
            say(false, "a job is left to another server", about);
            return Outcome::GivenBack;
        }
        Watched::Taken => {
            say(true, "a job is taken over by another server", about);
            return Outcome::Taken;
        }
    };
    if !held.finish(&ended).await {
        say(true, "a job ended too late: another server has it", about);
        return Outcome::Taken;
    }
    let seconds = (began.elapsed().as_secs_f64() * 1_000.0).round() / 1_000.0;
    match &ended {
        Ended::Succeeded { .. } if entry.quiet => {}
        Ended::Succeeded { rows, result } => say(
            false,
            "a job ended",
            json!({
                "slot": stamp(run.slot), "attempt": run.attempt, "seconds": seconds,
                "rows": rows, "result": result,
            }),
        ),
        Ended::Failed { error } => say(
            true,
            "a job failed",
            json!({
                "slot": stamp(run.slot), "attempt": run.attempt, "seconds": seconds,
                "error": error,
            }),
        ),
    }
    Outcome::Ended(ended)
}

type Working = AbortOnDropHandle<anyhow::Result<Done>>;

/// A task of its own, so that a job that panics is a job that failed. It ends with
/// whoever waits for it.
fn begin(
    entry: &'static Entry,
    world: &World,
    surroundings: &Arc<dyn Surroundings>,
    run: &Run,
) -> Working {
    let work = Work {
        world: world.clone(),
        run: run.clone(),
        surroundings: Arc::clone(surroundings),
    };
    let (trace, around) = (run.trace, Arc::clone(surroundings));
    AbortOnDropHandle::new(tokio::spawn(async move {
        around.within(trace, (entry.run)(&work)).await
    }))
}

/// A run that this process holds.
struct Held<'a> {
    world: &'a World,
    plan: &'a Plan,
    run: &'a Run,
    /// When it last showed that it is alive.
    since: Instant,
}

enum Watched {
    Ended(Ended),
    GivenBack,
    Taken,
}

impl Held<'_> {
    async fn watch(
        &mut self,
        mut work: Working,
        timeout: Duration,
        stop: &CancellationToken,
    ) -> Watched {
        let deadline = tokio::time::sleep(timeout);
        tokio::pin!(deadline);
        let mut beat = tokio::time::interval(self.plan.lease / 3);
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        beat.tick().await;
        loop {
            tokio::select! {
                done = &mut work => return Watched::Ended(ended(done)),
                () = &mut deadline => {
                    let error = format!("it took longer than {} seconds", timeout.as_secs_f64());
                    return Watched::Ended(Ended::Failed { error });
                }
                () = stop.cancelled() => break,
                _ = beat.tick() => if !self.is_mine().await {
                    return Watched::Taken;
                }
            }
        }
        if let Ok(done) = tokio::time::timeout(LAST_WORDS, &mut work).await {
            return Watched::Ended(ended(done));
        }
        drop(work);
        let given = jobs::give_back(&self.world.control, self.run);
        // If that does not arrive, the lease ends by itself.
        let _ = tokio::time::timeout(LAST_WORDS, given).await;
        Watched::GivenBack
    }

    /// Shows that the run is alive. While the database is away it is ours no longer
    /// than that the next look would come before the lease ends.
    async fn is_mine(&mut self) -> bool {
        let asked = Instant::now();
        let alive = jobs::alive(&self.world.control, self.run, self.plan.lease);
        match tokio::time::timeout(self.plan.lease / 3, alive).await {
            Ok(Ok(mine)) => {
                self.since = asked;
                mine
            }
            Ok(Err(_)) | Err(_) => self.since.elapsed() < self.plan.lease / 2,
        }
    }

    /// Records the end; `false` if the run is somebody else's by now, or the
    /// database was away until it may be.
    async fn finish(&self, ended: &Ended) -> bool {
        loop {
            let finish = jobs::finish(&self.world.control, self.plan, self.run, ended);
            match tokio::time::timeout(self.plan.lease / 3, finish).await {
                Ok(Ok(mine)) => return mine,
                Ok(Err(_)) | Err(_) if self.since.elapsed() >= self.plan.lease => return false,
                Ok(Err(_)) | Err(_) => tokio::time::sleep(AGAIN).await,
            }
        }
    }
}

fn ended(done: Result<anyhow::Result<Done>, JoinError>) -> Ended {
    match done {
        Ok(Ok(Done { rows, result })) => Ended::Succeeded { rows, result },
        Ok(Err(error)) => Ended::Failed {
            error: format!("{error:#}"),
        },
        Err(error) => Ended::Failed {
            error: format!("it broke off: {error}"),
        },
    }
}

fn stamp(at: time::OffsetDateTime) -> Option<String> {
    at.format(&time::format_description::well_known::Rfc3339)
        .ok()
}
