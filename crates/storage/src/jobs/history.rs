//! What became of jobs: their runs, the latest of each, and forgetting old ones.

use std::fmt;
use std::str::FromStr;

use sqlx::postgres::PgRow;
use sqlx::{PgPool, Row};
use systemprompt_domain::TraceId;
use time::OffsetDateTime;
use uuid::Uuid;

/// How a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunState {
    /// Somebody is about it.
    Running,
    /// It is to be tried again.
    Waiting,
    /// It did what it is for.
    Succeeded,
    /// It did not, and is not tried again.
    Failed,
    /// Its server died, and it is not made up.
    Lost,
}

impl RunState {
    /// Every state.
    pub const ALL: [Self; 5] = [
        Self::Running,
        Self::Waiting,
        Self::Succeeded,
        Self::Failed,
        Self::Lost,
    ];

    /// The name used in the database and in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Lost => "lost",
        }
    }
}

impl fmt::Display for RunState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for RunState {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|state| state.as_str() == name);
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str).join(", ");
            format!("unknown state {name}: there are {names}")
        })
    }
}

/// A run as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Its id.
    pub id: Uuid,
    /// The job.
    pub job: String,
    /// The time at which it was due.
    pub slot: OffsetDateTime,
    /// How it stands.
    pub state: RunState,
    /// How often it was begun.
    pub attempt: i32,
    /// Who asked for it; `None`: the schedule.
    pub by: Option<String>,
    /// The trace of its latest attempt.
    pub trace: TraceId,
    /// When that began.
    pub started_at: OffsetDateTime,
    /// When it ended.
    pub finished_at: Option<OffsetDateTime>,
    /// When it is tried again.
    pub next_at: Option<OffsetDateTime>,
    /// How many rows, files or messages it was about.
    pub rows: Option<i64>,
    /// What it did.
    pub result: Option<String>,
    /// What went wrong last.
    pub error: Option<String>,
}

/// What is known of a job besides its configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its name.
    pub name: String,
    /// The operator's word; `None`: the configuration decides.
    pub enabled: Option<bool>,
}

/// Which runs are wanted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted<'a> {
    /// Only this job's.
    pub job: Option<&'a str>,
    /// Only those that stand so.
    pub state: Option<RunState>,
    /// Most runs.
    pub limit: i64,
}

/// Every job that servers have seen.
///
/// # Errors
/// When the database fails.
pub async fn known(pool: &PgPool) -> Result<Vec<Known>, sqlx::Error> {
    let rows = sqlx::query("select name, enabled from jobs order by name")
        .fetch_all(pool)
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Known {
                name: row.try_get(0)?,
                enabled: row.try_get(1)?,
            })
        })
        .collect()
}

/// Runs, the latest first.
///
/// # Errors
/// When the database fails.
pub async fn history(pool: &PgPool, wanted: Wanted<'_>) -> Result<Vec<Recorded>, sqlx::Error> {
    let rows = sqlx::query(
        "select * from job_runs \
         where ($1::text is null or job = $1) and ($2::text is null or state = $2) \
         order by started_at desc, id desc \
         limit $3",
    )
    .bind(wanted.job)
    .bind(wanted.state.map(RunState::as_str))
    .bind(wanted.limit)
    .fetch_all(pool)
    .await?;
    rows.iter().map(recorded).collect()
}

/// The latest run of each job.
///
/// # Errors
/// When the database fails.
pub async fn latest(pool: &PgPool) -> Result<Vec<Recorded>, sqlx::Error> {
    let rows = sqlx::query(
        "select r.* from jobs j \
         cross join lateral ( \
             select * from job_runs where job = j.name order by slot desc limit 1 \
         ) r",
    )
    .fetch_all(pool)
    .await?;
    rows.iter().map(recorded).collect()
}

/// Forgets runs that ended before a moment, but the latest of each job, and says
/// how many.
///
/// # Errors
/// When the database fails.
pub async fn forget(pool: &PgPool, before: OffsetDateTime) -> Result<u64, sqlx::Error> {
    let mut gone = 0;
    loop {
        let chunk = sqlx::query(
            "delete from job_runs where id in ( \
                 select id from job_runs r \
                 where started_at < $1 and finished_at < $1 \
                   and state in ('succeeded', 'failed', 'lost') \
                   and exists (select from job_runs l where l.job = r.job and l.slot > r.slot) \
                 limit 5000)",
        )
        .bind(before)
        .execute(pool)
        .await?
        .rows_affected();
        gone += chunk;
        if chunk == 0 {
            return Ok(gone);
        }
    }
}

fn recorded(row: &PgRow) -> Result<Recorded, sqlx::Error> {
    let state: String = row.try_get("state")?;
    Ok(Recorded {
        id: row.try_get("id")?,
        job: row.try_get("job")?,
        slot: row.try_get("slot")?,
        state: state
            .parse()
            .map_err(|error: String| sqlx::Error::Decode(error.into()))?,
        attempt: row.try_get("attempt")?,
        by: row.try_get("by_name")?,
        trace: TraceId(row.try_get("trace_id")?),
        started_at: row.try_get("started_at")?,
        finished_at: row.try_get("finished_at")?,
        next_at: row.try_get("next_at")?,
        rows: row.try_get("result_rows")?,
        result: row.try_get("result")?,
        error: row.try_get("error")?,
    })
}
