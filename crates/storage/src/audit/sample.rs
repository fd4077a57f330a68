//! Events like those of requests, for benchmarks.

use sqlx::{Connection as _, PgPool};
use time::OffsetDateTime;
use uuid::Uuid;

use super::append::{append_batch, synced};
use super::entry::Entry;

/// Appends so many starts and ends of requests in one transaction, and returns when they
/// are on disk.
///
/// # Errors
/// When the database fails.
#[doc(hidden)]
pub async fn append_sample(db: &PgPool, events: usize) -> Result<(), sqlx::Error> {
    let at = OffsetDateTime::now_utc();
    let users: Vec<String> = (0..20)
        .map(|n| format!("user-{n:03}@example.com"))
        .collect();
    let agents: Vec<String> = (0..20).map(|n| format!("agent-{n:02}")).collect();
    let (mut trace, mut subject) = (Uuid::now_v7(), Uuid::now_v7());
    let entries = (0..events).map(|n| {
        let ends = n % 2 == 1;
        if !ends {
            (trace, subject) = (Uuid::now_v7(), Uuid::now_v7());
        }
        Entry {
            category: "ai_operations",
            event: if ends {
                "request_completed"
            } else {
                "request_started"
            },
            outcome: if ends { "success" } else { "pending" },
            by: Some(&users[n / 2 % users.len()]),
            agent: Some(&agents[n / 2 % agents.len()]),
            token: Some("desk"),
            trace: Some(trace),
            subject: Some(subject),
            state: ends.then_some("completed"),
            at,
            detail: None,
            digest: ends.then(rand::random),
        }
    });
    let entries: Vec<_> = entries.collect();
    let mut db = db.acquire().await?;
    let mut tx = db.begin().await?;
    append_batch(&mut tx, &entries).await?;
    tx.commit().await?;
    synced(&mut db).await
}
