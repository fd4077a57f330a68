//! A backup with PostgreSQL's own programs, restored into a new database: what
//! came since is in the spool, and catches up.

use std::process::Command;

use sqlx::{Executor, PgPool};
use systemprompt_domain::RequestState;
use systemprompt_domain::ids::BootId;
use systemprompt_testkit::db::TestDb;

use crate::audit::assert_sound;
use crate::writer::{append, assert_exact, context, count, end, finished, spool, writer};

fn run(mut command: Command) {
    let said = command.output().expect("the program starts");
    let error = String::from_utf8_lossy(&said.stderr);
    assert!(said.status.success(), "{command:?}: {error}");
}

/// A fingerprint of every table's rows.
async fn contents(db: &PgPool) -> Vec<(String, i64, String)> {
    let tables: Vec<String> = sqlx::query_scalar(
        "select relname::text from pg_class where relnamespace = 'public'::regnamespace \
         and relkind in ('r', 'p') and not relispartition order by relname",
    )
    .fetch_all(db)
    .await
    .expect("listed");
    let mut contents = Vec::new();
    for table in tables {
        let sql = format!(
            "select '{table}', count(*), coalesce(md5(string_agg(t::text, '' order by t::text)), '') \
             from {table} t"
        );
        let content = sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_one(db).await;
        contents.push(content.expect("read"));
    }
    contents
}

#[tokio::test]
async fn a_restored_backup_has_everything_and_catches_up_from_the_spool() {
    let db = TestDb::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let spool = spool(&folder.path().join("spool"));
    let request = |n: u32| {
        let user = u8::try_from(n % 4).expect("small");
        let context = context(n * 20_000, user, user, user);
        end(finished(
            context,
            RequestState::Completed,
            n.into(),
            n.into(),
        ))
    };
    let mut before = writer(&db, &spool, BootId::new()).await;
    for n in 1..=30 {
        append(&spool, &request(n));
    }
    spool.flush().await;
    before.drain().await.expect("drains");

    let dump = folder.path().join("backup.dump");
    let mut backup = db.program("pg_dump");
    backup.arg("--format=custom").arg("--file").arg(&dump);
    run(backup);
    let saved = contents(db.pool()).await;

    // Five more, which the backup does not have.
    for n in 31..=35 {
        append(&spool, &request(n));
    }
    spool.flush().await;
    before.drain().await.expect("drains");
    drop(before);
    let lost = contents(db.pool()).await;
    assert_ne!(lost, saved);

    let restored = TestDb::new().await;
    let empty = "drop schema public cascade; create schema public";
    restored.pool().execute(empty).await.expect("emptied");
    let mut restore = restored.program("pg_restore");
    let name = restored.connect_options();
    let name = name.get_database().expect("it has a name");
    restore.args([
        "--exit-on-error",
        "--no-owner",
        "--no-acl",
        "--dbname",
        name,
    ]);
    run({
        restore.arg(&dump);
        restore
    });
    assert_eq!(contents(restored.pool()).await, saved);

    // The dump has the log with all that proves it.
    assert_sound(&restored).await;
    let mut after = writer(&restored, &spool, BootId::new()).await;
    after.drain().await.expect("drains");
    let counted = "select sum(requests)::bigint from usage_day where cube = 'total'";
    assert_eq!(count(restored.pool(), counted).await, 35);
    let requests = "select count(*) from ai_requests";
    assert_eq!(count(restored.pool(), requests).await, 35);
    assert_exact(&restored).await;
}
