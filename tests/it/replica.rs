//! Questions are put to a replica: a PostgreSQL that follows the database.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use hyper::{Method, Request, StatusCode};
use serde_json::{Value, json};
use sqlx::ConnectOptions as _;
use sqlx::postgres::{PgConnectOptions, PgPool};
use systemprompt_storage::embedded::{Embedded, Options};
use systemprompt_testkit::PATIENCE;
use systemprompt_testkit::client::{Answer, Client};
use systemprompt_testkit::faults::{command, readiness, until_stored};
use systemprompt_testkit::process::ServerProcess;
use systemprompt_testkit::upstream::Upstream;
use tempfile::TempDir;

use crate::system::MESSAGES;

/// A cluster of our own below a folder.
async fn cluster(storage: &Path) -> Embedded {
    let options = Options {
        durable: false,
        ..Options::default()
    };
    let started = Embedded::start_with(storage, &options, |_| ()).await;
    started.expect("the cluster starts")
}

/// Where a cluster keeps its data.
fn data(storage: &Path) -> PathBuf {
    let home = storage.join("postgres");
    match fs::read_to_string(home.join("location")) {
        Ok(elsewhere) => Path::new(elsewhere.trim_end()).join("data"),
        Err(_) => home.join("data"),
    }
}

/// Starts a cluster that follows `primary`, as `pg_basebackup` sets one up.
async fn follower(primary: &Embedded, kept: &Path, storage: &Path) -> Embedded {
    // Its folders, whose contents are replaced.
    cluster(storage).await.stop().await.unwrap();
    let target = data(storage);
    let owner = fs::metadata(&target).unwrap();
    fs::remove_dir_all(&target).unwrap();
    let password = "postgres/password";
    fs::copy(kept.join(password), storage.join(password)).unwrap();
    let to = primary.connect_options();
    let copied = Command::new(primary.program("pg_basebackup"))
        .arg("--host")
        .arg(to.get_socket().unwrap())
        .args(["--username", to.get_username(), "--wal-method", "stream"])
        .args(["--checkpoint", "fast", "--no-sync", "--write-recovery-conf"])
        .arg("--pgdata")
        .arg(&target)
        .env(
            "PGPASSWORD",
            fs::read_to_string(kept.join(password)).unwrap().trim_end(),
        )
        .output()
        .unwrap();
    assert!(
        copied.status.success(),
        "{}",
        String::from_utf8_lossy(&copied.stderr)
    );
    give(&target, owner.uid(), owner.gid());
    cluster(storage).await
}

/// What a copy made as root belongs to.
fn give(path: &Path, uid: u32, gid: u32) {
    chown(path, Some(uid), Some(gid)).unwrap();
    let is_folder = fs::symlink_metadata(path).unwrap().is_dir();
    for entry in is_folder
        .then(|| fs::read_dir(path).unwrap())
        .into_iter()
        .flatten()
    {
        give(&entry.unwrap().path(), uid, gid);
    }
}

struct Followed {
    server: ServerProcess,
    _upstream: Upstream,
    _folder: TempDir,
}

impl Followed {
    async fn start(primary: &PgConnectOptions, replica: &PgConnectOptions) -> Self {
        let (folder, upstream) = (
            tempfile::tempdir().unwrap(),
            Upstream::start(None).await.unwrap(),
        );
        let mut command = command(folder.path(), &upstream.url()).unwrap();
        let url = |options: &PgConnectOptions| String::from(options.to_url_lossy());
        command.arg("--database-url").arg(url(primary));
        command
            .arg("--set")
            .arg(format!("database.replica_url={}", url(replica)));
        let server = ServerProcess::spawn(command).await.unwrap();
        Self {
            server,
            _upstream: upstream,
            _folder: folder,
        }
    }

    async fn get(&self, path: &str) -> Answer {
        let addr = self.server.addr().unwrap();
        let request = Request::get(path).header("host", addr.to_string());
        Client::new(addr)
            .send(request.body(Default::default()).unwrap())
            .await
            .unwrap()
    }

    /// A request through the gateway, once it is in the database.
    async fn request(&self) {
        let addr = self.server.addr().unwrap();
        let body = json!({"model": "claude-haiku-4-5", "max_tokens": 9});
        let request = Request::builder()
            .method(Method::POST)
            .uri(MESSAGES)
            .header("host", addr.to_string());
        let request = request.body(body.to_string().into()).unwrap();
        let answer = Client::new(addr).send(request).await.unwrap();
        assert_eq!(answer.status, StatusCode::OK);
        until_stored(addr, PATIENCE).await.unwrap();
    }

    /// How many requests the questions know of.
    async fn known(&self) -> Value {
        let answer = self.get("/api/v1/analytics/costs/summary").await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        answer.json()["rows"][0]["requests"].clone()
    }

    async fn until_known(&self, requests: u64) {
        let deadline = Instant::now() + PATIENCE;
        while self.known().await != requests {
            assert!(Instant::now() < deadline, "{}", self.known().await);
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test]
async fn questions_are_put_to_the_replica_and_requests_do_not_need_it() {
    let (kept, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let primary = cluster(kept.path()).await;
    let replica = follower(&primary, kept.path(), copy.path()).await;
    let (written, read) = (primary.connect_options(), replica.connect_options());
    let control = PgPool::connect_lazy_with(read.clone());
    let follows: bool = sqlx::query_scalar("select pg_is_in_recovery()")
        .fetch_one(&control)
        .await
        .unwrap();
    assert!(follows);

    let system = Followed::start(&written, &read).await;
    system.request().await;
    system.until_known(1).await;
    system.request().await;
    system.until_known(2).await;

    // Every question can be answered by a database that takes no writes.
    let document = system.get("/api/v1/openapi.json").await.json();
    let mut asked = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        let params = operations["get"]["parameters"].as_array();
        let needs = |param: &Value| param["required"] == true;
        if path.starts_with("/api/v1/analytics/")
            && !path.contains('.')
            && !params.is_some_and(|all| all.iter().any(needs))
        {
            let answer = system.get(path).await;
            assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text());
            asked += 1;
        }
    }
    assert!(asked > 30, "{asked} questions");
    let ready = readiness(system.server.addr().unwrap()).await.unwrap();
    assert_eq!(
        (&ready["status"], &ready["replica"]),
        (&json!("ready"), &json!("ok"))
    );
    let metrics = system.get("/metrics").await.text();
    assert!(
        metrics.contains("\nsystemprompt_replica_up 1\n"),
        "{metrics}"
    );

    // One that has stopped to follow goes on saying what it knows, and how old that is.
    let pause = "select pg_wal_replay_pause()";
    sqlx::query(pause).execute(&control).await.unwrap();
    system.request().await;
    assert_eq!(system.known().await, 2);
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    let metrics = system.get("/metrics").await.text();
    let lag = metrics
        .lines()
        .find_map(|line| line.strip_prefix("systemprompt_replica_lag_seconds "))
        .unwrap();
    assert!(lag.parse::<f64>().unwrap() >= 0.1, "{lag}");
    let resume = "select pg_wal_replay_resume()";
    sqlx::query(resume).execute(&control).await.unwrap();
    system.until_known(3).await;

    // Without it questions fail, and nothing else does.
    control.close().await;
    replica.stop().await.unwrap();
    system.request().await;
    let answer = system.get("/api/v1/analytics/costs/summary").await;
    assert_eq!(
        answer.status,
        StatusCode::SERVICE_UNAVAILABLE,
        "{}",
        answer.text()
    );
    let ready = readiness(system.server.addr().unwrap()).await.unwrap();
    assert_eq!(
        (&ready["status"], &ready["replica"]),
        (&json!("degraded"), &json!("unreachable"))
    );
    drop(system);
    primary.stop().await.unwrap();
}
