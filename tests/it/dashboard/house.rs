//! A house where known things happened, some of them to people with hostile names.

use std::time::{Duration, Instant};

use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use systemprompt_storage::users::{self, NewUser, Password, Role};
use systemprompt_testkit::PATIENCE;
use systemprompt_testkit::process::cli;
use time::OffsetDateTime;
use uuid::Uuid;

use super::driver::Driver;
use crate::browser::{PASSWORD, PROXY, name};
use crate::system::{CHAT, MESSAGES, System};

/// Names that would act if a page let them.
pub(super) const HOSTILE: [&str; 4] = [
    "<img src=x onerror=window.acted=1>",
    "\"onmouseover=window.acted=1 x=\"",
    "</title><script>window.acted=1</script>",
    "../../etc?x=1&y=2#z",
];

pub(super) const ALERTS: &str = "analytics.alerts=[\
    {name: all-daily, type: daily_cost, threshold: 1.00, action: pause_requests, notify_at: [0.1, 1.0]},\
    {name: scout-monthly, type: monthly_cost, threshold: 50.00, action: pause_requests, scope: {agent: scout}}]";

const SITES: &str = "web.sites=[example.com]";
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";
const GPTBOT: &str = "Mozilla/5.0 (compatible; GPTBot/1.2; +https://openai.com/gptbot)";

/// What requests and reports are sent with.
const TOKEN: (&str, &str) = ("x-systemprompt-token", "house-0123456789abcdef");

/// A token that may act for every agent of the house.
fn tokens() -> String {
    // JSON's lists are YAML's as well.
    let agents = json!(["scout", "clerk", HOSTILE[0], HOSTILE[1], HOSTILE[3]]);
    format!(
        "server.tokens=[{{name: house, token: house-0123456789abcdef, \
         scopes: [gateway, ingest], agents: {agents}}}]"
    )
}

pub(super) struct House {
    pub(super) system: System,
}

impl House {
    /// Requests, errors, activity, tool calls, visits and audit events, all stored.
    pub(super) async fn furnished() -> Self {
        let system = System::with(&[ALERTS, SITES, PROXY, &tokens()]).await;
        let house = Self { system };
        let agents = ["scout", "clerk", HOSTILE[0], HOSTILE[1], HOSTILE[3]];
        for (n, agent) in agents.iter().enumerate() {
            for turn in 0..3 {
                house
                    .asks(agent, &format!("c-{n}"), 1_000 + 100 * n + turn, "")
                    .await;
            }
        }
        house.asks("scout", "c-0", 10, "status=529").await;
        house.asks("clerk", "c-1", 10, "status=429").await;
        // A model without a price, with a hostile name.
        let body = json!({"model": HOSTILE[2], "messages": []});
        let headers = [
            TOKEN,
            ("x-systemprompt-agent", "clerk"),
            ("x-mock", "in=7,out=3"),
        ];
        house.system.post_with(CHAT, &headers, &body).await;
        house.does().await;
        house.calls_tools().await;
        house.is_visited().await;
        assert!(house.system.count().await.unwrap() >= 18);
        house.joins("ada", Role::Admin).await;
        house
    }

    pub(super) async fn joins(&self, user: &str, role: Role) {
        let name = name(user);
        let hash = Password::new(PASSWORD.to_owned(), &name).unwrap().hash();
        let new = NewUser {
            name: &name,
            role,
            password_hash: Some(&hash),
        };
        let now = OffsetDateTime::now_utc();
        users::create(self.system.db.pool(), new, "test", now)
            .await
            .unwrap();
    }

    /// One request.
    pub(super) async fn asks(&self, agent: &str, conversation: &str, input: usize, mock: &str) {
        let mock = match mock {
            "" => format!("in={input},out=50"),
            mock => mock.to_owned(),
        };
        let headers = [
            TOKEN,
            ("x-systemprompt-agent", agent),
            ("x-systemprompt-conversation", conversation),
            ("x-mock", mock.as_str()),
        ];
        let body = json!({
            "model": "claude-haiku-4-5", "max_tokens": 64, "metadata": {"user_id": "ada"},
            "messages": [{"role": "user", "content": "Hello"}],
        });
        self.system.post_with(MESSAGES, &headers, &body).await;
    }

    /// What users did, as other services report it.
    async fn does(&self) {
        let mut events = Vec::new();
        for n in 0..12 {
            let user = [HOSTILE[2], "ada", "bob"][n % 3];
            let category = ["prompt", "tool_usage", "skill_usage", "login"][n % 4];
            events.push(json!({
                "type": "activity", "id": Uuid::now_v7(), "category": category, "action": "executed",
                "entity_type": "tool", "entity_name": HOSTILE[n % 4], "user": user,
            }));
        }
        events.push(json!({
            "type": "audit", "id": Uuid::now_v7(), "category": "mcp_tools", "event": "tool_executed",
            "user": HOSTILE[0], "detail": {"tool": HOSTILE[1]},
        }));
        assert_eq!(self.reports(events).await["stored"], 13);
    }

    /// Reports events; says what became of them.
    async fn reports(&self, events: Vec<Value>) -> Value {
        let headers = [TOKEN, ("content-type", "application/json")];
        let body = Value::Array(events).to_string();
        let request = self
            .system
            .request(Method::POST, "/api/v1/events", &headers, body);
        let answer = self.system.client().send(request).await.unwrap();
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        answer.json()
    }

    /// Tools that agents called, and how it went.
    async fn calls_tools(&self) {
        let mut events: Vec<Value> = ["search", "fetch", HOSTILE[0], HOSTILE[3]]
            .iter()
            .enumerate()
            .flat_map(|(n, tool)| {
                (0..4 + n).map(move |call| {
                    let user = ["ada", HOSTILE[2]][call % 2];
                    let status = ["success", "success", "failed", "timeout"][(n + call) % 4];
                    json!({
                        "type": "tool_call", "id": Uuid::now_v7(), "server": "library", "tool": tool,
                        "status": status, "latency_us": 1_500 * (1 + call) * (1 + n), "agent": "scout",
                        "user": user,
                    })
                })
            })
            .collect();
        events.push(json!({
            "type": "tool_list", "server": "library",
            "tools": [{"name": "search", "hash": "a".repeat(64)}, {"name": "fetch", "hash": "b".repeat(64)}],
        }));
        let count = events.len();
        assert_eq!(self.reports(events).await["stored"], count);
    }

    /// A page that somebody looks at, from a network of theirs.
    async fn shows(&self, network: usize, agent: &str, body: Value) {
        let from = format!("91.198.{network}.7");
        let headers = [
            ("user-agent", agent),
            ("origin", "https://example.com"),
            ("accept", "*/*"),
            ("accept-language", "de"),
            ("accept-encoding", "gzip, br"),
            ("x-forwarded-for", from.as_str()),
            ("cf-ipcountry", ["DE", "US", "FR"][network % 3]),
        ];
        let request = self
            .system
            .request(Method::POST, "/api/collect", &headers, body.to_string());
        let answer = self.system.client().send(request).await.unwrap();
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text());
    }

    /// People who read, a bot, a crawler, and pages with hostile names that are content.
    async fn is_visited(&self) {
        let url = |path: &str| format!("https://example.com{path}");
        let hostile = "/blog/%3Cimg%20src=x%20onerror=window.acted=1%3E";
        let pages = ["/", "/blog/a", hostile, "/docs/install"];
        let items: Vec<Value> = pages[1..]
            .iter()
            .zip(HOSTILE)
            .map(|(path, title)| json!({"url": url(path), "title": title, "kind": "article"}))
            .collect();
        let headers = [TOKEN, ("content-type", "application/json")];
        let body = Value::Array(items).to_string();
        let request = self
            .system
            .request(Method::POST, "/api/v1/content", &headers, body);
        let answer = self.system.client().send(request).await.unwrap();
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        let referrers = [
            "https://chatgpt.com/",
            "https://www.google.com/",
            "",
            "https://evil.example/<b>",
        ];
        for n in 0..8 {
            let (first, second) = (pages[n % 4], pages[(n + 1) % 4]);
            let view = |part: usize| format!("view-{n}-{part}-0000000");
            let mut beacons = vec![
                json!({"p": view(0), "n": 0, "u": url(first), "t": HOSTILE[n % 4], "r": referrers[n % 4],
                       "s": "1440x900", "l": "de-DE"}),
                json!({"p": view(0), "n": 1, "u": url(first), "e": 9_000 + 1_000 * n, "d": 40 + 5 * n, "c": n % 3}),
            ];
            if n % 2 == 0 {
                beacons.push(
                    json!({"p": view(1), "n": 0, "u": url(second), "t": "Second", "r": url(first)}),
                );
                beacons.push(
                    json!({"p": view(1), "n": 1, "u": url(second), "e": 4_000, "d": 90, "c": 1}),
                );
            }
            self.shows(n + 1, FIREFOX, Value::Array(beacons)).await;
        }
        for (n, agent) in [GPTBOT, "curl/8.5", GPTBOT].into_iter().enumerate() {
            let seen = json!({"p": format!("view-bot-{n}-0000000"), "n": 0, "u": url("/blog/a"), "t": "A", "r": ""});
            self.shows(20 + n, agent, seen).await;
        }
        let deadline = Instant::now() + PATIENCE;
        let sessions = "select count(*) from open_sessions";
        while self.system.scalar(sessions).await.unwrap() < 11 {
            assert!(Instant::now() < deadline, "{}", self.system.server.stderr());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// A browser that is signed in.
    pub(super) async fn browser(&self) -> Driver {
        let driver = Driver::start(self.system.server.url()).await;
        driver.sign_in("ada", PASSWORD).await;
        driver
    }

    /// What the command line says.
    pub(super) fn says(&self, question: &str, query: &str) -> Value {
        let url = self.system.db.url();
        let mut line: Vec<String> = vec!["analytics".to_owned()];
        line.extend(question.split(' ').map(str::to_owned));
        for (key, value) in url_pairs(query) {
            match (question.ends_with(" show"), &*key) {
                (true, "id" | "name" | "content") => line.push(value),
                (_, "without_exits") => line.push("--without-exits".to_owned()),
                _ => line.extend([format!("--{}={value}", key.replace('_', "-"))]),
            }
        }
        line.extend(["--json", "--database-url", &*url, "--set", ALERTS].map(str::to_owned));
        let output = cli(&line).unwrap();
        assert!(output.status.success(), "{line:?}: {output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Waits until nothing is under way.
    pub(super) async fn settles(&self) {
        self.system.count().await.unwrap();
        tokio::time::sleep(Duration::from_millis(1_300)).await;
    }
}

/// The pairs of a query string.
fn url_pairs(query: &str) -> Vec<(String, String)> {
    let decode = |text: &str| {
        let bytes = text.replace('+', " ").into_bytes();
        let mut out = Vec::new();
        let mut i = 0;
        while i < bytes.len() {
            let hex =
                (bytes[i] == b'%').then(|| std::str::from_utf8(&bytes[i + 1..i + 3]).unwrap());
            match hex {
                Some(hex) => {
                    out.push(u8::from_str_radix(hex, 16).unwrap());
                    i += 3;
                }
                None => {
                    out.push(bytes[i]);
                    i += 1;
                }
            }
        }
        String::from_utf8(out).unwrap()
    };
    let pair = |pair: &str| {
        let (key, value) = pair.split_once('=').unwrap();
        (decode(key), decode(value))
    };
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(pair)
        .collect()
}
