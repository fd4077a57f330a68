//! Who comes first starts the cluster, who leaves last stops it.

use std::io::{BufRead, BufReader, Lines, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;

use systemprompt_testkit::PATIENCE;

use super::{assert_gone, assert_mark, data, make_mark, server_pid, start, storage};

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
            .args([
                "--exact",
                "embedded::holders::holder",
                "--ignored",
                "--nocapture",
            ])
            .env("HOLD_STORAGE", storage)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap()).lines();
        let held = output.any(|line| line.unwrap() == "holding");
        assert!(held, "the holder could not start the cluster");
        Self {
            process,
            _output: output,
        }
    }

    fn end(mut self) {
        self.process
            .stdin
            .take()
            .unwrap()
            .write_all(b"end\n")
            .unwrap();
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
    assert_eq!(
        server_pid(storage.path()),
        pid,
        "still held by the other process"
    );
    other.end();
    assert_gone(&data(storage.path()), PATIENCE);
}

#[tokio::test]
async fn a_killed_holder_is_no_holder() {
    let storage = storage();
    let killed = Holder::start(storage.path());
    let mine = start(storage.path()).await;
    killed.kill();
    make_mark(&mine).await;
    mine.stop().await.unwrap();
    assert_gone(&data(storage.path()), PATIENCE);
}

#[tokio::test]
async fn nothing_outlives_the_only_holder_when_it_is_killed() {
    let storage = storage();
    Holder::start(storage.path()).kill();
    assert_gone(&data(storage.path()), PATIENCE);
}

#[tokio::test]
async fn many_come_and_go_at_once() {
    let storage = storage();
    let path = storage.path();
    let holders: Vec<_> = thread::scope(|scope| {
        let starts: Vec<_> = (0..6)
            .map(|_| scope.spawn(|| Holder::start(path)))
            .collect();
        starts
            .into_iter()
            .map(|start| start.join().unwrap())
            .collect()
    });
    thread::scope(|scope| {
        for holder in holders {
            scope.spawn(|| holder.end());
        }
    });
    assert_gone(&data(storage.path()), PATIENCE);
}
