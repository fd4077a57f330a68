//! The tests' databases: apart from each other, quick to get, and gone after.

#![allow(clippy::unwrap_used)] // a failure in a helper fails the test

use std::process::{Command, Stdio};
use std::str::FromStr;
use std::thread;
use std::time::{Duration, Instant};

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgPool};
use systemprompt_testkit::db::TestDb;
use tokio::task::JoinSet;

/// The tables of the migrations, by name.
async fn tables(db: &PgPool) -> Vec<String> {
    sqlx::query_scalar("select tablename::text from pg_tables where schemaname = 'public'")
        .fetch_all(db)
        .await
        .unwrap()
}

async fn database_exists(options: PgConnectOptions, name: &str) -> bool {
    let mut admin = options.database("postgres").connect().await.unwrap();
    let exists = sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
        .bind(name)
        .fetch_one(&mut admin)
        .await
        .unwrap();
    admin.close().await.unwrap();
    exists
}

#[tokio::test]
async fn each_test_has_a_migrated_database_of_its_own() {
    let (one, other) = (TestDb::new().await, TestDb::new().await);
    assert!(
        tables(one.pool())
            .await
            .iter()
            .any(|table| table == "ai_requests")
    );
    sqlx::raw_sql("create table mine (n int)")
        .execute(one.pool())
        .await
        .unwrap();
    assert!(
        !tables(other.pool())
            .await
            .iter()
            .any(|table| table == "mine")
    );
}

#[tokio::test]
async fn the_url_leads_another_process_to_the_same_database() {
    let db = TestDb::new().await;
    let options = PgConnectOptions::from_str(&db.url()).unwrap();
    let mut connection = options.connect().await.unwrap();
    let name: String = sqlx::query_scalar("select current_database()::text")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(Some(&*name), db.connect_options().get_database());
    connection.close().await.unwrap();
}

#[tokio::test]
async fn the_database_goes_with_the_test_even_while_connected() {
    let db = TestDb::new().await;
    let options = db.connect_options();
    let name = options.get_database().unwrap().to_owned();
    let _connected = db.pool().acquire().await.unwrap();
    // Keeps the cluster running meanwhile.
    let other = TestDb::new().await;
    drop(db);
    assert!(!database_exists(other.connect_options(), &name).await);
}

#[tokio::test]
#[ignore = "is the other process of other tests"]
async fn process() {
    let making: JoinSet<TestDb> = (0..5).map(|_| TestDb::new()).collect();
    let databases = making.join_all().await;
    for db in &databases {
        assert!(!tables(db.pool()).await.is_empty());
        println!(
            "\ndatabase {}",
            db.connect_options().get_database().unwrap()
        );
    }
    if std::env::var_os("DIE").is_some() {
        std::process::abort();
    }
}

/// Runs the test above in a process of its own; `Some` with its databases' names
/// if it ended as it should.
fn run_process(die: bool) -> Option<Vec<String>> {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "db::process", "--ignored", "--nocapture"])
        .stderr(Stdio::null());
    if die {
        command.env("DIE", "yes");
    }
    let said = command.output().unwrap();
    let names = String::from_utf8(said.stdout).unwrap();
    let names = names
        .lines()
        .filter_map(|line| line.strip_prefix("database "));
    (said.status.success() != die).then(|| names.map(str::to_owned).collect())
}

#[tokio::test]
async fn many_processes_get_their_databases_at_once() {
    let began = Instant::now();
    let processes: Vec<_> = (0..4)
        .map(|_| thread::spawn(|| run_process(false)))
        .collect();
    let mut names: Vec<_> = processes
        .into_iter()
        .flat_map(|process| process.join().unwrap().expect("every process succeeds"))
        .collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 20);
    println!("20 databases in 4 processes: {:?}", began.elapsed());

    let db = TestDb::new().await;
    for name in &names {
        assert!(
            !database_exists(db.connect_options(), name).await,
            "{name} is left"
        );
    }
}

#[tokio::test]
async fn what_a_killed_test_leaves_is_swept_by_the_next() {
    let left = run_process(true).expect("it dies");
    assert_eq!(left.len(), 5);
    assert!(run_process(false).is_some());
    let db = TestDb::new().await;
    for name in &left {
        assert!(
            !database_exists(db.connect_options(), name).await,
            "{name} is left"
        );
    }
}

#[tokio::test]
async fn a_database_takes_a_moment() {
    let _first = TestDb::new().await;
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let began = Instant::now();
        let second = TestDb::new().await;
        let made = began.elapsed();
        drop(second);
        println!(
            "made in {made:?}, made and dropped in {:?}",
            began.elapsed()
        );
        best = best.min(made);
    }
    // Generous, for a busy machine; alone it is 0.1 s.
    assert!(best < Duration::from_secs(5), "{best:?}");
}
