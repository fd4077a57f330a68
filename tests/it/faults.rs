//! The fault programs, as short as they are still worth it. `cargo xtask faults`
//! runs them long.

use std::time::Duration;

use systemprompt_testkit::faults::{Report, jobs, kill, postgres, term};

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
