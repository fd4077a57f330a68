//! Claiming a run: one transaction that holds the job's row, so that of all
//! processes one decides what runs.

use sqlx::{FromRow, PgConnection, PgPool};
use systemprompt_config::Missed;
use systemprompt_domain::TraceId;
use time::OffsetDateTime;
use uuid::Uuid;

use super::due::due;
use super::{JobsError, Plan, Run, introduce, seconds};
use crate::budgets::stamp;

/// A run that was begun so often never ends well: whoever begins it dies.
const MOST_ATTEMPTS: i32 = 50;

/// What a process may do about a job now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Run this.
    Run(Run),
    /// Nothing: somebody is about it, or nothing is due.
    Nothing,
}

#[derive(FromRow)]
struct Job {
    enabled: Option<bool>,
    scheduled_through: OffsetDateTime,
    now: OffsetDateTime,
}

/// A run that has not ended.
#[derive(FromRow)]
struct Open {
    id: Uuid,
    slot: OffsetDateTime,
    state: String,
    attempt: i32,
    failures: i32,
    holder: Uuid,
    by_name: Option<String>,
    started_at: OffsetDateTime,
    lease_until: OffsetDateTime,
    next_at: Option<OffsetDateTime>,
}

/// Claims what is due of a job, if anything is and nobody is about it. `holder` is
/// this process, which runs nothing of this job at the moment.
///
/// # Errors
/// When the database fails.
pub async fn claim(pool: &PgPool, plan: &Plan, holder: Uuid) -> Result<Claim, sqlx::Error> {
    let mut tx = pool.begin().await?;
    // Whoever holds the row is deciding just now.
    let select = "select enabled, scheduled_through, clock_timestamp() as now \
                  from jobs where name = $1 for update skip locked";
    let job: Option<Job> = sqlx::query_as(select)
        .bind(plan.name)
        .fetch_optional(&mut *tx)
        .await?;
    let Some(job) = job else {
        tx.rollback().await?;
        introduce(pool, plan.name).await?;
        return Ok(Claim::Nothing);
    };
    let claimed = decide(&mut tx, plan, holder, &job).await?;
    tx.commit().await?;
    Ok(claimed.map_or(Claim::Nothing, Claim::Run))
}

async fn decide(
    db: &mut PgConnection,
    plan: &Plan,
    holder: Uuid,
    job: &Job,
) -> Result<Option<Run>, sqlx::Error> {
    let enabled = job.enabled.unwrap_or(plan.enabled);
    let open = open(db, plan.name).await?;
    if open.iter().any(|run| run.is_alive(holder, job.now)) {
        return Ok(None);
    }
    let missed = enabled.then_some(plan.missed);
    let schedule = (&plan.schedule, &plan.zone);
    let mut next = due(schedule, missed, job.scheduled_through, job.now);
    for run in &open {
        let is_due = match run.state.as_str() {
            "running" => true,
            _ => run.next_at.is_none_or(|at| at <= job.now),
        };
        if !is_due || !enabled {
            continue;
        }
        let newer = next.is_some_and(|next| next.slot.is_some());
        if let Some(why) = run.is_given_up(plan.missed, newer) {
            lose(db, run, why).await?;
            continue;
        }
        return again(db, plan, run, holder).await.map(Some);
    }
    while let Some(now_due) = next {
        sqlx::query("update jobs set scheduled_through = $2 where name = $1")
            .bind(plan.name)
            .bind(now_due.through)
            .execute(&mut *db)
            .await?;
        if let Some(slot) = now_due.slot
            && let Some(run) = begin(db, plan, slot, holder, None).await?
        {
            return Ok(Some(run));
        }
        // It was run by hand, or passed over.
        next = due(schedule, missed, now_due.through, job.now);
    }
    Ok(None)
}

/// Claims a run that an operator asks for: for `slot`, else for now.
///
/// # Errors
/// If the job is running, the slot was run, or the database fails.
pub async fn claim_by_hand(
    pool: &PgPool,
    plan: &Plan,
    slot: Option<OffsetDateTime>,
    holder: Uuid,
    by: &str,
) -> Result<Run, JobsError> {
    introduce(pool, plan.name).await?;
    let mut tx = pool.begin().await?;
    let select = "select enabled, scheduled_through, clock_timestamp() as now \
                  from jobs where name = $1 for update";
    let job: Job = sqlx::query_as(select)
        .bind(plan.name)
        .fetch_one(&mut *tx)
        .await?;
    for run in open(&mut tx, plan.name).await? {
        if run.is_alive(holder, job.now) {
            return Err(JobsError::Running {
                job: plan.name,
                since: stamp(run.started_at),
            });
        }
        if Some(run.slot) == slot {
            let run = again(&mut tx, plan, &run, holder).await?;
            tx.commit().await?;
            return Ok(run);
        }
    }
    let wanted = slot.unwrap_or(job.now);
    let run = match begin(&mut tx, plan, wanted, holder, Some(by)).await? {
        Some(run) => run,
        None => match retry(&mut tx, plan, wanted, holder).await? {
            Some(run) => run,
            None => {
                return Err(JobsError::Done {
                    job: plan.name,
                    slot: stamp(wanted),
                });
            }
        },
    };
    tx.commit().await?;
    Ok(run)
}

async fn open(db: &mut PgConnection, job: &str) -> Result<Vec<Open>, sqlx::Error> {
    sqlx::query_as(
        "select id, slot, state, attempt, failures, holder, by_name, started_at, lease_until, \
             next_at \
         from job_runs \
         where job = $1 and state in ('running', 'waiting') \
         order by slot",
    )
    .bind(job)
    .fetch_all(db)
    .await
}

impl Open {
    /// Whether somebody runs it. A process that asks for work runs nothing: a run
    /// that is its own was claimed in a transaction whose answer got lost.
    fn is_alive(&self, asking: Uuid, now: OffsetDateTime) -> bool {
        self.state == "running" && self.lease_until > now && self.holder != asking
    }

    /// Why a run that died or waits is not made up, if it is not. `newer` says
    /// whether a later slot is due.
    fn is_given_up(&self, missed: Missed, newer: bool) -> Option<&'static str> {
        if self.attempt >= MOST_ATTEMPTS {
            return Some("whoever ran it died, again and again");
        }
        if self.state != "running" {
            return None;
        }
        if self.by_name.is_some() {
            return Some("the process that ran it died");
        }
        match missed {
            Missed::All => None,
            Missed::Last => newer.then_some("its server died, and a later slot takes its place"),
            Missed::Skip => Some("its server died"),
        }
    }
}

/// Begins a slot, unless it was begun before.
async fn begin(
    db: &mut PgConnection,
    plan: &Plan,
    slot: OffsetDateTime,
    holder: Uuid,
    by: Option<&str>,
) -> Result<Option<Run>, sqlx::Error> {
    let run = Run {
        id: Uuid::now_v7(),
        job: plan.name,
        slot,
        attempt: 1,
        failures: 0,
        trace: TraceId::new(),
        by: by.map(str::to_owned),
    };
    let new = sqlx::query(
        "insert into job_runs \
             (id, job, slot, state, attempt, holder, by_name, trace_id, started_at, lease_until) \
         values ($1, $2, $3, 'running', 1, $4, $5, $6, clock_timestamp(), \
             clock_timestamp() + make_interval(secs => $7)) \
         on conflict (job, slot) do nothing",
    )
    .bind(run.id)
    .bind(run.job)
    .bind(slot)
    .bind(holder)
    .bind(by)
    .bind(run.trace.0)
    .bind(seconds(plan.lease))
    .execute(db)
    .await?;
    Ok((new.rows_affected() == 1).then_some(run))
}

/// Begins a run once more.
async fn again(
    db: &mut PgConnection,
    plan: &Plan,
    run: &Open,
    holder: Uuid,
) -> Result<Run, sqlx::Error> {
    let again = Run {
        id: run.id,
        job: plan.name,
        slot: run.slot,
        attempt: run.attempt + 1,
        failures: run.failures,
        trace: TraceId::new(),
        by: run.by_name.clone(),
    };
    sqlx::query(
        "update job_runs set state = 'running', attempt = $2, holder = $3, trace_id = $4, \
             started_at = clock_timestamp(), finished_at = null, next_at = null, \
             lease_until = clock_timestamp() + make_interval(secs => $5) \
         where id = $1",
    )
    .bind(again.id)
    .bind(again.attempt)
    .bind(holder)
    .bind(again.trace.0)
    .bind(seconds(plan.lease))
    .execute(db)
    .await?;
    Ok(again)
}

/// Begins a slot once more that failed for good; `None` if it did not.
async fn retry(
    db: &mut PgConnection,
    plan: &Plan,
    slot: OffsetDateTime,
    holder: Uuid,
) -> Result<Option<Run>, sqlx::Error> {
    let ended: Option<Open> = sqlx::query_as(
        "select id, slot, state, attempt, failures, holder, by_name, started_at, lease_until, \
             next_at \
         from job_runs \
         where job = $1 and slot = $2 and state in ('failed', 'lost') \
         for update",
    )
    .bind(plan.name)
    .bind(slot)
    .fetch_optional(&mut *db)
    .await?;
    match ended {
        Some(run) => again(db, plan, &run, holder).await.map(Some),
        None => Ok(None),
    }
}

async fn lose(db: &mut PgConnection, run: &Open, why: &str) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update job_runs set state = 'lost', finished_at = clock_timestamp(), error = $2 \
         where id = $1",
    )
    .bind(run.id)
    .bind(why)
    .execute(db)
    .await?;
    Ok(())
}
