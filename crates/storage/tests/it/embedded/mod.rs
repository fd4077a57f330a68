//! The embedded cluster, with real processes: who starts it, who stops it, and
//! what it survives.

#![allow(clippy::unwrap_used)] // a failure in a helper fails the test

mod crashes;
mod holders;
mod places;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Pid;
use sqlx::{ConnectOptions, Connection, PgConnection};
use systemprompt_storage::embedded::Embedded;
use tempfile::TempDir;

/// A storage folder that the server's account can enter.
pub(crate) fn storage() -> TempDir {
    folder(0o755)
}

/// A folder of this mode.
pub(crate) fn folder(mode: u32) -> TempDir {
    let mode = fs::Permissions::from_mode(mode);
    tempfile::Builder::new()
        .permissions(mode)
        .tempdir()
        .unwrap()
}

pub(crate) async fn start(storage: &Path) -> Embedded {
    Embedded::start(storage, |_| ()).await.unwrap()
}

pub(crate) async fn connect(embedded: &Embedded) -> PgConnection {
    embedded.connect_options().connect().await.unwrap()
}

/// The folder of the cluster's data, wherever it is kept.
pub(crate) fn data(storage: &Path) -> PathBuf {
    let home = storage.join("postgres").canonicalize().unwrap();
    fs::read_to_string(home.join("location"))
        .map_or(home, |base| PathBuf::from(base.trim_end()))
        .join("data")
}

pub(crate) fn server_pid(storage: &Path) -> Pid {
    let text = fs::read_to_string(data(storage).join("postmaster.pid")).unwrap();
    Pid::from_raw(text.lines().next().unwrap().parse().unwrap()).unwrap()
}

/// The processes that name this data folder: server and watchdog.
pub(crate) fn processes(data: &Path) -> Vec<String> {
    let data = data.to_str().unwrap();
    fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| fs::read(entry.path().join("cmdline")).ok())
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .filter(|line| line.contains(data))
        .collect()
}

/// Waits until nothing of the cluster runs any more.
pub(crate) fn assert_gone(data: &Path, within: Duration) {
    let deadline = Instant::now() + within;
    while !processes(data).is_empty() {
        assert!(
            Instant::now() < deadline,
            "still there: {:?}",
            processes(data)
        );
        thread::sleep(Duration::from_millis(10));
    }
    assert!(!data.join("postmaster.pid").exists());
}

pub(crate) async fn make_mark(embedded: &Embedded) {
    let mut db = connect(embedded).await;
    sqlx::raw_sql("create table mark (n int); insert into mark values (42)")
        .execute(&mut db)
        .await
        .unwrap();
    db.close().await.unwrap();
}

pub(crate) async fn assert_mark(embedded: &Embedded) {
    let mut db = connect(embedded).await;
    let n: i32 = sqlx::query_scalar("select n from mark")
        .fetch_one(&mut db)
        .await
        .unwrap();
    assert_eq!(n, 42);
    db.close().await.unwrap();
}
