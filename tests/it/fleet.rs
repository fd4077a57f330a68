//! Several servers on one database, and requests of a known cost.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use hyper::Method;
use serde_json::{Value, json};
use systemprompt_testkit::PATIENCE;
use systemprompt_testkit::client::{Answer, Client};
use systemprompt_testkit::db::TestDb;
use systemprompt_testkit::faults::{command, until_stored};
use systemprompt_testkit::process::ServerProcess;
use systemprompt_testkit::upstream::Upstream;
use tempfile::TempDir;

use crate::system::MESSAGES;

/// What a request costs: 240 tokens at 3 dollars a million and 60 at 15.
pub(crate) const COST: i64 = 240 * 3_000 + 60 * 15_000;
pub(crate) const MOCK: &str = "in=240,out=60";

pub(crate) fn body() -> Value {
    json!({"model": "claude-sonnet-4-5", "max_tokens": 200, "messages": [{"role": "user", "content": "?"}]})
}

/// Servers with folders of their own on one database.
pub(crate) struct Fleet {
    pub(crate) servers: Vec<ServerProcess>,
    pub(crate) folders: Vec<TempDir>,
    pub(crate) upstream: Upstream,
    pub(crate) db: TestDb,
    pub(crate) sets: Vec<String>,
}

impl Fleet {
    pub(crate) async fn start(size: usize, sets: &[String]) -> Self {
        let mut fleet = Self {
            servers: Vec::new(),
            folders: (0..size).map(|_| tempfile::tempdir().unwrap()).collect(),
            upstream: Upstream::start(None).await.unwrap(),
            db: TestDb::new().await,
            sets: sets.to_vec(),
        };
        for at in 0..size {
            let server = fleet.server(at).await;
            fleet.servers.push(server);
        }
        fleet
    }

    /// Ends a server as an operator does, and starts it again.
    pub(crate) async fn bounce(&mut self, at: usize) {
        self.servers[at].sigterm().unwrap();
        let status = self.servers[at].wait_exit(PATIENCE).await.unwrap();
        assert!(status.success(), "{}", self.servers[at].stderr());
        self.restart(at).await;
    }

    async fn server(&self, at: usize) -> ServerProcess {
        let mut command = command(self.folders[at].path(), &self.upstream.url()).unwrap();
        command.arg("--database-url").arg(self.db.url());
        for set in &self.sets {
            command.arg("--set").arg(set);
        }
        ServerProcess::spawn(command).await.unwrap()
    }

    pub(crate) async fn restart(&mut self, at: usize) {
        self.servers[at] = self.server(at).await;
    }

    pub(crate) fn addr(&self, at: usize) -> SocketAddr {
        self.servers[at].addr().unwrap()
    }

    pub(crate) async fn stored(&self) {
        for server in &self.servers {
            until_stored(server.addr().unwrap(), PATIENCE)
                .await
                .unwrap();
        }
    }

    pub(crate) async fn number(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql)
            .fetch_one(self.db.pool())
            .await
            .unwrap()
    }

    /// Waits until a number of the database is as expected.
    pub(crate) async fn until(&self, sql: &'static str, expected: i64) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let seen = self.number(sql).await;
            if seen == expected {
                return;
            }
            assert!(Instant::now() < deadline, "{sql}: {seen}, not {expected}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(crate) async fn stop(&mut self) {
        for server in &mut self.servers {
            server.sigterm().unwrap();
        }
        for server in &mut self.servers {
            let status = server.wait_exit(PATIENCE).await.unwrap();
            assert!(status.success(), "{}", server.stderr());
        }
    }
}

/// Sends a request that costs [`COST`], if it may.
pub(crate) async fn ask(addr: SocketAddr, client: &mut Client) -> Answer {
    let request = hyper::Request::builder()
        .method(Method::POST)
        .uri(MESSAGES)
        .header("host", addr.to_string())
        .header("x-mock", MOCK)
        .body(body().to_string().into())
        .unwrap();
    client.send(request).await.unwrap()
}

/// Waits for a moment far from midnight: the period must not end in the middle.
pub(crate) async fn not_at_midnight() {
    let now = time::OffsetDateTime::now_utc();
    let left = now.date().next_day().unwrap().midnight().assume_utc() - now;
    if left < time::Duration::minutes(3) {
        tokio::time::sleep(left.unsigned_abs()).await;
    }
}
