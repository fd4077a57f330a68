//! The embedded cluster, with real processes: who starts it, who stops it, and
//! what it survives.

use std::fs;
use std::io::{BufRead, BufReader, Lines, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, geteuid, kill_process};
use sqlx::{ConnectOptions, Connection, PgConnection};
use systemprompt_storage::embedded::{Embedded, EmbeddedError, Options};
use tempfile::TempDir;

/// A storage folder that the server's account can enter.
fn storage() -> TempDir {
    folder(0o755)
}

fn folder(mode: u32) -> TempDir {
    let mode = fs::Permissions::from_mode(mode);
    tempfile::Builder::new().permissions(mode).tempdir().unwrap()
}

async fn start(storage: &Path) -> Embedded {
    Embedded::start(storage, |_| ()).await.unwrap()
}

async fn connect(embedded: &Embedded) -> PgConnection {
    embedded.connect_options().connect().await.unwrap()
}

/// The folder of the cluster's data, wherever it is kept.
fn data(storage: &Path) -> PathBuf {
    let home = storage.join("postgres").canonicalize().unwrap();
    fs::read_to_string(home.join("location"))
        .map_or(home, |base| PathBuf::from(base.trim_end()))
        .join("data")
}

fn server_pid(storage: &Path) -> Pid {
    let text = fs::read_to_string(data(storage).join("postmaster.pid")).unwrap();
    Pid::from_raw(text.lines().next().unwrap().parse().unwrap()).unwrap()
}

/// The processes that name this data folder: server and watchdog.
fn processes(data: &Path) -> Vec<String> {
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
fn assert_gone(data: &Path, within: Duration) {
    let deadline = Instant::now() + within;
    while !processes(data).is_empty() {
        assert!(Instant::now() < deadline, "still there: {:?}", processes(data));
        thread::sleep(Duration::from_millis(10));
    }
    assert!(!data.join("postmaster.pid").exists());
}

async fn make_mark(embedded: &Embedded) {
    let mut db = connect(embedded).await;
    sqlx::raw_sql("create table mark (n int); insert into mark values (42)")
        .execute(&mut db)
        .await
        .unwrap();
    db.close().await.unwrap();
}

async fn assert_mark(embedded: &Embedded) {
    let mut db = connect(embedded).await;
    let n: i32 = sqlx::query_scalar("select n from mark")
        .fetch_one(&mut db)
        .await
        .unwrap();
    assert_eq!(n, 42);
    db.close().await.unwrap();
}

/// Another process that holds the cluster until it is told to end, or killed.
struct Holder {
    process: Child,
    /// Kept open, since the test harness goes on to write to it.
    _output: Lines<BufReader<ChildStdout>>,
}

impl Holder {
    /// Runs the test [`holder`] below in a process of its own, and returns once
    /// it holds.
    fn start(storage: &Path) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "holder", "--ignored", "--nocapture"])
            .env("HOLD_STORAGE", storage)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap()).lines();
        let held = output.any(|line| line.unwrap() == "holding");
        assert!(held, "the holder could not start the cluster");
        Self { process, _output: output }
    }

    fn end(mut self) {
        self.process.stdin.take().unwrap().write_all(b"end\n").unwrap();
        assert!(self.process.wait().unwrap().success());
    }

    fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

#[tokio::test]
#[ignore = "is the other process of other tests, which name the storage folder"]
async fn holder() {
    let storage = std::env::var_os("HOLD_STORAGE").expect("HOLD_STORAGE names the folder");
    let embedded = start(Path::new(&storage)).await;
    println!("\nholding");
    std::io::stdin().read_line(&mut String::new()).unwrap();
    embedded.stop().await.unwrap();
}

#[tokio::test]
async fn starts_keeps_data_and_leaves_nothing_running() {
    let storage = storage();
    let began = Instant::now();
    let first = start(storage.path()).await;
    let first_start = began.elapsed();
    make_mark(&first).await;

    let mut db = connect(&first).await;
    for (name, value) in [
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("data_checksums", "on"),
        ("listen_addresses", ""),
        ("server_encoding", "UTF8"),
        ("max_connections", "50"),
    ] {
        let is: String = sqlx::query_scalar("select current_setting($1)")
            .bind(name)
            .fetch_one(&mut db)
            .await
            .unwrap();
        assert_eq!(is, value, "{name}");
    }
    db.close().await.unwrap();

    let private = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o077;
    let home = storage.path().join("postgres");
    assert_eq!(private(home.join("password")), 0);
    assert_eq!(private(first.connect_options().get_socket().unwrap().clone()), 0);

    first.stop().await.unwrap();
    assert_gone(&data(storage.path()), Duration::from_secs(2));

    let began = Instant::now();
    let again = start(storage.path()).await;
    let later_start = began.elapsed();
    assert_mark(&again).await;
    drop(again);
    assert_gone(&data(storage.path()), Duration::from_secs(2));

    println!("first start {first_start:?}, later {later_start:?}");
    // Generous, for a busy machine; alone it is 1 s and 0.2 s.
    assert!(first_start < Duration::from_secs(20));
    assert!(later_start < Duration::from_secs(10));
}

#[tokio::test]
async fn a_wrong_password_is_refused() {
    let storage = storage();
    let embedded = start(storage.path()).await;
    let error = embedded.connect_options().password("guess").connect().await.unwrap_err();
    let error = error.into_database_error().unwrap();
    assert_eq!(error.code().as_deref(), Some("28P01"));
    embedded.stop().await.unwrap();

    fs::write(storage.path().join("postgres/password"), "guess\n").unwrap();
    let error = Embedded::start(storage.path(), |_| ()).await.unwrap_err();
    assert!(matches!(error, EmbeddedError::PasswordRefused { .. }), "{error}");
    // A start that fails takes the server with it.
    assert_gone(&data(storage.path()), Duration::from_secs(2));

    fs::remove_file(storage.path().join("postgres/password")).unwrap();
    let error = Embedded::start(storage.path(), |_| ()).await.unwrap_err();
    assert!(matches!(error, EmbeddedError::PasswordMissing { .. }), "{error}");
}

#[tokio::test]
async fn the_last_holder_stops_the_cluster_whoever_it_is() {
    let storage = storage();
    let other = Holder::start(storage.path());
    let pid = server_pid(storage.path());
    let first = start(storage.path()).await;
    let second = start(storage.path()).await;
    assert_eq!(server_pid(storage.path()), pid, "attached, not started");
    make_mark(&first).await;

    other.end();
    first.stop().await.unwrap();
    assert_mark(&second).await;
    let other = Holder::start(storage.path());
    second.stop().await.unwrap();
    assert_eq!(server_pid(storage.path()), pid, "still held by the other process");
    other.end();
    assert_gone(&data(storage.path()), Duration::from_secs(2));
}

#[tokio::test]
async fn a_killed_holder_is_no_holder() {
    let storage = storage();
    let killed = Holder::start(storage.path());
    let mine = start(storage.path()).await;
    killed.kill();
    make_mark(&mine).await;
    mine.stop().await.unwrap();
    assert_gone(&data(storage.path()), Duration::from_secs(2));
}

#[tokio::test]
async fn nothing_outlives_the_only_holder_when_it_is_killed() {
    let storage = storage();
    Holder::start(storage.path()).kill();
    assert_gone(&data(storage.path()), Duration::from_secs(20));
}

#[tokio::test]
async fn many_come_and_go_at_once() {
    let storage = storage();
    let path = storage.path();
    let holders: Vec<_> = thread::scope(|scope| {
        let starts: Vec<_> = (0..6).map(|_| scope.spawn(|| Holder::start(path))).collect();
        starts.into_iter().map(|start| start.join().unwrap()).collect()
    });
    thread::scope(|scope| {
        for holder in holders {
            scope.spawn(|| holder.end());
        }
    });
    assert_gone(&data(storage.path()), Duration::from_secs(2));
}

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
    assert_gone(&data(storage.path()), Duration::from_secs(2));
}

#[tokio::test]
async fn a_stale_pid_that_somebody_else_has_now_does_not_block_the_start() {
    let storage = storage();
    let held = start(storage.path()).await;
    make_mark(&held).await;
    let pid_file = data(storage.path()).join("postmaster.pid");
    let socket_lock = held.connect_options().get_socket().unwrap().join(".s.PGSQL.5432.lock");
    let owner = std::os::unix::fs::MetadataExt::uid(&fs::metadata(&pid_file).unwrap());
    // Another process of the server's account.
    let mut somebody = Command::new("sleep");
    somebody.arg("600");
    if geteuid().is_root() {
        std::os::unix::process::CommandExt::uid(&mut somebody, owner);
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
    assert!(somebody.try_wait().unwrap().is_none(), "the other process lives on");
    somebody.kill().unwrap();
    somebody.wait().unwrap();
    assert_gone(&data(storage.path()), Duration::from_secs(2));
}

#[tokio::test]
async fn a_crash_in_the_first_start_leaves_no_half_cluster() {
    let storage = storage();
    let leftover = storage.path().join("postgres/new/data");
    fs::create_dir_all(&leftover).unwrap();
    fs::write(leftover.join("PG_VERSION"), "15\n").unwrap();
    fs::write(storage.path().join("postgres/password"), "of the first attempt\n").unwrap();
    let embedded = start(storage.path()).await;
    make_mark(&embedded).await;
    assert!(!storage.path().join("postgres/new").exists());
    embedded.stop().await.unwrap();
}

#[tokio::test]
async fn a_long_path_gets_its_socket_elsewhere() {
    let storage = storage();
    let long = storage.path().join("x".repeat(120)).join("y".repeat(120));
    fs::create_dir_all(&long).unwrap();
    let embedded = start(&long).await;
    make_mark(&embedded).await;
    let socket = embedded.connect_options().get_socket().unwrap().clone();
    assert!(!socket.starts_with(storage.path()), "{socket:?}");
    assert!(data(&long).starts_with(storage.path().canonicalize().unwrap()));
    embedded.stop().await.unwrap();
    let outside = if geteuid().is_root() { socket.parent().unwrap() } else { &socket };
    fs::remove_dir_all(outside).unwrap();
}

#[tokio::test]
async fn root_keeps_the_data_outside_a_folder_that_the_server_cannot_enter() {
    if !geteuid().is_root() {
        // Another user runs the server itself, and can enter whatever it can.
        return;
    }
    let private = folder(0o700);
    let embedded = start(private.path()).await;
    make_mark(&embedded).await;
    let data = data(private.path());
    assert!(data.starts_with("/var/lib/systemprompt"), "{data:?}");
    embedded.stop().await.unwrap();
    let again = start(private.path()).await;
    assert_mark(&again).await;
    again.stop().await.unwrap();
    assert_gone(&data, Duration::from_secs(2));

    fs::remove_dir_all(data.parent().unwrap()).unwrap();
    let error = Embedded::start(private.path(), |_| ()).await.unwrap_err();
    assert!(matches!(error, EmbeddedError::DataMissing { .. }), "{error}");
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_named() {
    let storage = storage();
    // A file where the folder should be stops root as well.
    fs::write(storage.path().join("postgres"), "").unwrap();
    let error = Embedded::start(storage.path(), |_| ()).await.unwrap_err();
    let home = storage.path().join("postgres");
    assert!(error.to_string().starts_with(home.to_str().unwrap()), "{error}");

    // /proc takes no folders, from nobody.
    let error = Embedded::start(Path::new("/proc/nothing"), |_| ()).await.unwrap_err();
    assert!(error.to_string().starts_with("/proc/nothing/postgres"), "{error}");
}

#[tokio::test]
async fn data_of_another_user_is_left_alone() {
    let storage = storage();
    let data = storage.path().join("postgres/data");
    fs::create_dir_all(&data).unwrap();
    // Root would become any owner but itself; nobody else can make a foreign one.
    if geteuid().is_root() {
        let error = Embedded::start(storage.path(), |_| ()).await.unwrap_err();
        assert!(matches!(error, EmbeddedError::ForeignOwner { owner: 0, .. }), "{error}");
    }
}

#[tokio::test]
async fn data_of_another_major_version_names_the_way_out() {
    let storage = storage();
    start(storage.path()).await.stop().await.unwrap();
    fs::write(data(storage.path()).join("PG_VERSION"), "9\n").unwrap();
    let error = Embedded::start(storage.path(), |_| ()).await.unwrap_err();
    assert!(
        matches!(error, EmbeddedError::VersionMismatch { data: 9, .. }),
        "{error}"
    );
    assert!(error.to_string().contains("pg_dumpall"), "{error}");
}

#[tokio::test]
async fn a_machine_without_postgresql_is_told_what_to_install() {
    let storage = storage();
    let options = Options {
        binaries: Some(vec![storage.path().to_path_buf()]),
        ..Options::default()
    };
    let error = Embedded::start_with(storage.path(), &options, |_| ()).await.unwrap_err();
    assert!(matches!(error, EmbeddedError::NoBinaries { .. }), "{error}");
    assert!(error.to_string().contains("apt-get install postgresql"), "{error}");
}

#[tokio::test]
async fn a_server_that_cannot_start_says_why() {
    let storage = storage();
    start(storage.path()).await.stop().await.unwrap();
    let config = data(storage.path()).join("postgresql.conf");
    fs::write(config, "no_such_setting = 1\n").unwrap();
    let error = Embedded::start(storage.path(), |_| ()).await.unwrap_err();
    assert!(matches!(error, EmbeddedError::StartFailed { .. }), "{error}");
    println!("{error}");
    assert_gone(&data(storage.path()), Duration::from_secs(5));
}
