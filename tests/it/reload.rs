//! The profile read again while the server runs: SIGHUP, all or nothing; and
//! providers' keys that are rotated in their files.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use hyper::StatusCode;
use rustix::process::Signal;
use serde_json::json;
use systemprompt_testkit::PATIENCE;
use systemprompt_testkit::client::Answer;
use systemprompt_testkit::db::TestDb;
use systemprompt_testkit::faults::bare_command;
use systemprompt_testkit::process::{ServerProcess, cli};
use systemprompt_testkit::upstream::Upstream;
use tempfile::TempDir;

use crate::system::{MESSAGES, System};

/// A server whose profile lies in a file.
struct Running {
    system: System,
    folder: TempDir,
}

impl Running {
    /// `more` is put below what every profile here has.
    async fn start(more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("key"), "key-of-the-first-day").unwrap();
        let upstream = Upstream::start(None).await.unwrap();
        let (storage, db) = (tempfile::tempdir().unwrap(), TestDb::new().await);
        let file = folder.path().join("profile.yaml");
        let mut command = bare_command().unwrap();
        command.args(["--listen", "127.0.0.1:0", "--database-url", &db.url()]);
        command.arg("--storage").arg(storage.path());
        command.arg("--profile").arg(&file);
        let text = profile(&upstream, &folder.path().join("key"), more);
        std::fs::write(&file, text).unwrap();
        let server = ServerProcess::spawn(command).await.unwrap();
        let system = System {
            addr: server.addr().unwrap(),
            server,
            upstream,
            db,
            storage,
        };
        Self { system, folder }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file at once, as the server may be reading it.
    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.file("new"), text).unwrap();
        std::fs::rename(self.file("new"), self.file(name)).unwrap();
    }

    /// Writes another profile and tells the server.
    fn reload(&self, more: &str) {
        let text = profile(&self.system.upstream, &self.file("key"), more);
        self.reload_text(&text);
    }

    fn reload_text(&self, text: &str) {
        self.write("profile.yaml", text);
        self.system.server.signal(Signal::HUP).unwrap();
    }

    /// Waits until the log has so many lines with this text.
    async fn says(&self, text: &str, times: usize) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let said = self.system.server.stderr();
            if said.matches(text).count() == times {
                return;
            }
            assert!(Instant::now() < deadline, "{times} times {text:?}: {said}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn ask(&self, path: &str, agent: &str) -> Answer {
        let body = json!({"model": "claude-haiku-4-5", "max_tokens": 100});
        let headers = [
            ("x-systemprompt-agent", agent),
            ("x-mock", "in=1000,out=100"),
        ];
        self.system.post_with(path, &headers, &body).await
    }

    /// The key that the provider was sent last.
    fn key(&self) -> String {
        let call = self.system.upstream.calls().pop().unwrap();
        call.headers["x-api-key"].to_str().unwrap().to_owned()
    }
}

fn profile(upstream: &Upstream, key: &std::path::Path, more: &str) -> String {
    let (url, key) = (upstream.url(), key.display());
    format!(
        "providers:\n  anthropic: {{base_url: '{url}', credentials: {{file: '{key}'}}}}\n  \
         other: {{wire: anthropic, base_url: '{url}', credentials: passthrough}}\n{more}"
    )
}

fn budget(threshold: &str) -> String {
    format!(
        "analytics:\n  alerts: [{{type: daily_cost, threshold: {threshold}, action: pause_requests, scope: {{agent: scout}}}}]\n"
    )
}

const IN_FORCE: &str = "the profile was read again and is in force";

#[tokio::test]
async fn budgets_prices_and_providers_follow_the_profile() {
    let running = Running::start("").await;
    assert_eq!(running.ask(MESSAGES, "scout").await.status, StatusCode::OK);
    let nowhere = "/new/v1/messages";
    let missing = running.ask(nowhere, "scout").await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);

    let new = "  new: {wire: anthropic, base_url: 'URL', credentials: passthrough}\n";
    let new = new.replace("URL", &running.system.upstream.url());
    running.reload(&(new.clone() + &budget("0.000001")));
    running.says(IN_FORCE, 1).await;
    let paused = running.ask(MESSAGES, "scout").await;
    assert_eq!(paused.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(running.ask(nowhere, "writer").await.status, StatusCode::OK);

    // A limit that is raised lets requests through, and what was spent still counts.
    running.reload(&(new.clone() + &budget("0.01")));
    running.says(IN_FORCE, 2).await;
    let mut let_through = 0;
    while running.ask(MESSAGES, "scout").await.status == StatusCode::OK {
        let_through += 1;
        assert!(let_through < 20, "0.0015 each, of 0.01");
    }
    assert!(let_through >= 4, "{let_through}");
    assert!(running.system.count().await.is_ok());
    let differences = systemprompt_storage::check::check(running.system.db.pool());
    assert_eq!(differences.await.unwrap().differences, []);

    // No budget, and another price.
    let prices = "analytics:\n  costs: {custom_pricing: {claude-haiku-4-5: {input_per_1k: 1, output_per_1k: 10}}}\n";
    running.reload(prices);
    running.says(IN_FORCE, 3).await;
    let answer = running.ask(MESSAGES, "scout").await;
    let row = running.system.row(&answer).await;
    assert_eq!(row.number("cost_nanos"), Some(2_000_000_000));
    assert_eq!(
        running.ask(nowhere, "scout").await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn a_profile_that_cannot_be_used_changes_nothing() {
    let running = Running::start("").await;
    let good = std::fs::read_to_string(running.file("profile.yaml")).unwrap();
    for (n, (text, why)) in [
        (
            "providers: {anthropic: {wire: smoke}}\n".to_owned(),
            "providers.anthropic.wire",
        ),
        (
            good.clone() + "analytics: {alerts: [{type: daily_cost}]}\n",
            "analytics.alerts",
        ),
        (good.replace("other:", "Other:"), "providers.Other"),
        ("][".to_owned(), "profile.yaml"),
        (
            good.clone() + "notifications: {slack: {webhook_url: nonsense}}\n",
            "notifications.slack",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        running.reload_text(&text);
        running.says("nothing was changed", n + 1).await;
        let said = running.system.server.stderr();
        let line = said
            .lines()
            .rev()
            .find(|line| line.contains("cannot be used"));
        assert!(line.is_some_and(|line| line.contains(why)), "{why}: {said}");
        assert_eq!(running.ask(MESSAGES, "scout").await.status, StatusCode::OK);
        let other = running.ask("/other/v1/messages", "scout").await;
        assert_eq!(other.status, StatusCode::OK);
    }
    // What cannot change now is named, and the rest is in force.
    running.reload_text(&(good + "limits: {stop_timeout: 3s}\n" + &budget("0.000001")));
    running.says(IN_FORCE, 1).await;
    running.says("need a restart", 1).await;
    let said = running.system.server.stderr();
    let line = said.lines().find(|line| line.contains("need a restart"));
    assert!(line.unwrap().contains("limits.stop_timeout"), "{said}");
    let paused = running.ask(MESSAGES, "scout").await;
    assert_eq!(paused.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn a_key_is_rotated_in_its_file() {
    let running = Running::start("").await;
    running.ask(MESSAGES, "scout").await;
    assert_eq!(running.key(), "key-of-the-first-day");
    running.write("key", "key-of-the-next-day\n");
    running.says("another key was read", 1).await;
    running.ask(MESSAGES, "scout").await;
    assert_eq!(running.key(), "key-of-the-next-day");
    // A file that is empty for a moment, or gone, takes no key away.
    running.write("key", "");
    running.says("the key stays the one it was", 1).await;
    std::fs::remove_file(running.file("key")).unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    running.says("the key stays the one it was", 1).await;
    running.ask(MESSAGES, "scout").await;
    assert_eq!(running.key(), "key-of-the-next-day");
    assert!(!running.system.server.stderr().contains("key-of-the"));
    let told: Vec<serde_json::Value> = sqlx::query_scalar(
        "select detail from audit_events where event = 'config_changed' order by seq",
    )
    .fetch_all(running.system.db.pool())
    .await
    .unwrap();
    let rotated = json!({"keys": ["providers.anthropic.credentials.key"], "seen": "reload"});
    assert_eq!(told, [rotated]);
}

#[test]
fn the_check_says_what_needs_a_restart() {
    let output = cli(["config", "check"]).unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let line = "A running server takes over providers, analytics.alerts, \
                analytics.costs.custom_pricing, notifications, services/web when it is sent \
                SIGHUP; all else needs a restart.";
    assert!(said.contains(line), "{said}");
}
