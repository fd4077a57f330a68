//! What is killed comes back with its data.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::{Signal, geteuid, kill_process};
use systemprompt_testkit::PATIENCE;

use super::{assert_gone, assert_mark, connect, data, make_mark, server_pid, start, storage};

#[tokio::test]
async fn a_killed_server_is_started_again_with_its_data() {
    let storage = storage();
    let held = start(storage.path()).await;
    make_mark(&held).await;
    // A survivor that would not notice for minutes.
    let mut busy = connect(&held).await;
    let busy = tokio::spawn(async move {
        sqlx::query("select count(*) from generate_series(1, 10000000000)")
            .execute(&mut busy)
            .await
    });
    tokio::time::sleep(Duration::from_millis(200)).await;

    let killed = server_pid(storage.path());
    kill_process(killed, Signal::KILL).unwrap();
    let began = Instant::now();
    let again = start(storage.path()).await;
    println!("back after {:?}", began.elapsed());
    assert_ne!(server_pid(storage.path()), killed);
    assert_mark(&again).await;
    assert!(busy.await.unwrap().is_err());

    drop(held);
    again.stop().await.unwrap();
    assert_gone(&data(storage.path()), PATIENCE);
}

#[tokio::test]
async fn a_stale_pid_that_somebody_else_has_now_does_not_block_the_start() {
    let storage = storage();
    let held = start(storage.path()).await;
    make_mark(&held).await;
    let pid_file = data(storage.path()).join("postmaster.pid");
    let socket_lock = held
        .connect_options()
        .get_socket()
        .unwrap()
        .join(".s.PGSQL.5432.lock");
    let owner = fs::metadata(&pid_file).unwrap().uid();
    // Another process of the server's account.
    let mut somebody = Command::new("sleep");
    somebody.arg("600");
    if geteuid().is_root() {
        somebody.uid(owner);
    }
    let mut somebody = somebody.spawn().unwrap();

    kill_process(server_pid(storage.path()), Signal::KILL).unwrap();
    for file in [&pid_file, &socket_lock] {
        let text = fs::read_to_string(file).unwrap();
        let (_, rest) = text.split_once('\n').unwrap();
        fs::write(file, format!("{}\n{rest}", somebody.id())).unwrap();
    }
    let again = start(storage.path()).await;
    assert_mark(&again).await;
    drop(held);
    again.stop().await.unwrap();
    assert!(
        somebody.try_wait().unwrap().is_none(),
        "the other process lives on"
    );
    somebody.kill().unwrap();
    somebody.wait().unwrap();
    assert_gone(&data(storage.path()), PATIENCE);
}

#[tokio::test]
async fn a_crash_in_the_first_start_leaves_no_half_cluster() {
    let storage = storage();
    let leftover = storage.path().join("postgres/new/data");
    fs::create_dir_all(&leftover).unwrap();
    fs::write(leftover.join("PG_VERSION"), "15\n").unwrap();
    fs::write(
        storage.path().join("postgres/password"),
        "of the first attempt\n",
    )
    .unwrap();
    let embedded = start(storage.path()).await;
    make_mark(&embedded).await;
    assert!(!storage.path().join("postgres/new").exists());
    embedded.stop().await.unwrap();
}
