//! The audit log in a real database: whatever is recorded in whatever way, it is
//! one sound log; whatever is done to it behind its back shows.

mod appending;
mod people;
mod proofs;
mod tampering;

use sqlx::PgPool;
use systemprompt_audit::Summary;
use systemprompt_storage::agents;
use systemprompt_storage::audit::{Faults, Options, Verdict, verify};
use systemprompt_testkit::db::TestDb;
use time::OffsetDateTime;

/// Verifies the log and the rows that it knows of.
pub(crate) async fn judge(db: &TestDb) -> Verdict {
    let options = Options {
        rows: true,
        ..Options::default()
    };
    verify(db.pool(), &db.audit_keys(), options, |_, _| {})
        .await
        .expect("the database answers")
}

/// Fails unless the log is sound.
pub(crate) async fn assert_sound(db: &TestDb) -> Summary {
    match judge(db).await {
        Verdict::Sound { summary, .. } => summary,
        Verdict::Unsound(faults) => panic!("{faults:#?}"),
    }
}

/// Records an event, as somebody does who makes an agent.
async fn record(pool: &PgPool, agent: &str, by: &str) {
    let now = OffsetDateTime::now_utc();
    agents::create(pool, agent, "of a test", Some(by), now)
        .await
        .expect("it is made");
}

/// The names of all faults.
fn names(faults: &Faults) -> Vec<&'static str> {
    let findings = faults.findings.iter().map(|finding| finding.kind.name());
    let rows = faults.rows.iter().map(|_| "row_differs");
    let people = faults.people.iter().map(|_| "person_differs");
    findings.chain(rows).chain(people).collect()
}
