//! How a job stands: what decides whether it runs, when it is due next, and how it
//! went last. The command line and `/admin` tell the same.

use serde::Serialize;
use serde_json::Value;
use systemprompt_config::{Missed, Scheduler};
use systemprompt_storage::jobs::{Known, Recorded, upcoming};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

use crate::job::Entry;

/// How a job stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Standing {
    /// Its name.
    pub name: &'static str,
    /// What it does, in a line.
    pub about: &'static str,
    /// Whether servers run it.
    pub enabled: bool,
    /// Who says so: `operator` or `configuration`.
    pub decided_by: &'static str,
    /// When it runs, as cron has it.
    pub schedule: String,
    /// On whose clocks.
    pub timezone: String,
    /// When it is due next, in RFC 3339; none while it is disabled.
    pub next: Option<String>,
    /// What becomes of slots that no server saw: `all`, `last` or `skip`.
    pub missed: &'static str,
    /// How often a run is tried.
    pub attempts: u32,
    /// How long a run may take, such as `600s`.
    pub timeout: String,
    /// What is its own in the configuration.
    pub parameters: Value,
    /// The slot of its last run.
    pub last_slot: Option<String>,
    /// How that stands.
    pub last_state: Option<&'static str>,
    /// What it did, or what went wrong.
    pub last_result: Option<String>,
}

impl Standing {
    /// How a job stands at a moment; `last` is its latest run.
    #[must_use]
    pub fn of(
        job: &Entry,
        scheduler: &Scheduler,
        known: &[Known],
        last: Option<&Recorded>,
        now: OffsetDateTime,
    ) -> Self {
        let (plan, settings) = (job.plan(scheduler), job.settings(scheduler));
        let mut words = known.iter().filter(|known| known.name == job.name);
        let operator = words.next().and_then(|known| known.enabled);
        let enabled = operator.unwrap_or(settings.enabled);
        let next = || upcoming(&plan.schedule, &plan.zone, now);
        Self {
            name: job.name,
            about: job.about,
            enabled,
            decided_by: match operator {
                Some(_) => "operator",
                None => "configuration",
            },
            schedule: plan.schedule.to_string(),
            timezone: plan.zone.to_string(),
            next: enabled.then(next).flatten().and_then(stamp),
            missed: match settings.missed {
                Missed::All => "all",
                Missed::Last => "last",
                Missed::Skip => "skip",
            },
            attempts: settings.attempts,
            timeout: format!("{}s", settings.timeout.as_secs_f64()),
            parameters: job.parameters(scheduler),
            last_slot: last.and_then(|run| stamp(run.slot)),
            last_state: last.map(|run| run.state.as_str()),
            last_result: last.and_then(|run| run.result.clone().or_else(|| run.error.clone())),
        }
    }
}

fn stamp(at: OffsetDateTime) -> Option<String> {
    at.to_offset(UtcOffset::UTC).format(&Rfc3339).ok()
}
