//! Services of others that record what they do: the capture crate's examples as
//! processes of their own, told of by the command line; and what becomes of their
//! events when the server goes away, when they are killed, or both.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use systemprompt_testkit::PATIENCE;
use systemprompt_testkit::faults::command;
use systemprompt_testkit::process::{ServerProcess, cli, example_bin};
use tempfile::TempDir;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::rustls::crypto::ring;

use crate::system::System;

const TOKEN: &str = "shop-0123456789abcdef";
const TOKENS: &str = "server.tokens=[{name: shop, token: shop-0123456789abcdef, scopes: [ingest]}]";
const CRAWLER: &str = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/// An example as a process. Dropping it kills it.
struct Service {
    child: Child,
    output: TempDir,
}

impl Service {
    fn start(name: &str, server: &str, spool: &Path, more: &[(&str, &str)]) -> Self {
        let output = tempfile::tempdir().unwrap();
        let child = Command::new(example_bin(name).unwrap())
            .env("SYSTEMPROMPT_URL", server)
            .env("SYSTEMPROMPT_TOKEN", TOKEN)
            .env("SYSTEMPROMPT_SPOOL", spool)
            .env("LISTEN", "127.0.0.1:0")
            .env("ANTHROPIC_API_KEY", "sk-ant-test")
            .envs(more.iter().copied())
            .stdin(Stdio::piped())
            .stdout(File::create(output.path().join("stdout")).unwrap())
            .stderr(File::create(output.path().join("stderr")).unwrap())
            .spawn()
            .unwrap();
        Self { child, output }
    }

    fn said(&self, name: &str) -> String {
        std::fs::read_to_string(self.output.path().join(name)).unwrap_or_default()
    }

    /// Waits until it has said that.
    async fn says<T>(&mut self, what: impl Fn(&str) -> Option<T>) -> T {
        let begun = Instant::now();
        loop {
            if let Some(found) = what(&self.said("stdout")) {
                return found;
            }
            let ended = self.child.try_wait().unwrap();
            assert!(
                ended.is_none() && begun.elapsed() < PATIENCE,
                "{ended:?}: {}{}",
                self.said("stdout"),
                self.said("stderr")
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn url(&mut self) -> String {
        let line = |said: &str| {
            let (_, rest) = said.split_once("listening on ")?;
            Some(rest.split_once('\n')?.0.to_owned())
        };
        self.says(line).await
    }

    /// Asks the LLM example this many questions and waits for the answers; answers
    /// their ids, which come first in each line.
    async fn ask(&mut self, questions: usize) -> Vec<String> {
        let before = self.said("stdout").lines().count();
        let input = self.child.stdin.as_mut().unwrap();
        for n in 0..questions {
            writeln!(input, "Why {n}?").unwrap();
        }
        let lines = |said: &str| {
            let whole = &said[..=said.rfind('\n')?];
            let lines: Vec<_> = whole.lines().skip(before).collect();
            let id = |line: &&str| line.split_once(':').unwrap().0.to_owned();
            (lines.len() == questions).then(|| lines.iter().map(id).collect())
        };
        self.says(lines).await
    }

    /// Tells it to stop in good order; answers what it says last.
    async fn stop(mut self) -> String {
        // One that reads its input ends with it.
        let _ = kill_process(Pid::from_child(&self.child), Signal::INT);
        self.ended().await;
        self.last_words()
    }

    /// Lets one that reads its input come to its end.
    async fn finish(mut self) -> String {
        let status = self.ended().await;
        assert!(status.success(), "{status}: {}", self.said("stderr"));
        self.last_words()
    }

    /// Waits for its end, once it has nothing to read any more, and lets others work
    /// meanwhile: a door is one of them.
    async fn ended(&mut self) -> ExitStatus {
        drop(self.child.stdin.take());
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(begun.elapsed() < PATIENCE, "it does not stop");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn last_words(&self) -> String {
        let said = self.said("stdout");
        said.lines().last().unwrap_or_default().to_owned()
    }

    fn kill9(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Both fail only if the process is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The rows that `systemprompt analytics … --json` answers.
async fn rows(system: &System, question: &str) -> Vec<Value> {
    let (url, question) = (system.db.url(), question.to_owned());
    let run = move || {
        let common = ["--json", "--database-url", &url];
        cli(["analytics"]
            .into_iter()
            .chain(question.split(' '))
            .chain(common))
        .unwrap()
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    answer["rows"].as_array().unwrap().clone()
}

/// Asks until the answer is as expected.
async fn until(system: &System, question: &str, holds: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let begun = Instant::now();
    loop {
        let rows = rows(system, question).await;
        if holds(&rows) {
            return rows;
        }
        assert!(begun.elapsed() < PATIENCE, "{question}: {rows:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn http() -> reqwest::Client {
    // Where another test has installed it, it is the same one.
    let _ = ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

fn base(system: &System) -> String {
    format!("http://{}", system.addr)
}

const LEFT_NOTHING: &str = "CaptureStatus { backlog: 0, unrecorded: 0, refused: 0, trouble: None }";

#[tokio::test]
async fn a_web_site_is_counted_by_the_command_line() {
    let (system, spool) = (System::with(&[TOKENS]).await, tempfile::tempdir().unwrap());
    let mut site = Service::start("page_views", &base(&system), spool.path(), &[]);
    let (url, client) = (site.url().await, http());
    for (path, agent, status) in [
        ("/", FIREFOX, 200),
        ("/docs/a", FIREFOX, 200),
        ("/docs/a", CRAWLER, 200),
        ("/docs/b", CRAWLER, 200),
        ("/missing", CRAWLER, 404),
    ] {
        let request = client.get(format!("{url}{path}"));
        let request = request
            .header("user-agent", agent)
            .header("host", "shop.example.com");
        assert_eq!(request.send().await.unwrap().status(), status, "{path}");
    }
    assert_eq!(site.stop().await, LEFT_NOTHING);
    // The browser is taken for a bot too: it reads two pages at once, and runs no script.
    let named = |row: &&Value| row["name"] == "Googlebot";
    let bots = until(&system, "traffic bots", |rows| {
        rows.iter().any(|row| named(&row))
    })
    .await;
    let bot = bots.iter().find(named).unwrap();
    let bot =
        json!({"class": bot["class"], "sessions": bot["sessions"], "requests": bot["requests"]});
    let googlebot = json!({"class": "known_bot", "sessions": 1, "requests": 3});
    assert_eq!(bot, googlebot);
    let pages = until(&system, "traffic pages --class all", |rows| rows.len() == 3).await;
    let mut pages: Vec<_> = pages
        .iter()
        .map(|row| {
            (
                row["path"].as_str().unwrap(),
                row["views"].as_i64().unwrap(),
            )
        })
        .collect();
    pages.sort_unstable();
    assert_eq!(pages, [("/", 1), ("/docs/a", 2), ("/docs/b", 1)]);
}

#[tokio::test]
async fn tool_calls_are_told_by_the_command_line() {
    let (system, spool) = (System::with(&[TOKENS]).await, tempfile::tempdir().unwrap());
    let mut server = Service::start("mcp_tools", &base(&system), spool.path(), &[]);
    let (url, client) = (server.url().await, http());
    for (tool, b) in [("add", 2), ("add", 0), ("divide", 4), ("divide", 0)] {
        let message = json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call",
            "params": {"name": tool, "arguments": {"a": 8, "b": b}}});
        let request = client
            .post(format!("{url}/mcp"))
            .header("content-type", "application/json");
        let answer = request.body(message.to_string()).send().await.unwrap();
        let answer: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        assert_eq!(answer["id"], 7, "{answer}");
        assert_eq!(
            answer["result"]["isError"],
            (tool, b) == ("divide", 0),
            "{answer}"
        );
    }
    assert_eq!(server.stop().await, LEFT_NOTHING);
    let tools = until(&system, "tools list", |rows| rows.len() == 2).await;
    let mut tools: Vec<_> = tools
        .iter()
        .map(|row| json!([row["server"], row["tool"], row["executions"], row["failed"]]))
        .collect();
    tools.sort_unstable_by_key(Value::to_string);
    let expected = [
        json!(["calculator", "add", 2, 0]),
        json!(["calculator", "divide", 2, 1]),
    ];
    assert_eq!(tools, expected);
}

#[tokio::test]
async fn calls_to_a_provider_are_told_by_the_command_line() {
    let (system, spool) = (System::with(&[TOKENS]).await, tempfile::tempdir().unwrap());
    let provider = system.upstream.url();
    let to = [("ANTHROPIC_BASE_URL", provider.as_str())];
    let mut service = Service::start("llm_calls", &base(&system), spool.path(), &to);
    let ids = service.ask(3).await;
    assert_eq!(service.finish().await, LEFT_NOTHING);
    let requests = until(&system, "requests list", |rows| rows.len() == 3).await;
    for row in &requests {
        for (field, value) in [
            ("provider", "anthropic"),
            ("api", "messages"),
            ("requested_model", "claude-sonnet-4-5"),
            ("agent", "explainer"),
            ("state", "completed"),
        ] {
            assert_eq!(row[field], value, "{row}");
        }
    }
    let models = rows(&system, "requests models").await;
    assert_eq!(
        (models.len(), &models[0]["requests"]),
        (1, &json!(3)),
        "{models:?}"
    );
    let costs = rows(&system, "costs summary").await;
    // Twelve tokens in and six out for each, at 3 and 15 dollars a million.
    let cost: f64 = costs[0]["cost"]
        .to_string()
        .trim_matches('"')
        .parse()
        .unwrap();
    assert!(
        (cost - 3.0 * (12.0 * 3.0 + 6.0 * 15.0) / 1e6).abs() < 1e-9,
        "{costs:?}"
    );
    assert_eq!(stored(&system).await, ids.into_iter().collect());
}

/// The provider's ids of the stored requests. None is stored twice.
async fn stored(system: &System) -> BTreeSet<String> {
    let ids: Vec<String> = sqlx::query_scalar("select response_id from ai_requests")
        .fetch_all(system.db.pool())
        .await
        .unwrap();
    let set: BTreeSet<String> = ids.iter().cloned().collect();
    assert_eq!(set.len(), ids.len(), "stored twice");
    set
}

/// A place that stays while the server behind it comes and goes.
struct Door {
    url: String,
    behind: Arc<Mutex<Option<std::net::SocketAddr>>>,
}

impl Door {
    async fn open(to: std::net::SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let behind = Arc::new(Mutex::new(Some(to)));
        let to = Arc::clone(&behind);
        tokio::spawn(async move {
            while let Ok((mut here, _)) = listener.accept().await {
                let to = *to.lock().unwrap();
                tokio::spawn(async move {
                    // Nobody behind it: it is closed at once.
                    if let Some(to) = to
                        && let Ok(mut there) = TcpStream::connect(to).await
                    {
                        let _ = copy_bidirectional(&mut here, &mut there).await;
                    }
                });
            }
        });
        Self { url, behind }
    }

    fn lead(&self, to: Option<std::net::SocketAddr>) {
        *self.behind.lock().unwrap() = to;
    }
}

/// How long the server is away: 3 s, or as many as `SYSTEMPROMPT_OUTAGE_SECONDS` says.
fn outage() -> Duration {
    let seconds = std::env::var("SYSTEMPROMPT_OUTAGE_SECONDS").ok();
    Duration::from_secs(seconds.and_then(|text| text.parse().ok()).unwrap_or(3))
}

async fn restart(system: &mut System) {
    let mut command = command(system.storage.path(), &system.upstream.url()).unwrap();
    command.arg("--database-url").arg(system.db.url());
    command.args(["--set", TOKENS]);
    system.server = ServerProcess::spawn(command).await.unwrap();
    system.addr = system.server.addr().unwrap();
}

#[tokio::test]
async fn a_server_that_is_away_and_a_service_that_is_killed_lose_nothing() {
    let (mut system, spool) = (System::with(&[TOKENS]).await, tempfile::tempdir().unwrap());
    let door = Door::open(system.addr).await;
    let provider = system.upstream.url();
    let to = [("ANTHROPIC_BASE_URL", provider.as_str())];
    let start = || Service::start("llm_calls", &door.url, spool.path(), &to);
    let mut service = start();
    let mut ids: BTreeSet<String> = service.ask(20).await.into_iter().collect();

    // Killed while the service reports, it takes with it what it had not answered for.
    ids.extend(service.ask(30).await);
    system.server.kill9().unwrap();
    door.lead(None);
    let gone = Instant::now();
    let away = outage();
    while gone.elapsed() < away / 2 {
        ids.extend(service.ask(10).await);
        tokio::time::sleep(away / 12).await;
    }
    // What a service has seen the end of is with the operating system a moment later,
    // which a killed process cannot take back.
    tokio::time::sleep(Duration::from_millis(100)).await;
    service.kill9();
    let mut service = start();
    while gone.elapsed() < away {
        ids.extend(service.ask(10).await);
        tokio::time::sleep(away / 12).await;
    }
    restart(&mut system).await;
    door.lead(Some(system.addr));
    ids.extend(service.ask(5).await);
    assert_eq!(service.finish().await, LEFT_NOTHING);

    system.count().await.unwrap();
    let stored = stored(&system).await;
    assert_eq!(stored.len(), ids.len());
    assert_eq!(stored, ids);
    let stats = rows(&system, "requests stats").await;
    assert_eq!(stats[0]["requests"], ids.len(), "{stats:?}");
    let checked = systemprompt_storage::check::check(system.db.pool())
        .await
        .unwrap();
    assert_eq!(checked, systemprompt_storage::check::Checked::default());
}
