//! Claims of job runs: one holder each, made up when it dies, recorded once.

use std::collections::BTreeSet;
use std::time::Duration;

use sqlx::PgPool;
use systemprompt_config::Missed;
use systemprompt_domain::period::Zone;
use systemprompt_storage::jobs::{
    Claim, Ended, JobsError, Plan, Recorded, Run, RunState, Switched, Wanted, alive, claim,
    claim_by_hand, finish, forget, give_back, history, switch,
};
use systemprompt_testkit::db::TestDb;
use time::OffsetDateTime;
use uuid::Uuid;

const NAME: &str = "tidy";

fn plan(missed: Missed) -> Plan {
    Plan {
        name: NAME,
        schedule: "0 0 * * * *".parse().expect("a schedule"),
        zone: Zone::default(),
        enabled: true,
        missed,
        attempts: 2,
        lease: Duration::from_secs(60),
    }
}

async fn claimed(db: &PgPool, plan: &Plan, holder: Uuid) -> Option<Run> {
    match claim(db, plan, holder).await.expect("an answer") {
        Claim::Run(run) => Some(run),
        Claim::Nothing => None,
    }
}

/// The job was decided up to so many hours ago. Waits for a moment that is not about to be
/// another hour: no slot may come in the middle of a test.
async fn hours_behind(db: &PgPool, hours: i32) {
    let now = OffsetDateTime::now_utc();
    let left = 3_600 - now.unix_timestamp().rem_euclid(3_600).unsigned_abs();
    if left < 30 {
        tokio::time::sleep(Duration::from_secs(left)).await;
    }
    sqlx::query(
        "insert into jobs (name, scheduled_through) \
         values ($1, date_trunc('hour', now()) - make_interval(hours => $2)) \
         on conflict (name) do update set scheduled_through = excluded.scheduled_through",
    )
    .bind(NAME)
    .bind(hours)
    .execute(db)
    .await
    .expect("a job");
}

/// The holder of every run gave its last sign of life long ago.
async fn everybody_dies(db: &PgPool) {
    sqlx::query("update job_runs set lease_until = now() - interval '1 second'")
        .execute(db)
        .await
        .expect("nobody is left");
}

async fn runs(db: &PgPool) -> Vec<Recorded> {
    let wanted = Wanted {
        job: Some(NAME),
        state: None,
        limit: 100,
    };
    let mut runs = history(db, wanted).await.expect("a history");
    runs.sort_by_key(|run| run.slot);
    runs
}

fn well() -> Ended {
    Ended::Succeeded {
        rows: 3,
        result: "done\0".to_owned(),
    }
}

fn badly() -> Ended {
    Ended::Failed {
        error: "the disk is full".to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_one_runs_a_slot() {
    let db = TestDb::new().await;
    hours_behind(db.pool(), 1).await;
    let claims = (0..8).map(|_| {
        let pool = db.pool().clone();
        tokio::spawn(async move {
            let mut mine = Vec::new();
            for _ in 0..10 {
                mine.extend(claimed(&pool, &plan(Missed::All), Uuid::now_v7()).await);
            }
            mine
        })
    });
    let mut all = Vec::new();
    for claim in claims.collect::<Vec<_>>() {
        all.extend(claim.await.expect("no panic"));
    }
    assert_eq!(all.len(), 1, "{all:?}");
}

#[tokio::test]
async fn nothing_is_due_when_a_job_is_new() {
    let db = TestDb::new().await;
    for _ in 0..3 {
        assert_eq!(
            claimed(db.pool(), &plan(Missed::All), Uuid::now_v7()).await,
            None
        );
    }
    assert_eq!(runs(db.pool()).await, []);
}

#[tokio::test]
async fn all_slots_are_made_up_one_after_the_other() {
    let db = TestDb::new().await;
    hours_behind(db.pool(), 3).await;
    let plan = plan(Missed::All);
    let mut slots = BTreeSet::new();
    for _ in 0..3 {
        let run = claimed(db.pool(), &plan, Uuid::now_v7())
            .await
            .expect("due");
        // Nobody begins another one meanwhile.
        assert_eq!(claimed(db.pool(), &plan, Uuid::now_v7()).await, None);
        assert!(finish(db.pool(), &plan, &run, &well()).await.expect("ends"));
        // It ends once.
        assert!(!finish(db.pool(), &plan, &run, &well()).await.expect("ends"));
        slots.insert(run.slot);
    }
    assert_eq!(slots.len(), 3);
    assert_eq!(claimed(db.pool(), &plan, Uuid::now_v7()).await, None);
    let runs = runs(db.pool()).await;
    assert!(
        runs.iter()
            .all(|run| run.state == RunState::Succeeded && run.rows == Some(3))
    );
    assert_eq!(runs[0].result.as_deref(), Some("done\u{fffd}"));
}

#[tokio::test]
async fn the_last_slot_is_made_up_and_what_is_skipped_is_not() {
    let db = TestDb::new().await;
    hours_behind(db.pool(), 5).await;
    let last = plan(Missed::Last);
    let run = claimed(db.pool(), &last, Uuid::now_v7())
        .await
        .expect("due");
    assert!(OffsetDateTime::now_utc() - run.slot < time::Duration::HOUR);
    assert!(finish(db.pool(), &last, &run, &well()).await.expect("ends"));
    assert_eq!(runs(db.pool()).await.len(), 1);
    hours_behind(db.pool(), 0).await;
    assert_eq!(claimed(db.pool(), &last, Uuid::now_v7()).await, None);
}

#[tokio::test]
async fn a_run_whose_holder_died_is_made_up_once() {
    let db = TestDb::new().await;
    hours_behind(db.pool(), 1).await;
    let plan = plan(Missed::All);
    let dead = claimed(db.pool(), &plan, Uuid::now_v7())
        .await
        .expect("due");
    assert!(alive(db.pool(), &dead, plan.lease).await.expect("alive"));
    everybody_dies(db.pool()).await;
    let again = claimed(db.pool(), &plan, Uuid::now_v7())
        .await
        .expect("made up");
    assert_eq!(
        (again.id, again.slot, again.attempt),
        (dead.id, dead.slot, 2)
    );
    assert_ne!(again.trace, dead.trace);
    // Who was only stopped for a while finds that it is not its own any more.
    assert!(
        !alive(db.pool(), &dead, plan.lease)
            .await
            .expect("an answer")
    );
    assert!(
        !finish(db.pool(), &plan, &dead, &well())
            .await
            .expect("an answer")
    );
    give_back(db.pool(), &dead).await.expect("an answer");
    assert!(
        finish(db.pool(), &plan, &again, &well())
            .await
            .expect("ends")
    );
    assert_eq!(runs(db.pool()).await[0].attempt, 2);
}

#[tokio::test]
async fn a_dead_run_that_is_to_be_skipped_is_lost() {
    let db = TestDb::new().await;
    let plan = plan(Missed::Skip);
    let run = claim_by_hand(db.pool(), &plan, None, Uuid::now_v7(), "cli")
        .await
        .expect("begins");
    everybody_dies(db.pool()).await;
    assert_eq!(claimed(db.pool(), &plan, Uuid::now_v7()).await, None);
    let runs = runs(db.pool()).await;
    assert_eq!((runs[0].id, runs[0].state), (run.id, RunState::Lost));
}

#[tokio::test]
async fn who_does_not_know_of_its_claim_finds_it_again() {
    let db = TestDb::new().await;
    hours_behind(db.pool(), 1).await;
    let (plan, holder) = (plan(Missed::All), Uuid::now_v7());
    let lost = claimed(db.pool(), &plan, holder).await.expect("due");
    let found = claimed(db.pool(), &plan, holder).await.expect("its own");
    assert_eq!((found.id, found.attempt), (lost.id, 2));
}

#[tokio::test]
async fn failures_are_tried_again_and_audited() {
    let db = TestDb::new().await;
    hours_behind(db.pool(), 1).await;
    let plan = plan(Missed::Last);
    let due_again = "update job_runs set next_at = now() where state = 'waiting'";
    for attempt in 1..=2 {
        let run = claimed(db.pool(), &plan, Uuid::now_v7())
            .await
            .expect("due");
        assert_eq!(run.attempt, attempt);
        assert!(
            finish(db.pool(), &plan, &run, &badly())
                .await
                .expect("ends")
        );
        // Not at once.
        assert_eq!(claimed(db.pool(), &plan, Uuid::now_v7()).await, None);
        sqlx::query(due_again)
            .execute(db.pool())
            .await
            .expect("time goes by");
    }
    assert_eq!(claimed(db.pool(), &plan, Uuid::now_v7()).await, None);
    let run = &runs(db.pool()).await[0];
    assert_eq!(run.state, RunState::Failed);
    assert_eq!(run.error.as_deref(), Some("the disk is full"));
    let events: Vec<(String, Option<Uuid>)> = sqlx::query_as(
        "select detail->>'error', trace_id from audit_events where event = 'job_failed' order by seq",
    )
    .fetch_all(db.pool())
    .await
    .expect("events");
    assert_eq!(events.len(), 2);
    assert_eq!(
        events[1],
        ("the disk is full".to_owned(), Some(run.trace.0))
    );
}

#[tokio::test]
async fn a_server_that_stops_gives_its_run_to_another() {
    let db = TestDb::new().await;
    hours_behind(db.pool(), 1).await;
    let plan = plan(Missed::Last);
    let run = claimed(db.pool(), &plan, Uuid::now_v7())
        .await
        .expect("due");
    give_back(db.pool(), &run).await.expect("given back");
    let again = claimed(db.pool(), &plan, Uuid::now_v7())
        .await
        .expect("due");
    assert_eq!((again.id, again.attempt, again.failures), (run.id, 2, 0));
}

#[tokio::test]
async fn a_job_that_is_disabled_makes_nothing_up() {
    let db = TestDb::new().await;
    hours_behind(db.pool(), 3).await;
    let (plan, now) = (plan(Missed::All), OffsetDateTime::now_utc());
    let set = async |enabled| {
        let changed = switch(db.pool(), NAME, true, enabled, Some("cli"), now).await;
        changed.expect("switched")
    };
    assert_eq!(set(false).await, Switched::Changed);
    assert_eq!(set(false).await, Switched::Unchanged);
    assert_eq!(claimed(db.pool(), &plan, Uuid::now_v7()).await, None);
    hours_behind(db.pool(), 3).await;
    assert_eq!(set(true).await, Switched::Changed);
    assert_eq!(claimed(db.pool(), &plan, Uuid::now_v7()).await, None);
    assert_eq!(runs(db.pool()).await, []);
}

#[tokio::test]
async fn by_hand_a_slot_runs_once_and_never_beside_another() {
    let db = TestDb::new().await;
    let plan = plan(Missed::Last);
    let slot = Some(OffsetDateTime::now_utc() - time::Duration::DAY);
    let by_hand = async |slot| claim_by_hand(db.pool(), &plan, slot, Uuid::now_v7(), "cli").await;
    let run = by_hand(slot).await.expect("begins");
    assert!(matches!(
        by_hand(None).await,
        Err(JobsError::Running { .. })
    ));
    assert!(
        finish(db.pool(), &plan, &run, &badly())
            .await
            .expect("ends")
    );
    // What failed by hand is not tried again by itself, but may be by hand.
    assert_eq!(runs(db.pool()).await[0].state, RunState::Failed);
    let again = by_hand(slot).await.expect("begins again");
    assert_eq!((again.id, again.attempt), (run.id, 2));
    assert!(
        finish(db.pool(), &plan, &again, &well())
            .await
            .expect("ends")
    );
    assert!(matches!(by_hand(slot).await, Err(JobsError::Done { .. })));
}

#[tokio::test]
async fn old_runs_are_forgotten_but_the_latest() {
    let db = TestDb::new().await;
    hours_behind(db.pool(), 3).await;
    let plan = plan(Missed::All);
    while let Some(run) = claimed(db.pool(), &plan, Uuid::now_v7()).await {
        assert!(finish(db.pool(), &plan, &run, &well()).await.expect("ends"));
    }
    let later = OffsetDateTime::now_utc() + time::Duration::HOUR;
    assert_eq!(forget(db.pool(), later).await.expect("forgotten"), 2);
    assert_eq!(runs(db.pool()).await.len(), 1);
}
