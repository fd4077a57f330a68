//! The jobs of a server: each is looked at when it is due, every now and then, and
//! when an operator changed something.

use std::sync::Arc;
use std::time::Duration;

use systemprompt_storage::Storage;
use systemprompt_storage::jobs::{CHANNEL, Claim, JobsError, Plan, claim, claim_by_hand, upcoming};
use time::OffsetDateTime;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::execute::{Outcome, execute};
use crate::job::{Entry, JOBS};
use crate::tell::Surroundings;
use crate::world::World;

/// How often a job is looked at that is not due: somebody may have died.
const ROUND: Duration = Duration::from_secs(30);
/// How soon to look again while the database is away.
const AGAIN: Duration = Duration::from_secs(1);
/// How long the database may take to say what is due.
const PATIENCE: Duration = Duration::from_secs(5);

/// The jobs of a server.
#[derive(Clone)]
pub struct Runner {
    /// What they have of the world.
    pub world: World,
    /// Who hears them.
    pub surroundings: Arc<dyn Surroundings>,
}

impl Runner {
    /// Runs a job now because somebody asked for it: beside no other run of it, whether
    /// or not it is enabled. It goes on when whoever asked has left.
    ///
    /// # Errors
    /// If it is running already, or the database fails.
    pub async fn run_now(
        &self,
        entry: &'static Entry,
        by: &str,
        stop: &CancellationToken,
    ) -> Result<JoinHandle<Outcome>, JobsError> {
        let plan = entry.plan(self.world.scheduler());
        let holder = Uuid::now_v7();
        let run = claim_by_hand(&self.world.control, &plan, None, holder, by).await?;
        let (this, stop) = (self.clone(), stop.clone());
        Ok(tokio::spawn(async move {
            let (world, around) = (&this.world, &this.surroundings);
            execute(entry, world, around, (&plan, run), &stop).await
        }))
    }

    /// Runs what is due until `stop`, and what was begun to an end or to where
    /// another server goes on.
    pub async fn run(self, storage: Arc<Storage>, stop: CancellationToken) {
        if !self.world.scheduler().enabled {
            tracing::info!("this server runs no jobs: scheduler.enabled is false");
            return;
        }
        let (announce, announced) = watch::channel(());
        let holder = Uuid::now_v7();
        let mut tending = JoinSet::new();
        for entry in JOBS {
            let desk = Desk {
                entry,
                plan: entry.plan(self.world.scheduler()),
                world: self.world.clone(),
                surroundings: Arc::clone(&self.surroundings),
                holder,
                announced: announced.clone(),
                stop: stop.clone(),
            };
            tending.spawn(desk.tend());
        }
        tokio::select! {
            () = hear(&storage, &announce) => {}
            () = stop.cancelled() => {}
        }
        while let Some(ended) = tending.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "the schedule of a job broke off");
            }
        }
    }
}

/// Passes on what operators change, for ever.
async fn hear(storage: &Storage, announce: &watch::Sender<()>) {
    loop {
        if let Ok(mut listener) = storage.listener(CHANNEL).await {
            // What was announced before is seen in the rounds.
            while listener.try_recv().await.is_ok() {
                announce.send_replace(());
            }
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// One job on one server, which runs at most once here.
struct Desk {
    entry: &'static Entry,
    plan: Plan,
    world: World,
    surroundings: Arc<dyn Surroundings>,
    holder: Uuid,
    announced: watch::Receiver<()>,
    stop: CancellationToken,
}

impl Desk {
    async fn tend(mut self) {
        while !self.stop.is_cancelled() {
            let asking = claim(&self.world.control, &self.plan, self.holder);
            let rest = match tokio::time::timeout(PATIENCE, asking).await {
                Ok(Ok(Claim::Run(run))) => {
                    let claimed = (&self.plan, run);
                    let (world, around) = (&self.world, &self.surroundings);
                    execute(self.entry, world, around, claimed, &self.stop).await;
                    // There may be more to make up.
                    continue;
                }
                Ok(Ok(Claim::Nothing)) => self.until_due(),
                Ok(Err(error)) => {
                    tracing::debug!(%error, job = self.plan.name, "a job waits for the database");
                    AGAIN
                }
                Err(_) => AGAIN,
            };
            tokio::select! {
                () = tokio::time::sleep(rest) => {}
                _ = self.announced.changed() => {}
                () = self.stop.cancelled() => {}
            }
        }
    }

    /// How long to wait until it is due, or until it is time to look whether
    /// somebody died.
    fn until_due(&self) -> Duration {
        let now = OffsetDateTime::now_utc();
        let round = ROUND.min(self.plan.lease / 2);
        let due = upcoming(&self.plan.schedule, &self.plan.zone, now)
            .and_then(|due| Duration::try_from(due - now).ok());
        // A little late rather than early: then it would not be due yet.
        due.map_or(round, |due| round.min(due + Duration::from_millis(5)))
    }
}
