//! Appending: one order for all, whoever appends, and nothing twice.

use std::sync::Arc;

use sqlx::Executor;
use sqlx::postgres::PgPoolOptions;
use systemprompt_audit::{Checkpoint, Frontier, Hash, Head, Keys};
use systemprompt_domain::ids::BootId;
use systemprompt_domain::{RequestState, Sampling};
use systemprompt_storage::AUDIT_PARTITION;
use systemprompt_storage::audit::{self, AnchorFile, LogError, Verdict, checkpoint};
use systemprompt_testkit::db::TestDb;
use time::OffsetDateTime;

use super::{assert_sound, judge, names, record};
use crate::writer::{append, context, count, end, finished, sampling_writer, spool, writer};

#[tokio::test]
async fn servers_that_append_at_once_make_one_log() {
    let db = TestDb::new().await;
    let mut servers = Vec::new();
    for server in 0..4 {
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .connect_with(db.connect_options())
            .await
            .expect("connects");
        servers.push(tokio::spawn(async move {
            for n in 0..25 {
                // New people all the time, the same on all servers.
                record(
                    &pool,
                    &format!("agent-{server}-{n}"),
                    &format!("person-{n}"),
                )
                .await;
            }
        }));
    }
    for server in servers {
        server.await.expect("nobody deadlocks");
    }
    assert_eq!(assert_sound(&db).await.size, 100);
    let dense = "select count(*) from audit_events where seq between 0 and 99";
    assert_eq!(count(db.pool(), dense).await, 100);
    let people = "select count(*) from audit_people";
    assert_eq!(count(db.pool(), people).await, 25);
}

#[tokio::test]
async fn what_is_rolled_back_takes_no_number() {
    let db = TestDb::new().await;
    record(db.pool(), "scout", "ada").await;
    let now = OffsetDateTime::now_utc();
    // Refused after it was begun.
    let again = systemprompt_storage::agents::create(db.pool(), "scout", "", None, now).await;
    assert!(again.is_err());
    record(db.pool(), "writer", "ada").await;
    assert_eq!(assert_sound(&db).await.size, 2);
}

#[tokio::test]
async fn the_log_has_the_digest_of_every_row_also_of_those_left_out() {
    let db = TestDb::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let spool = spool(folder.path());
    let half = Sampling::new(0.5);
    let mut writer = sampling_writer(&db, &spool, BootId::new(), half).await;
    for n in 0..200_u32 {
        let of = u8::try_from(n % 5).expect("small");
        let mut request = finished(context(n, 1 + of, of, of), RequestState::Completed, 9, 5);
        request.raw_usage = Some(format!(
            r#"{{"b":[1e2,{n}.50],"a":{{"x":1,"x":2}},"é":"\/"}}"#
        ));
        request.usage.speed = Some("fast".to_owned());
        append(&spool, &end(request));
    }
    spool.flush().await;
    writer.drain().await.expect("drains");
    let Verdict::Sound { rows, gone, .. } = judge(&db).await else {
        panic!("the log is sound");
    };
    assert_eq!(rows + gone, 200);
    assert!(rows > 50 && gone > 50, "{rows} {gone}");
    // Every column counts, but for the user, who may be erased.
    for change in [
        "input = input + 1",
        "cost_nanos = 1",
        "price_version = 'other'",
        "agent = 'mallory'",
        "raw_usage = '{}'",
        "usage_extra = '{\"speed\": \"slow\"}'",
        "latency_us = null",
        "finished_at = finished_at + interval '1 microsecond'",
        "tool_calls = 'none'",
    ] {
        let mut tx = db.pool().begin().await.expect("begins");
        let sql = format!(
            "update ai_requests set {change} where ctid = (select min(ctid) from ai_requests)"
        );
        tx.execute(sqlx::AssertSqlSafe(sql)).await.expect("changed");
        let options = audit::Options {
            rows: true,
            ..audit::Options::default()
        };
        let verdict = audit::verify_in(&mut tx, &db.audit_keys(), options, |_, _| {}).await;
        let Verdict::Unsound(faults) = verdict.expect("verified") else {
            panic!("{change} is not seen");
        };
        assert_eq!(names(&faults), ["row_differs"], "{change}");
        tx.rollback().await.expect("rolled back");
    }
}

/// The log as if it had filled its first partition but for some events.
async fn almost_full(db: &TestDb, left: u64) {
    let keys = db.audit_keys();
    let size = AUDIT_PARTITION.unsigned_abs() - left;
    let hashes = vec![Hash::leaf(b"long ago"); size.count_ones() as usize];
    let tree = Frontier::new(size, hashes).expect("they fit");
    let head = Head::seal(&keys, &tree);
    let frontier: Vec<&[u8]> = head.frontier.iter().map(|hash| hash.0.as_slice()).collect();
    sqlx::query("update audit_head set size = $1, frontier = $2, mac = $3")
        .bind(head.size.cast_signed())
        .bind(frontier)
        .bind(&head.mac)
        .execute(db.pool())
        .await
        .expect("moved");
}

#[tokio::test]
async fn the_end_of_a_partition_is_a_checkpoint() {
    let db = TestDb::new().await;
    almost_full(&db, 1).await;
    let folder = tempfile::tempdir().expect("a folder");
    // Whoever stores events makes the partitions that are needed next.
    writer(&db, &spool(folder.path()), BootId::new()).await;
    for n in 0..3 {
        record(db.pool(), &format!("agent-{n}"), "ada").await;
    }
    let (note,): (String,) =
        sqlx::query_as("select note from audit_checkpoints where size = 10000000")
            .fetch_one(db.pool())
            .await
            .expect("there is one");
    let keys = db.audit_keys();
    let stated = Checkpoint::open(&note, keys.public()).expect("it is the key's");
    assert_eq!(stated.size, AUDIT_PARTITION.unsigned_abs());
}

#[tokio::test]
async fn checkpoints_cover_what_was_appended_and_reach_the_anchor() {
    let db = TestDb::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let keys = Arc::new(db.audit_keys());
    let anchor = AnchorFile::new(folder.path().join("audit/anchor"));
    let other = AnchorFile::new(folder.path().join("other"));
    let make = async |anchor: &AnchorFile| {
        let made = checkpoint(db.pool(), &keys, anchor).await.expect("made");
        made.expect("nobody else is about it")
    };
    record(db.pool(), "scout", "ada").await;
    assert_eq!(
        (make(&anchor).await.size, make(&anchor).await.new),
        (1, false)
    );
    record(db.pool(), "writer", "ada").await;
    assert!(make(&anchor).await.new);
    // Another server, which made none of them.
    assert!(!make(&other).await.new);
    assert_eq!(anchor.lines().expect("read").len(), 2);
    assert_eq!(
        other.lines().expect("read"),
        anchor.lines().expect("read")[1..]
    );
    assert_eq!(assert_sound(&db).await.checkpoints, 2);
}

/// An appended event is refused, not lost, where the log cannot take it.
#[tokio::test]
async fn without_a_sound_head_nothing_is_changed() {
    let db = TestDb::new().await;
    record(db.pool(), "scout", "ada").await;
    for (harm, said) in [
        (
            "update audit_head set size = 0, frontier = '{}'",
            "cannot be appended to",
        ),
        ("update audit_head set mac = ''", "cannot be appended to"),
        (
            "update audit_head set log_id = gen_random_uuid()",
            "are not in",
        ),
        (
            "set local session_replication_role = replica; delete from audit_head",
            "has lost its head",
        ),
    ] {
        let mut tx = db.pool().begin().await.expect("begins");
        sqlx::raw_sql(harm).execute(&mut *tx).await.expect("harmed");
        tx.commit().await.expect("kept");
        let now = OffsetDateTime::now_utc();
        let made = systemprompt_storage::agents::create(db.pool(), "writer", "", None, now).await;
        let error = made.expect_err(harm).to_string();
        assert!(error.contains(said), "{harm}: {error}");
        let agents = "select count(*) from agents";
        assert_eq!(count(db.pool(), agents).await, 1, "{harm}");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let opened = audit::open(db.pool(), &folder.path().join("keys")).await;
    assert!(matches!(opened, Err(LogError::NoHead)), "{opened:?}");
}

#[tokio::test]
async fn keys_of_another_log_are_refused_by_name() {
    let db = TestDb::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    // A log that this process has no keys of.
    let stranger = Keys::generate();
    let head = Head::seal(&stranger, &Frontier::default());
    sqlx::query("update audit_head set log_id = $1, mac = $2")
        .bind(head.log)
        .bind(&head.mac)
        .execute(db.pool())
        .await
        .expect("replaced");
    let file = folder.path().join("keys/audit");
    let missing = audit::open(db.pool(), &file).await;
    assert!(
        matches!(missing, Err(LogError::NoKeys { .. })),
        "{missing:?}"
    );
    assert!(!file.exists(), "none are made for a log that has some");
    Keys::load_or_make(&file).expect("others");
    let other = audit::open(db.pool(), &file).await;
    assert!(
        matches!(other, Err(LogError::OtherKeys { .. })),
        "{other:?}"
    );
}

#[tokio::test]
async fn the_fence_refuses_changes() {
    let db = TestDb::new().await;
    record(db.pool(), "scout", "ada").await;
    let folder = tempfile::tempdir().expect("a folder");
    writer(&db, &spool(folder.path()), BootId::new()).await;
    for sql in [
        "update audit_events set event = 'other'",
        "delete from audit_events",
        "truncate audit_events",
        "truncate audit_events_p0",
        "truncate audit_events_p1",
        "delete from audit_head",
        "truncate audit_head",
        "update audit_checkpoints set note = ''",
        "truncate audit_checkpoints",
    ] {
        let refused = db.pool().execute(sql).await;
        if sql.starts_with("update audit_checkpoints") {
            // There is none yet.
            continue;
        }
        let error = refused.expect_err(sql).to_string();
        assert!(error.contains("insert-only"), "{sql}: {error}");
    }
}
