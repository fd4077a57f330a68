//! What a job has of the world: the configuration, the database, the clock.

use std::path::PathBuf;
use std::sync::Arc;

use sqlx::PgPool;
use systemprompt_config::{Config, Profile, Scheduler};
use systemprompt_domain::Clock;
use systemprompt_reporting::{Ctx, Scope, Settings};
use systemprompt_storage::Storage;
use tokio::sync::watch;

/// What a job has of the world. Clones are the same.
#[derive(Clone, Debug)]
pub struct World {
    /// The configuration this process started with.
    pub config: Arc<Config>,
    in_force: watch::Receiver<Arc<Profile>>,
    /// Connections for what is short: claims, signs of life.
    pub control: PgPool,
    /// Connections for questions.
    pub questions: PgPool,
    /// Connections for what takes its time.
    pub upkeep: PgPool,
    /// Where "now" comes from.
    pub clock: Clock,
}

impl World {
    /// The world of a process that has opened the database.
    #[must_use]
    pub fn new(config: &Config, storage: &Storage, clock: Clock) -> Self {
        // Whoever holds no sender goes on with what was sent last.
        let (_, in_force) = watch::channel(Arc::new(config.profile.clone()));
        Self {
            config: Arc::new(config.clone()),
            in_force,
            control: storage.control_pool(),
            questions: storage.pool().clone(),
            upkeep: storage.upkeep_pool(),
            clock,
        }
    }

    /// The same, where the profile may be read again meanwhile.
    #[must_use]
    pub fn following(self, in_force: watch::Receiver<Arc<Profile>>) -> Self {
        Self { in_force, ..self }
    }

    /// The profile in force.
    #[must_use]
    pub fn profile(&self) -> Arc<Profile> {
        Arc::clone(&self.in_force.borrow())
    }

    /// The configuration of jobs.
    #[must_use]
    pub fn scheduler(&self) -> &Scheduler {
        &self.config.profile.scheduler
    }

    /// What questions are asked with: everything may be seen.
    #[must_use]
    pub fn ctx(&self) -> Ctx {
        Ctx {
            pool: self.questions.clone(),
            settings: Arc::new(Settings::from(&self.config.profile.analytics)),
            scope: Scope::everything(),
            clock: self.clock,
        }
    }

    /// A folder below that of everything written at run time.
    #[must_use]
    pub fn folder(&self, below: &str) -> PathBuf {
        self.config.profile.server.storage.join(below)
    }
}
