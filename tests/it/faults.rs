//! The fault programs, as short as they are still worth it. `cargo xtask faults`
//! runs them long.

use std::time::Duration;

use systemprompt_testkit::faults::database::Trouble;
use systemprompt_testkit::faults::{Report, database, disk, jobs, kill, postgres, servers, term};

fn passes(report: anyhow::Result<Report>) {
    let report = report.unwrap();
    assert_eq!(report.failed(), 0, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_acknowledged_survives_a_kill() {
    let options = kill::Options {
        rounds: 5,
        clients: 16,
        seed: 1,
    };
    passes(kill::run(options).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn open_streams_end_in_order_at_a_stop() {
    passes(term::run(50).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_notices_that_the_database_was_away() {
    let options = postgres::Options {
        outage: Duration::from_secs(3),
        clients: 16,
        seed: 1,
    };
    passes(postgres::run(options).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_runs_once_at_its_time_whoever_dies() {
    let options = jobs::Options {
        servers: 4,
        time: Duration::from_secs(20),
        restarts: 2,
        seed: 1,
    };
    passes(jobs::run(options).await);
}

async fn in_trouble(trouble: Trouble) {
    let options = database::Options {
        trouble,
        time: Duration::from_secs(4),
        clients: 8,
        seed: 1,
    };
    passes(database::run(options).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_are_cut_lose_nothing() {
    in_trouble(Trouble::Cut).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_crashes_loses_nothing() {
    in_trouble(Trouble::Killed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_locked_tables() {
    in_trouble(Trouble::Locked).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_a_frozen_database() {
    in_trouble(Trouble::Frozen).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_a_free_connection() {
    in_trouble(Trouble::Exhausted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_before_anything_is_spent() {
    let options = disk::Options {
        clients: 8,
        seed: 1,
    };
    passes(disk::run(options).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_die_take_nothing_with_them() {
    let options = servers::Options {
        servers: 4,
        clients: 16,
        time: Duration::from_secs(20),
        every: Duration::from_secs(5),
        seed: 1,
    };
    passes(servers::run(options).await);
}
