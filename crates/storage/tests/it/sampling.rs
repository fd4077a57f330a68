//! Detail that sampling leaves out: it is counted all the same, once.

use systemprompt_domain::ids::BootId;
use systemprompt_domain::{Event, RequestState, Sampling};
use systemprompt_storage::check::{Checked, check};
use systemprompt_testkit::db::TestDb;
use time::{OffsetDateTime, Time};

use crate::writer::{append, context, count, end, finished, sampling_writer, spool, writer};

/// Without a row of its own, a request is known by its id.
#[tokio::test]
async fn the_same_end_twice_counts_once_without_its_detail() {
    let db = TestDb::new().await;
    let dir = tempfile::tempdir().expect("a folder");
    let spool = spool(dir.path());
    let none = Sampling::new(0.0);
    let ends: Vec<Event> = (0..3)
        .map(|n| {
            end(finished(
                context(60, 1, 1, 1),
                RequestState::Completed,
                n,
                5,
            ))
        })
        .collect();
    // One that has its row from before the rate was lowered.
    let mut before = writer(&db, &spool, BootId::new()).await;
    append(&spool, &ends[0]);
    spool.flush().await;
    before.drain().await.expect("drains");
    drop(before);
    let mut writer = sampling_writer(&db, &spool, BootId::new(), none).await;
    for event in ends.iter().chain(&ends) {
        append(&spool, event);
    }
    spool.flush().await;
    writer.drain().await.expect("drains");
    append(&spool, &ends[2]);
    spool.flush().await;
    writer.drain().await.expect("drains");
    for (figure, expected) in [
        (
            "select sum(requests)::bigint from usage_day where cube = 'total'",
            3,
        ),
        ("select count(*) from audit_events", 3),
        ("select requests from conversations", 3),
        ("select count(*) from ai_requests", 1),
        ("select count(*) from seen_ids", 2),
    ] {
        assert_eq!(count(db.pool(), figure).await, expected, "{figure}");
    }
}

#[tokio::test]
async fn the_check_leaves_out_days_without_all_their_detail() {
    const DAY: u32 = 86_400;
    let db = TestDb::new().await;
    let dir = tempfile::tempdir().expect("a folder");
    let spool = spool(dir.path());
    // Ages from the beginning of today, so that midnight may pass meanwhile.
    let today = OffsetDateTime::now_utc().replace_time(Time::MIDNIGHT);
    let so_far = (OffsetDateTime::now_utc() - today).whole_seconds() as u32;
    let stored = |days, user| {
        let context = context(days * DAY + so_far, 1, 1, user);
        end(finished(context, RequestState::Completed, 7, 5))
    };
    let mut all = writer(&db, &spool, BootId::new()).await;
    // The first conversation touches every day, the others one each.
    for (days, user) in [(0, 1), (2, 2), (4, 3), (4, 3), (6, 1)] {
        append(&spool, &stored(days, user));
    }
    spool.flush().await;
    all.drain().await.expect("drains");
    drop(all);
    let none = Sampling::new(0.0);
    let mut thinned = sampling_writer(&db, &spool, BootId::new(), none).await;
    append(&spool, &stored(2, 2));
    spool.flush().await;
    thinned.drain().await.expect("drains");
    sqlx::query("delete from ai_requests where created_at < $1")
        .bind(today - time::Duration::days(5))
        .execute(db.pool())
        .await
        .expect("deleted");

    let left_out = [6, 2].map(|days| (today - time::Duration::days(days)).date());
    let left_out = left_out.to_vec();
    let checked = check(db.pool()).await.expect("the check runs");
    let differences = Vec::new();
    assert_eq!(
        checked,
        Checked {
            differences,
            left_out,
            quarters_from: None
        }
    );

    // A day with a part of its rows has not expired.
    sqlx::query("delete from ai_requests where id = (select id from ai_requests where user_id = 'user-3' limit 1)")
        .execute(db.pool())
        .await
        .expect("deleted");
    let checked = check(db.pool()).await.expect("the check runs");
    assert_eq!(checked.left_out.len(), 2);
    assert!(
        checked
            .differences
            .iter()
            .any(|found| found.table == "usage_day")
    );
}
