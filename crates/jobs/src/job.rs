//! What a job is, and the list of all.

use std::future::Future;
use std::pin::Pin;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use systemprompt_config as config;
use systemprompt_config::{Jobs, Scheduler};
use systemprompt_storage::jobs::{Plan, Run};

use crate::jobs::{
    Alerts, ContentAnalyticsAggregation, DailyTrafficReport, Partitions, PriceCheck,
    ReclassifySessions, Retention, RollupCheck, SessionClosing,
};
use crate::tell::{Said, Surroundings};
use crate::world::World;

/// Every job, in the order in which they are listed. To add one: its settings in
/// `crates/config/src/scheduler.rs` and `services/scheduler/config.yaml`, a file in
/// `jobs/`, and a line here.
pub static JOBS: &[Entry] = &[
    Entry::of::<Retention>(),
    Entry::of::<Partitions>(),
    Entry::of::<Alerts>(),
    Entry::of::<PriceCheck>(),
    Entry::of::<RollupCheck>(),
    Entry::of::<SessionClosing>(),
    Entry::of::<ContentAnalyticsAggregation>(),
    Entry::of::<ReclassifySessions>(),
    Entry::of::<DailyTrafficReport>(),
];

/// The job with this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Entry> {
    JOBS.iter().find(|job| job.name == name)
}

/// A job: what servers do by themselves at a time.
pub(crate) trait Job {
    /// Its name, in the configuration and everywhere else.
    const NAME: &'static str;
    /// What it does, in a line.
    const ABOUT: &'static str;
    /// Whether runs that go well are not worth a line: those of a job that runs all
    /// the time.
    const QUIET: bool = false;
    /// What is its own in the configuration.
    type Parameters: Default + Clone + Serialize + DeserializeOwned + Send + Sync + 'static;

    /// Its part of the configuration.
    fn settings(jobs: &Jobs) -> &config::Job<Self::Parameters>;

    /// Does it. What is done twice for one slot must come to the same: a server may
    /// die after it, and before that is recorded.
    fn run(
        work: &Work,
        parameters: &Self::Parameters,
    ) -> impl Future<Output = anyhow::Result<Done>> + Send;
}

/// What a run came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// How many rows, files or messages it was about.
    pub rows: i64,
    /// What it did, in a line.
    pub result: String,
}

impl Done {
    pub(crate) fn new(rows: impl TryInto<i64>, result: impl Into<String>) -> Self {
        Self {
            rows: rows.try_into().unwrap_or(i64::MAX),
            result: result.into(),
        }
    }
}

/// A run under way: what it is about, and what it has of the world.
pub struct Work {
    /// What it has of the world.
    pub world: World,
    /// What it is about.
    pub run: Run,
    /// Who hears what it has to tell.
    pub(crate) surroundings: std::sync::Arc<dyn Surroundings>,
}

impl Work {
    /// Says what is done, to whoever watches and into the log, under the run's trace.
    pub(crate) fn tell(&self, message: &str, fields: Value) {
        self.say(&Said {
            job: self.run.job,
            warning: false,
            message,
            fields,
        });
    }

    /// The same of what somebody should look at.
    pub(crate) fn warn(&self, message: &str, fields: Value) {
        self.say(&Said {
            job: self.run.job,
            warning: true,
            message,
            fields,
        });
    }

    fn say(&self, said: &Said<'_>) {
        self.surroundings.tell(self.run.trace, said);
    }
}

/// A future behind a pointer.
pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A job with its types erased, so that the list of all is a plain static.
pub struct Entry {
    /// Its name.
    pub name: &'static str,
    /// What it does, in a line.
    pub about: &'static str,
    pub(crate) quiet: bool,
    settings: fn(&Jobs) -> config::Job,
    parameters: fn(&Jobs) -> Value,
    pub(crate) run: for<'a> fn(&'a Work) -> BoxFuture<'a, anyhow::Result<Done>>,
}

impl Entry {
    const fn of<J: Job + 'static>() -> Self {
        Self {
            name: J::NAME,
            about: J::ABOUT,
            quiet: J::QUIET,
            settings: |jobs| without_parameters(J::settings(jobs)),
            parameters: |jobs| {
                let parameters = serde_json::to_value(&J::settings(jobs).parameters);
                parameters.expect("parameters are plain data")
            },
            run: |work| {
                let parameters = &J::settings(&work.world.scheduler().jobs).parameters;
                Box::pin(J::run(work, parameters))
            },
        }
    }

    /// Whether its runs that go well are not worth a line.
    #[must_use]
    pub const fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// What the configuration says of it besides its parameters.
    #[must_use]
    pub fn settings(&self, scheduler: &Scheduler) -> config::Job {
        (self.settings)(&scheduler.jobs)
    }

    /// Its parameters, by name.
    #[must_use]
    pub fn parameters(&self, scheduler: &Scheduler) -> Value {
        (self.parameters)(&scheduler.jobs)
    }

    /// What decides when it runs.
    #[must_use]
    pub fn plan(&self, scheduler: &Scheduler) -> Plan {
        let settings = self.settings(scheduler);
        Plan {
            name: self.name,
            zone: settings
                .timezone
                .unwrap_or_else(|| scheduler.timezone.clone()),
            schedule: settings.schedule,
            enabled: settings.enabled,
            missed: settings.missed,
            attempts: settings.attempts,
            lease: scheduler.lease,
        }
    }
}

fn without_parameters<P: Default + Clone>(job: &config::Job<P>) -> config::Job {
    config::Job {
        schedule: job.schedule.clone(),
        timezone: job.timezone.clone(),
        enabled: job.enabled,
        missed: job.missed,
        attempts: job.attempts,
        timeout: job.timeout,
        parameters: config::Nothing {},
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_job_that_can_be_configured_is_there() {
        let scheduler = Scheduler::default();
        let jobs = serde_json::to_value(&scheduler.jobs).expect("plain data");
        let configured: Vec<&String> = jobs.as_object().expect("by name").keys().collect();
        let listed: Vec<&str> = JOBS.iter().map(|job| job.name).collect();
        assert_eq!(configured, listed);
        for job in JOBS {
            assert_eq!(find(job.name).map(|found| found.name), Some(job.name));
            assert_eq!(job.parameters(&scheduler), jobs[job.name]["parameters"]);
            let plan = job.plan(&scheduler);
            assert_eq!(
                plan.schedule.to_string(),
                jobs[job.name]["schedule"].as_str().expect("cron text")
            );
        }
    }
}
