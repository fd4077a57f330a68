//! One running system: a mock provider, a database, a server between them, and
//! the questions a test asks of each.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Request};
use serde_json::Value;
use sqlx::Row;
use sqlx::postgres::PgRow;
use systemprompt_testkit::PATIENCE;
use systemprompt_testkit::client::{Answer, Client};
use systemprompt_testkit::db::TestDb;
use systemprompt_testkit::faults::command;
use systemprompt_testkit::process::ServerProcess;
use systemprompt_testkit::upstream::Upstream;
use tempfile::TempDir;
use uuid::Uuid;

pub(crate) const MESSAGES: &str = "/anthropic/v1/messages";
pub(crate) const CHAT: &str = "/openai/v1/chat/completions";
pub(crate) const RESPONSES: &str = "/openai/v1/responses";
pub(crate) const GENERATE: &str = "/gemini/v1beta/models/gemini-2.5-flash:generateContent";
pub(crate) const GEMINI_SSE: &str =
    "/gemini/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse";

pub(crate) struct System {
    pub(crate) server: ServerProcess,
    pub(crate) upstream: Upstream,
    pub(crate) db: TestDb,
    pub(crate) addr: SocketAddr,
    pub(crate) storage: TempDir,
}

impl System {
    pub(crate) async fn start() -> Self {
        Self::with(&[]).await
    }

    /// A system whose profile has these keys overridden.
    pub(crate) async fn with(sets: &[&str]) -> Self {
        Self::over(Upstream::start(None).await.unwrap(), sets).await
    }

    /// A system over this provider.
    pub(crate) async fn over(upstream: Upstream, sets: &[&str]) -> Self {
        let storage = tempfile::tempdir().unwrap();
        let db = TestDb::new().await;
        let mut command = command(storage.path(), &upstream.url()).unwrap();
        command.arg("--database-url").arg(db.url());
        for set in sets {
            command.arg("--set").arg(set);
        }
        let server = ServerProcess::spawn(command).await.unwrap();
        let addr = server.addr().unwrap();
        Self {
            server,
            upstream,
            db,
            addr,
            storage,
        }
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.addr)
    }

    /// A request with a host header of this server.
    pub(crate) fn request(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Request<Full<Bytes>> {
        let host = self.addr.to_string();
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", host);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Full::new(body.into())).unwrap()
    }

    /// Posts JSON, with options for the mock provider.
    pub(crate) async fn post(&self, path: &str, mock: &str, body: &Value) -> Answer {
        self.post_with(path, &[("x-mock", mock)], body).await
    }

    /// Posts JSON with these headers.
    pub(crate) async fn post_with(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> Answer {
        let request = self.request(Method::POST, path, headers, body.to_string());
        self.client().send(request).await.unwrap()
    }

    /// The stored row of the request behind an answer.
    pub(crate) async fn row(&self, answer: &Answer) -> Stored {
        self.row_of(request_id(answer)).await
    }

    /// The stored row of a request, once it is there.
    pub(crate) async fn row_of(&self, id: Uuid) -> Stored {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let row = sqlx::query("select * from ai_requests where id = $1")
                .bind(id)
                .fetch_optional(self.db.pool())
                .await
                .unwrap();
            if let Some(row) = row {
                return Stored(row);
            }
            assert!(
                Instant::now() < deadline,
                "{id} is not stored: {}",
                self.server.stderr()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// How many requests are stored, once nothing is waiting.
    pub(crate) async fn count(&self) -> Result<i64> {
        systemprompt_testkit::faults::until_stored(self.addr, PATIENCE).await?;
        let open: i64 = self.scalar("select count(*) from open_requests").await?;
        ensure!(open == 0, "{open} requests are open");
        self.scalar("select count(*) from ai_requests").await
    }

    /// One figure from the database.
    pub(crate) async fn scalar(&self, sql: &'static str) -> Result<i64> {
        Ok(sqlx::query_scalar(sql).fetch_one(self.db.pool()).await?)
    }
}

/// The id by which a client finds its request again.
pub(crate) fn request_id(answer: &Answer) -> Uuid {
    let id = answer.header("x-systemprompt-request-id");
    id.parse()
        .unwrap_or_else(|_| panic!("no request id in {answer:?}"))
}

/// A row of `ai_requests`.
pub(crate) struct Stored(pub(crate) PgRow);

impl Stored {
    /// A text column; null is empty.
    pub(crate) fn text(&self, column: &str) -> String {
        self.0
            .try_get::<Option<String>, _>(column)
            .unwrap()
            .unwrap_or_default()
    }

    /// A `bigint` column.
    pub(crate) fn number(&self, column: &str) -> Option<i64> {
        self.0.try_get(column).unwrap()
    }

    /// A boolean column.
    pub(crate) fn flag(&self, column: &str) -> bool {
        self.0.try_get(column).unwrap()
    }

    /// A JSON column; null is null.
    pub(crate) fn json(&self, column: &str) -> Value {
        self.0
            .try_get::<Option<Value>, _>(column)
            .unwrap()
            .unwrap_or_default()
    }

    pub(crate) fn status(&self) -> Option<i16> {
        self.0.try_get("http_status").unwrap()
    }

    /// State, usage source, input and output: what most tests compare.
    pub(crate) fn outcome(&self) -> (String, String, i64, i64) {
        let tokens = |column| self.number(column).unwrap_or_default();
        (
            self.text("state"),
            self.text("usage_source"),
            tokens("input"),
            tokens("output"),
        )
    }
}
