//! Two roles: what servers run as records everything and can neither change nor remove
//! what the audit log holds.

use std::path::Path;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{Executor, PgPool};
use systemprompt_config::{Sources, load_with};
use systemprompt_domain::ids::BootId;
use systemprompt_domain::{Clock, RequestState, Sampling};
use systemprompt_storage::audit::{self, AnchorFile};
use systemprompt_storage::embedded::Embedded;
use systemprompt_storage::retention::{Occasion, Retention};
use systemprompt_storage::{Storage, Writer, agents};
use systemprompt_testkit::db::{TestDb, audit_keys_file};
use time::OffsetDateTime;

use crate::audit::assert_sound;
use crate::writer::{append, assert_exact, context, count, end, finished, spool};

/// A role of the test cluster, which owns nothing. Its rights go with each database.
const ROLE: &str = "test_server";

async fn make_role(db: &PgPool) {
    db.execute(
        "do $$ begin create role test_server login password 'test'; \
         exception when duplicate_object or unique_violation then null; end $$",
    )
    .await
    .expect("there is a role");
}

async fn open(sets: Vec<String>) -> Storage {
    let sources = Sources {
        root: "/nonexistent".into(),
        sets,
        ..Sources::default()
    };
    let config = load_with(&sources, &|_| None).expect("it is a profile");
    Storage::open(&config, |_| ()).await.expect("it opens")
}

async fn open_as_two(db: &TestDb) -> Storage {
    make_role(db.pool()).await;
    let service: PgConnectOptions = db.connect_options().username(ROLE).password("test");
    let url =
        |options: PgConnectOptions| String::from(sqlx::ConnectOptions::to_url_lossy(&options));
    open(vec![
        format!("database.url={}", url(service)),
        format!("database.owner_url={}", db.url()),
        format!("audit.keys={}", audit_keys_file().display()),
    ])
    .await
}

/// What nobody but the owner may do.
const REFUSED: &[&str] = &[
    "update audit_events set event = 'other'",
    "delete from audit_events",
    "truncate audit_events",
    "delete from audit_events_p0",
    "truncate audit_events_p0",
    "drop table audit_events_p0",
    "alter table audit_events detach partition audit_events_p0",
    "alter table audit_events disable trigger all",
    "drop trigger audit_events_insert_only on audit_events",
    "create or replace function audit_refuse() returns trigger language plpgsql as 'begin return old; end'",
    "set session_replication_role = replica",
    "update audit_checkpoints set note = ''",
    "delete from audit_checkpoints",
    "truncate audit_checkpoints",
    "delete from audit_head",
    "truncate audit_head",
    "insert into audit_head select * from audit_head",
    "update audit_people set name = 'somebody'",
    "delete from audit_people",
    "select make_day('audit_events', current_date)",
    "select make_day('tokens', current_date)",
    "select make_day('pg_class', current_date)",
    "drop table ai_requests",
    "create table mine (n int)",
    "delete from _sqlx_migrations",
    "set role systemprompt",
];

async fn refuses(db: &PgPool) {
    for sql in REFUSED {
        let error = db.execute(*sql).await.expect_err(sql).to_string();
        let refused = ["permission denied", "must be owner", "has no days"];
        assert!(
            refused.iter().any(|said| error.contains(said)),
            "{sql}: {error}"
        );
    }
}

async fn record(storage: &Storage, folder: &Path) -> Writer {
    let spool = spool(folder);
    let clock = Clock::System;
    let (pool, boot) = (storage.writer_pool(), BootId::new());
    let mut writer = Writer::start(pool, spool.clone(), clock, boot, Sampling::ALL, false)
        .await
        .expect("the writer starts");
    // Days that have no partition yet, too.
    for n in 0..5 {
        let request = finished(context(n * 86_400, 1, 1, 1), RequestState::Completed, 9, 5);
        append(&spool, &end(request));
    }
    spool.flush().await;
    writer.drain().await.expect("drains");
    writer
}

#[tokio::test]
async fn a_server_records_and_cannot_change_what_is_recorded() {
    let db = TestDb::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let storage = open_as_two(&db).await;
    record(&storage, folder.path()).await;
    let now = OffsetDateTime::now_utc();
    agents::create(storage.pool(), "scout", "", Some("ada"), now)
        .await
        .expect("made");
    let keys = storage.log().expect("it can be appended to");
    let anchor = AnchorFile::new(folder.path().join("anchor"));
    let made = audit::checkpoint(&storage.control_pool(), &keys, &anchor).await;
    assert!(made.expect("made").is_some());
    for pool in [
        storage.pool(),
        &storage.writer_pool(),
        &storage.control_pool(),
    ] {
        let who = "select count(*) from (select current_user as u) s where u = 'test_server'";
        assert_eq!(count(pool, who).await, 1);
        refuses(pool).await;
    }
    assert_exact(&db).await;
    assert_sound(&db).await;
    let status = audit::status(storage.pool()).await.expect("told");
    assert!(!status.owned, "who writes it does not own it");
    // What goes, goes by the owner.
    let occasion = Occasion {
        now: now + time::Duration::days(100),
        by: None,
        anchor: &anchor,
    };
    let keep = Retention {
        detail_days: 90,
        audit_days: None,
        imported_days: None,
    };
    let applied = keep.apply(&storage.upkeep_pool(), occasion, |_| {}).await;
    assert!(
        !applied
            .expect("succeeds")
            .expect("nobody else")
            .removed
            .is_empty()
    );
    let owned = audit::status(&storage.upkeep_pool()).await.expect("told");
    assert!(owned.owned);
    // Again, with nothing left to grant.
    drop(open_as_two(&db).await);
}

#[tokio::test]
async fn our_own_database_has_both_roles() {
    let folder = tempfile::tempdir().expect("a folder");
    let home = folder.path().join("storage");
    std::fs::create_dir_all(&home).expect("made");
    let storage = open(vec![format!("server.storage={}", home.display())]).await;
    record(&storage, &folder.path().join("spool")).await;
    let status = audit::status(storage.pool()).await.expect("told");
    assert!(status.size >= 5 && !status.owned);
    refuses(storage.pool()).await;
    let looks = systemprompt_storage::status::status(storage.pool()).await;
    assert_eq!(looks.expect("told").address, "a Unix socket");
    // Somebody else who comes meanwhile finds the role there.
    let other = open(vec![format!("server.storage={}", home.display())]).await;
    assert_eq!(
        count(other.pool(), "select count(*) from ai_requests").await,
        5
    );
    other.close().await.expect("closes");
    let embedded = Embedded::start(&home, |_| ()).await.expect("attaches");
    storage.close().await.expect("closes");
    embedded.stop().await.expect("stops");
}

/// Otherwise a few questions that hang would keep all others from being asked.
#[tokio::test]
async fn connections_that_were_given_up_go_to_nobody_else() {
    let db = TestDb::new().await;
    let storage = open_as_two(&db).await;
    let hanging = (0..6).map(|_| {
        let pool = storage.pool().clone();
        let hang = async move { pool.execute("select pg_sleep(4)").await };
        tokio::spawn(tokio::time::timeout(Duration::from_millis(300), hang))
    });
    for given_up in hanging.collect::<Vec<_>>() {
        assert!(given_up.await.expect("no panic").is_err(), "it hangs");
    }
    assert_eq!(count(storage.pool(), "select 1::bigint").await, 1);
}
