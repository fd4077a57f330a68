//! Every event of our own in the audit trail, by the act that makes it: each act
//! leaves exactly the events that stand beside it, none of them twice.
//!
//! Events of content and tools come from other services and have tests of their own.
//!
//! Long because the table of all events stands in one place.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use hyper::{Method, StatusCode};
use rustix::process::Signal;
use serde_json::{Value, json};
use systemprompt_cli::{Look, Outside};
use systemprompt_domain::Clock;
use systemprompt_testkit::PATIENCE;
use systemprompt_testkit::db::TestDb;
use systemprompt_testkit::faults::{command, until_stored};
use systemprompt_testkit::process::ServerProcess;
use systemprompt_testkit::upstream::Upstream;
use tempfile::TempDir;

use crate::browser::{Browser, create};
use crate::system::{MESSAGES, System};

const PROFILE: &str = "\
server:
  tokens:
    - {name: gate, token: gate-0123456789abcdef, agents: [pauser], scopes: [gateway]}
    - {name: reader, token: reader-0123456789abcdef, scopes: [read]}
    - {name: page, token: page-0123456789abcdef, scopes: [read]}
    - {name: nobody, token: nobody-0123456789abcdef, scopes: [mcp]}
analytics:
  alerts:
    - {type: daily_cost, threshold: 0.000001, action: pause_requests, scope: {agent: pauser}}
";

const GATE: (&str, &str) = ("x-systemprompt-token", "gate-0123456789abcdef");
const READER: (&str, &str) = ("x-systemprompt-token", "reader-0123456789abcdef");
const PAGE: (&str, &str) = ("x-systemprompt-token", "page-0123456789abcdef");
const NOBODY: (&str, &str) = ("x-systemprompt-token", "nobody-0123456789abcdef");
const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;

/// A system with a profile in a file, and what its trail held so far.
struct Trail {
    system: System,
    folder: TempDir,
    held: BTreeMap<String, i64>,
}

impl Trail {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("profile.yaml"), PROFILE).unwrap();
        let upstream = Upstream::start(None).await.unwrap();
        let (storage, db) = (tempfile::tempdir().unwrap(), TestDb::new().await);
        let server = serve(&storage, &upstream, &db, folder.path()).await;
        let system = System {
            addr: server.addr().unwrap(),
            server,
            upstream,
            db,
            storage,
        };
        let held = BTreeMap::new();
        Self {
            system,
            folder,
            held,
        }
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        // At once, as a server may be reading it.
        let new = self.folder.path().join("new");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(&new, &path).unwrap();
        path
    }

    async fn restart(&mut self) {
        self.system.server.sigterm().unwrap();
        let ended = self.system.server.wait_exit(PATIENCE).await;
        assert!(ended.unwrap().success());
        let system = &self.system;
        let server = serve(
            &system.storage,
            &system.upstream,
            &system.db,
            self.folder.path(),
        );
        self.system.server = server.await;
        self.system.addr = self.system.server.addr().unwrap();
    }

    /// Runs a command line of the operator.
    async fn operator(&self, line: &str) -> Value {
        let profile = self.folder.path().join("profile.yaml");
        let mut words: Vec<OsString> = vec!["systemprompt".into()];
        words.extend(line.split(' ').map(OsString::from));
        words.extend(["--profile".into(), profile.into_os_string()]);
        words.extend(["--database-url".into(), self.system.db.url().into()]);
        let line = line.to_owned();
        let run = move || {
            let (mut out, mut err) = (Vec::new(), Vec::new());
            let mut outside = Outside {
                out: &mut out,
                err: &mut err,
                look: Look::default(),
                live: false,
                clock: Clock::System,
            };
            let code = systemprompt_cli::run(words, &mut outside);
            assert_eq!(code, 0, "{line}: {}", String::from_utf8_lossy(&err));
            serde_json::from_slice(&out).unwrap_or_default()
        };
        tokio::task::spawn_blocking(run).await.unwrap()
    }

    async fn send(&self, headers: &[(&str, &str)], mock: &str) -> StatusCode {
        let mut headers = headers.to_vec();
        headers.push(("x-mock", mock));
        let body = json!({"model": "claude-haiku-4-5", "max_tokens": 100});
        let answer = self.system.post_with(MESSAGES, &headers, &body).await;
        answer.status
    }

    async fn counted(&self) -> BTreeMap<String, i64> {
        let counted: Vec<(String, i64)> = sqlx::query_as(
            "select category || ' ' || event, count(*) from audit_events group by 1",
        )
        .fetch_all(self.system.db.pool())
        .await
        .unwrap();
        counted.into_iter().collect()
    }

    /// The trail has these events more than when it was last looked at, once each,
    /// and nothing else.
    async fn tells(&mut self, act: &str, events: &[&str]) {
        let mut expected = self.held.clone();
        for event in events {
            *expected.entry((*event).to_owned()).or_default() += 1;
        }
        let deadline = Instant::now() + PATIENCE;
        let told = loop {
            until_stored(self.system.addr, PATIENCE).await.unwrap();
            let told = self.counted().await;
            if told == expected || Instant::now() > deadline {
                break told;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        let log = self.system.server.stderr();
        assert_eq!(told, expected, "{act}: {log}");
        self.held = told;
    }
}

async fn serve(
    storage: &TempDir,
    upstream: &Upstream,
    db: &TestDb,
    folder: &Path,
) -> ServerProcess {
    let mut command = command(storage.path(), &upstream.url()).unwrap();
    command.arg("--database-url").arg(db.url());
    command.arg("--profile").arg(folder.join("profile.yaml"));
    ServerProcess::spawn(command).await.unwrap()
}

const CONFIG: &str = "administration config_changed";
const AGENT: &str = "administration agent_modified";
const PRICES: &str = "administration prices_changed";
const ISSUED: &str = "authentication token_issued";
const REVOKED: &str = "authentication token_revoked";
const GRANTED: &str = "authorization scope_granted";
const DENIED: &str = "authorization permission_denied";
const EXPORTED: &str = "data_access data_exported";
const ACCESSED: &str = "data_access file_accessed";
const STARTED: &str = "ai_operations request_started";
const COMPLETED: &str = "ai_operations request_completed";
const FAILED: &str = "ai_operations request_failed";

#[tokio::test]
async fn people_who_sign_in_leave_their_events() {
    let mut trail = Trail::start().await;
    trail.tells("a first start", &[]).await;
    create(trail.system.db.pool(), "ada").await;
    trail
        .tells("a user is made", &["administration user_created", GRANTED])
        .await;
    let mut browser = Browser::new(&trail.system);
    browser.sign_in("ada", "not her password").await;
    trail
        .tells("a wrong password", &["authentication login_failed"])
        .await;
    let browser = Browser::signed_in(&trail.system, "ada").await;
    let cookie = browser.cookie.clone();
    trail
        .tells("a right password", &["authentication login"])
        .await;
    let mut browser = Browser::new(&trail.system);
    browser.cookie.clone_from(&cookie);
    browser.post("/admin/logout", &[]).await;
    trail.tells("a logout", &["authentication logout"]).await;
    let mut browser = Browser::new(&trail.system);
    browser.cookie = cookie;
    browser.post("/admin/logout", &[]).await;
    trail.tells("a logout of nobody", &[]).await;
    let mut browser = Browser::new(&trail.system);
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let foreign = browser.send(Method::POST, "/admin/logout", &form, String::new());
    assert_eq!(foreign.await.status, StatusCode::FORBIDDEN);
    trail.tells("another site's form", &[DENIED]).await;
}

#[tokio::test]
async fn tokens_agents_and_requests_leave_their_events() {
    let mut trail = Trail::start().await;
    trail.operator("admin agent create scout --json").await;
    trail.tells("an agent is made known", &[AGENT]).await;
    trail
        .operator("admin agent set scout --disable --json")
        .await;
    trail.tells("an agent is disabled", &[AGENT]).await;
    trail
        .operator("admin agent set scout --enable --json")
        .await;
    trail.tells("an agent is enabled", &[AGENT]).await;
    let line = "admin token create scout --kind agt --agent scout --json";
    trail.operator(line).await;
    trail
        .tells("a token for an agent", &[ISSUED, GRANTED, AGENT])
        .await;
    trail
        .operator("admin token create alice --kind gw --json")
        .await;
    trail.tells("a token", &[ISSUED, GRANTED]).await;
    trail.operator("admin token revoke alice --json").await;
    trail.tells("a token is revoked", &[REVOKED]).await;
    trail.operator("admin agent delete scout --json").await;
    trail
        .tells("an agent with a token is deleted", &[REVOKED, AGENT, AGENT])
        .await;

    assert_eq!(trail.send(&[GATE], "").await, StatusCode::OK);
    trail.tells("a request", &[STARTED, COMPLETED]).await;
    trail.send(&[GATE], "status=500").await;
    trail
        .tells("a request that fails", &[STARTED, FAILED])
        .await;
    assert_eq!(trail.send(&[], "").await, StatusCode::UNAUTHORIZED);
    trail.tells("a request of nobody", &[DENIED]).await;
    assert_eq!(trail.send(&[READER], "").await, StatusCode::FORBIDDEN);
    trail.tells("a token without the scope", &[DENIED]).await;
    for (act, token, origin) in [
        ("a token without that scope", GATE, None),
        ("a token that names no agent", NOBODY, None),
        ("a page of another site", PAGE, Some("https://evil.example")),
    ] {
        let mut headers = vec![token];
        headers.extend(origin.map(|origin| ("origin", origin)));
        let request = trail.system.request(Method::POST, "/mcp", &headers, PING);
        let answer = trail.system.client().send(request).await.unwrap();
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{act}");
        trail.tells(act, &[DENIED]).await;
    }

    let pauser = [GATE, ("x-systemprompt-agent", "pauser")];
    let refused = trail.send(&pauser, "").await;
    assert_eq!(refused, StatusCode::TOO_MANY_REQUESTS);
    let paused = "ai_operations requests_paused";
    trail
        .tells("a budget that is too small", &[paused, FAILED])
        .await;
    trail
        .operator("alerts resume daily_cost-agent-pauser --json")
        .await;
    trail
        .tells("a limit is lifted", &["ai_operations requests_resumed"])
        .await;
}

#[tokio::test]
async fn prices_upkeep_and_exports_leave_their_events() {
    let mut trail = Trail::start().await;
    assert_eq!(trail.send(&[GATE], "").await, StatusCode::OK);
    trail.tells("a request", &[STARTED, COMPLETED]).await;
    let prices = trail.file(
        "prices.yaml",
        "providers:
  anthropic: {models: [{model: claude-haiku-4-5, source: single 2026-11-24, versions: [
    {rates: {input: 2, output: 10}}]}]}",
    );
    let prices = prices.display().to_string();
    trail
        .operator(&format!("pricing import {prices} --dry-run --json"))
        .await;
    trail.tells("prices are looked at", &[]).await;
    trail
        .operator(&format!("pricing import {prices} --json"))
        .await;
    trail.tells("prices are imported", &[PRICES]).await;
    trail.operator("pricing recompute --since 2h --json").await;
    trail
        .tells(
            "history is priced again",
            &["administration costs_recomputed"],
        )
        .await;
    sqlx::query(
        "create table ai_requests_20200101 partition of ai_requests \
         for values from ('2020-01-01 00:00+00') to ('2020-01-02 00:00+00')",
    )
    .execute(trail.system.db.pool())
    .await
    .unwrap();
    trail.operator("infra db retention --json").await;
    trail
        .tells("a day is removed", &["administration retention_applied"])
        .await;

    let acted: Vec<String> = sqlx::query_scalar(
        "select coalesce(user_id, '') from audit_trail \
         where event in ('prices_changed', 'costs_recomputed', 'retention_applied') order by seq",
    )
    .fetch_all(trail.system.db.pool())
    .await
    .unwrap();
    assert_eq!(acted.len(), 3);
    // The account that runs these tests.
    assert!(acted.iter().all(|by| by.starts_with("cli:")), "{acted:?}");

    let file = |name: &str| trail.folder.path().join(name).display().to_string();
    let [users, list, by_user, summary, logs] = [
        "users.csv",
        "list.json",
        "by.jsonl",
        "summary.csv",
        "logs.jsonl",
    ]
    .map(file);
    for (line, events) in [
        (format!("analytics activity users --export {users}"), 1),
        (format!("analytics requests list --export {list}"), 1),
        (
            format!("analytics costs breakdown --by user --export {by_user}"),
            1,
        ),
        (format!("infra logs export {logs}"), 1),
        ("infra logs export".to_owned(), 1),
        (format!("analytics costs summary --export {summary}"), 0),
        (
            format!("analytics costs breakdown --by model --export {summary}"),
            0,
        ),
        ("analytics requests list --json".to_owned(), 0),
    ] {
        trail.operator(&line).await;
        trail.tells(&line, &[EXPORTED; 1][..events]).await;
    }
    let told: Vec<(String, Value)> = sqlx::query_as(
        "select split_part(user_id, ':', 1), detail from audit_trail \
         where event = 'data_exported' order by seq limit 2",
    )
    .fetch_all(trail.system.db.pool())
    .await
    .unwrap();
    assert_eq!(
        told,
        [
            (
                "cli".to_owned(),
                json!({"of": "activity users", "format": "csv", "rows": 0})
            ),
            (
                "cli".to_owned(),
                json!({"of": "requests list", "format": "json", "rows": 1})
            ),
        ]
    );
}

#[tokio::test]
async fn reports_that_are_read_leave_their_events() {
    let mut trail = Trail::start().await;
    create(trail.system.db.pool(), "ada").await;
    trail
        .tells("a user is made", &["administration user_created", GRANTED])
        .await;
    let browser = Browser::signed_in(&trail.system, "ada").await;
    let cookie = browser.cookie.clone();
    trail
        .tells("a right password", &["authentication login"])
        .await;
    let folder = trail.system.storage.path().join("files/reports");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("traffic-2026-11-28.md"), "# Traffic\n").unwrap();
    std::fs::write(folder.join("secret.yaml"), "no report\n").unwrap();
    std::os::unix::fs::symlink("../../keys/audit", folder.join("link.md")).unwrap();

    let report = "/api/v1/files/reports/traffic-2026-11-28.md";
    let request = trail.system.request(Method::GET, report, &[READER], "");
    let answer = trail.system.client().send(request).await.unwrap();
    assert_eq!(
        (answer.status, answer.text().as_str()),
        (StatusCode::OK, "# Traffic\n")
    );
    assert_eq!(
        answer.header("content-type"),
        "text/markdown; charset=utf-8"
    );
    assert!(
        answer
            .header("content-disposition")
            .starts_with("attachment")
    );
    trail.tells("a report, by a token", &[ACCESSED]).await;

    let mut browser = Browser::new(&trail.system);
    browser.cookie.clone_from(&cookie);
    let answer = browser.send(Method::GET, report, &[], String::new()).await;
    assert_eq!(answer.status, StatusCode::OK);
    trail.tells("a report, by a person", &[ACCESSED]).await;

    std::fs::write(folder.join("traffic-2026-11-28.html"), "<p>Traffic</p>").unwrap();
    for (page, read) in [
        ("/admin/reports", false),
        ("/admin/reports/traffic-2026-11-28", true),
        ("/admin/reports/2026-11-28.md", true),
    ] {
        let mut browser = Browser::new(&trail.system);
        browser.cookie.clone_from(&cookie);
        assert_eq!(browser.get(page).await.status, StatusCode::OK, "{page}");
        trail.tells(page, &[ACCESSED; 1][..usize::from(read)]).await;
    }
    let mut stranger = Browser::new(&trail.system);
    let page = stranger.get("/admin/reports/2026-11-28.md").await;
    assert_eq!(page.status, StatusCode::SEE_OTHER);
    trail.tells("nobody is signed in", &[]).await;

    for (name, status) in [
        ("traffic-2026-11-27.md", StatusCode::NOT_FOUND),
        ("secret.yaml", StatusCode::NOT_FOUND),
        ("link.md", StatusCode::NOT_FOUND),
        ("..%2f..%2fkeys%2faudit", StatusCode::NOT_FOUND),
        ("%2e%2e%2f%2e%2e%2fprofile.md", StatusCode::NOT_FOUND),
    ] {
        let path = format!("/api/v1/files/reports/{name}");
        let request = trail.system.request(Method::GET, &path, &[READER], "");
        let answer = trail.system.client().send(request).await.unwrap();
        assert_eq!(answer.status, status, "{name}");
    }
    trail.tells("what is no report", &[]).await;
    let who: Vec<(Option<String>, Option<String>, Value)> = sqlx::query_as(
        "select user_id, token, detail from audit_trail where event = 'file_accessed' order by seq",
    )
    .fetch_all(trail.system.db.pool())
    .await
    .unwrap();
    let detail = json!({"file": "reports/traffic-2026-11-28.md", "bytes": 10});
    assert_eq!(
        who,
        [
            (None, Some("reader".to_owned()), detail.clone()),
            (Some("ada".to_owned()), None, detail.clone()),
            (
                Some("ada".to_owned()),
                None,
                json!({"file": "reports/traffic-2026-11-28.html", "bytes": 14})
            ),
            (Some("ada".to_owned()), None, detail),
        ]
    );
}

#[tokio::test]
async fn answers_that_are_taken_as_files_leave_their_events() {
    let mut trail = Trail::start().await;
    create(trail.system.db.pool(), "ada").await;
    trail
        .tells("a user is made", &["administration user_created", GRANTED])
        .await;
    let cookie = Browser::signed_in(&trail.system, "ada").await.cookie;
    trail
        .tells("a right password", &["authentication login"])
        .await;
    let mut files = Vec::new();
    for (asked, events) in [
        ("costs/summary", &[][..]),
        ("requests/list", &[]),
        ("costs/summary.csv", &[ACCESSED]),
        ("costs/breakdown.json?by=model", &[ACCESSED]),
        ("costs/breakdown.json?by=user", &[EXPORTED, ACCESSED]),
        ("requests/list.csv", &[EXPORTED, ACCESSED]),
    ] {
        let path = format!("/api/v1/analytics/{asked}");
        for by_token in [true, false] {
            let answer = if by_token {
                let request = trail.system.request(Method::GET, &path, &[READER], "");
                trail.system.client().send(request).await.unwrap()
            } else {
                let mut browser = Browser::new(&trail.system);
                browser.cookie.clone_from(&cookie);
                browser.get(&path).await
            };
            assert_eq!(answer.status, StatusCode::OK, "{asked}: {}", answer.text());
            trail.tells(asked, events).await;
            if !events.is_empty() {
                files.push((by_token, answer.text().len()));
            }
        }
    }
    let request = "/api/v1/analytics/costs/summary.csv?since=never";
    let request = trail.system.request(Method::GET, request, &[READER], "");
    let answer = trail.system.client().send(request).await.unwrap();
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    trail.tells("what is no file", &[]).await;

    let told: Vec<(Option<String>, Option<String>, Value)> = sqlx::query_as(
        "select user_id, token, detail from audit_trail where event = 'file_accessed' order by seq",
    )
    .fetch_all(trail.system.db.pool())
    .await
    .unwrap();
    let names = [
        "costs-summary.csv",
        "costs-breakdown.json",
        "costs-breakdown.json",
        "requests-list.csv",
    ];
    let names = names.iter().flat_map(|name| [name, name]);
    let expected: Vec<_> = names
        .zip(files)
        .map(|(name, (by_token, bytes))| {
            let detail = json!({"file": format!("analytics/{name}"), "bytes": bytes});
            match by_token {
                true => (None, Some("reader".to_owned()), detail),
                false => (Some("ada".to_owned()), None, detail),
            }
        })
        .collect();
    assert_eq!(told, expected);
    let exported: Vec<Value> = sqlx::query_scalar(
        "select detail from audit_trail where event = 'data_exported' and user_id = 'ada' order by seq",
    )
    .fetch_all(trail.system.db.pool())
    .await
    .unwrap();
    assert_eq!(
        exported,
        [
            json!({"of": "costs breakdown", "format": "json", "rows": 0}),
            json!({"of": "requests list", "format": "csv", "rows": 0}),
        ]
    );
}

#[tokio::test]
async fn another_profile_leaves_its_events() {
    let mut trail = Trail::start().await;
    trail.restart().await;
    trail.tells("the same profile", &[]).await;

    let secret = "gate-fedcba9876543210";
    trail.file(
        "profile.yaml",
        &PROFILE.replace("gate-0123456789abcdef", secret),
    );
    trail.restart().await;
    trail.tells("another secret", &[CONFIG]).await;
    let last = "select detail from audit_events where event = 'config_changed' \
                order by seq desc limit 1";
    let keys = async |trail: &Trail| -> Value {
        let told = sqlx::query_scalar(last).fetch_one(trail.system.db.pool());
        told.await.unwrap()
    };
    assert_eq!(
        keys(&trail).await,
        json!({"keys": ["server.tokens.gate.token"], "seen": "start"})
    );

    let with = |more: &str| {
        format!("{PROFILE}  costs: {{custom_pricing: {{mine: {{input_per_1k: {more}, output_per_1k: 1}}}}}}\n")
            .replace("gate-0123456789abcdef", secret)
    };
    trail.file("profile.yaml", &with("1"));
    trail.system.server.signal(Signal::HUP).unwrap();
    trail.tells("another price", &[CONFIG, PRICES]).await;
    trail.system.server.signal(Signal::HUP).unwrap();
    trail.tells("nothing new", &[]).await;
    trail.file(
        "profile.yaml",
        &with("1").replace("threshold: 0.000001", "threshold: 0.5"),
    );
    trail.system.server.signal(Signal::HUP).unwrap();
    trail.tells("another budget", &[CONFIG, AGENT]).await;
    assert_eq!(
        keys(&trail).await,
        json!({
            "keys": ["analytics.alerts.daily_cost-agent-pauser.threshold"], "seen": "reload"
        })
    );
    // Not put in force by a reload: seen at the next start.
    trail.file(
        "profile.yaml",
        &with("1")
            .replace("threshold: 0.000001", "threshold: 0.5")
            .replace("analytics:", "analytics:\n  retention_days: 30"),
    );
    trail.system.server.signal(Signal::HUP).unwrap();
    trail.tells("what needs a restart", &[]).await;
    trail.restart().await;
    trail.tells("the restart", &[CONFIG]).await;
    let kept: Vec<String> = sqlx::query_scalar("select s::text from server_settings s")
        .fetch_all(trail.system.db.pool())
        .await
        .unwrap();
    assert!(kept.iter().all(|row| !row.contains(secret)), "{kept:?}");
}
