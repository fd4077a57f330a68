//! Upgrades: what earlier versions left behind arrives, once, in today's.

use std::fs;
use std::path::Path;

use sqlx::Row;
use sqlx::postgres::PgPoolOptions;
use systemprompt_storage::check::check;
use systemprompt_testkit::PATIENCE;
use systemprompt_testkit::db::TestDb;
use systemprompt_testkit::faults::command;
use systemprompt_testkit::process::ServerProcess;

/// What 0.1.0 left behind after a kill with the database away.
#[tokio::test]
async fn everything_that_0_1_0_left_arrives_once() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/0.1.0");
    let storage = tempfile::tempdir().unwrap();
    let spool = storage.path().join("spool/gateway");
    fs::create_dir_all(&spool).unwrap();
    for entry in fs::read_dir(fixture.join("spool")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), spool.join(entry.file_name())).unwrap();
    }
    let db = TestDb::new().await;
    let dump = fs::read_to_string(fixture.join("dump.sql")).unwrap();
    // The dump changes its connection's settings, so it gets one of its own.
    let restore = PgPoolOptions::new()
        .max_connections(1)
        .connect_with(db.connect_options());
    let restore = restore.await.unwrap();
    let empty = "drop schema public cascade; create schema public";
    sqlx::raw_sql(empty).execute(&restore).await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(dump))
        .execute(&restore)
        .await
        .unwrap();
    restore.close().await;

    for start in ["first", "second"] {
        let mut command = command(storage.path(), "http://127.0.0.1:9").unwrap();
        command.arg("--database-url").arg(db.url());
        let mut server = ServerProcess::spawn(command).await.unwrap();
        server.sigterm().unwrap();
        let exit = server.wait_exit(PATIENCE).await.unwrap();
        assert!(exit.success(), "{start} start: {}", server.stderr());

        let sql = "select state, count(*) as n, count(cost_nanos) as priced \
                   from ai_requests group by state order by state";
        let rows = sqlx::query(sql).fetch_all(db.pool()).await.unwrap();
        let found: Vec<(String, i64, i64)> = rows
            .iter()
            .map(|row| (row.get("state"), row.get("n"), row.get("priced")))
            .collect();
        let expected = [("completed", 30, 24), ("failed", 6, 0), ("lost", 1, 0)];
        let expected = expected.map(|(state, n, priced)| (state.to_owned(), n, priced));
        assert_eq!(found, expected, "{start} start");
        let differences = check(db.pool()).await.unwrap().differences;
        assert!(differences.is_empty(), "{start} start: {}", differences[0]);
    }
}
