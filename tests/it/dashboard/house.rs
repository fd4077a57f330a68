//! A house where known things happened, some of them to people with hostile names.

use std::time::Duration;

use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use systemprompt_storage::users::{self, NewUser, Password, Role};
use systemprompt_testkit::process::cli;
use time::OffsetDateTime;
use uuid::Uuid;

use super::driver::Driver;
use crate::browser::{PASSWORD, name};
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
    /// Requests, errors, activity and audit events, all stored.
    pub(super) async fn furnished() -> Self {
        let system = System::with(&[ALERTS, &tokens()]).await;
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
        assert!(house.system.count().await.unwrap() >= 18);
        house.joins("ada", Role::Admin).await;
        house
    }

    async fn joins(&self, user: &str, role: Role) {
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
        let body = Value::Array(events).to_string();
        let headers = [TOKEN, ("content-type", "application/json")];
        let request = self
            .system
            .request(Method::POST, "/api/v1/events", &headers, body);
        let answer = self.system.client().send(request).await.unwrap();
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        assert_eq!(answer.json()["stored"], 13, "{}", answer.text());
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
                (true, "id" | "name") => line.push(value),
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
