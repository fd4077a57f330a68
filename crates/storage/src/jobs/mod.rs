//! Which job runs when, and what became of it: shared by any number of servers.
//!
//! Each time that a job is due is a row of `job_runs`, which only one process can
//! make. It holds the run by a lease, renewed while it lives; a run whose lease
//! ended is made up, or not, as the job says. Times are the database's, so servers
//! whose clocks differ agree on what is due.

mod claim;
mod due;
mod history;
mod run;
mod switch;

use std::time::Duration;

use sqlx::PgPool;
use systemprompt_config::{Cron, Missed};
use systemprompt_domain::TraceId;
use systemprompt_domain::period::Zone;
use time::OffsetDateTime;
use uuid::Uuid;

pub use self::claim::{Claim, claim, claim_by_hand};
pub use self::due::upcoming;
pub use self::history::{Known, Recorded, RunState, Wanted, forget, history, known, latest};
pub use self::run::{Ended, alive, finish, give_back};
pub use self::switch::{CHANNEL, Switched, switch};

/// What has to be known of a job to decide whether it runs.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Its name.
    pub name: &'static str,
    /// When it is due.
    pub schedule: Cron,
    /// On whose clocks.
    pub zone: Zone,
    /// Whether it runs, unless an operator said otherwise.
    pub enabled: bool,
    /// What becomes of slots that nobody ran.
    pub missed: Missed,
    /// How often a slot may fail.
    pub attempts: u32,
    /// How long a process may be silent.
    pub lease: Duration,
}

/// A run that this process may go about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Its id.
    pub id: Uuid,
    /// The job.
    pub job: &'static str,
    /// The time at which it is due.
    pub slot: OffsetDateTime,
    /// How often it was begun, this time included.
    pub attempt: i32,
    /// How often it failed before.
    pub failures: i32,
    /// The trace of everything that it does.
    pub trace: TraceId,
    /// Who asked for it; `None`: the schedule.
    pub by: Option<String>,
}

/// Why a run that was asked for does not begin.
#[derive(Debug, thiserror::Error)]
pub enum JobsError {
    /// The database fails.
    #[error("the jobs in the database cannot be read or changed: {0}")]
    Database(#[from] sqlx::Error),
    /// It runs already.
    #[error(
        "{job} is running already, since {since}; systemprompt infra jobs history shows how it goes"
    )]
    Running {
        /// The job.
        job: &'static str,
        /// When it began.
        since: String,
    },
    /// The slot was run.
    #[error("{job} ran already for {slot}; without --slot it runs for now")]
    Done {
        /// The job.
        job: &'static str,
        /// The slot.
        slot: String,
    },
}

/// Makes a job known: from now on its slots count.
async fn introduce(pool: &PgPool, name: &str) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into jobs (name, scheduled_through) values ($1, now()) \
         on conflict (name) do nothing",
    )
    .bind(name)
    .execute(pool)
    .await?;
    Ok(())
}

/// Seconds, as statements take them.
fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}
