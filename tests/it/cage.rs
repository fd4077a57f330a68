//! A system that holds secrets of every kind and keeps all that it says, to look
//! for them in it.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use hyper::Method;
use serde_json::{Value, json};
use systemprompt_domain::TokenKind;
use systemprompt_reporting::QUERIES;
use systemprompt_storage::agents;
use systemprompt_storage::tokens::{NewToken, create};
use systemprompt_testkit::client::Answer;
use systemprompt_testkit::db::TestDb;
use systemprompt_testkit::faults::command;
use systemprompt_testkit::process::{ServerProcess, cli_bin};
use systemprompt_testkit::upstream::Upstream;
use tempfile::TempDir;
use time::OffsetDateTime;

use crate::leaks::{Places, in_database, in_files};
use crate::system::System;

pub(crate) const PROMPT: &str = "canary-prompt-5d1c";
pub(crate) const COMPLETION: &str = "canary-completion-5d1c";
/// A client's own key, and one that the gateway holds.
pub(crate) const KEY: &str = "sk-canary-client-5d1c";
pub(crate) const MANAGED: &str = "sk-canary-managed-5d1c";
pub(crate) const PROFILE_TOKEN: &str = "canary-profile-token-5d1c";
pub(crate) const PASSWORD: &str = "canary horse battery 5d1c";
pub(crate) const WEBHOOK: &str = "canary-webhook-5d1c";
pub(crate) const SMTP: &str = "canary-smtp-5d1c";
/// An address that nobody gave as a name, and one that somebody did.
pub(crate) const STRAY: &str = "canary.stray.5d1c@example.com";
pub(crate) const NAMED: &str = "canary.named.5d1c@example.com";

/// A system that holds secrets of every kind, and what it said.
pub(crate) struct Cage {
    pub(crate) system: System,
    pub(crate) folder: TempDir,
    /// One of each kind, and the part of it that is shown nowhere.
    pub(crate) tokens: Vec<(TokenKind, String)>,
    pub(crate) answers: Vec<(String, Answer)>,
    printed: Vec<String>,
}

impl Cage {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let recordings = record(folder.path());
        std::fs::write(folder.path().join("key"), MANAGED).unwrap();
        std::fs::write(folder.path().join("profile.yaml"), profile(folder.path())).unwrap();
        let upstream = Upstream::start(Some(&recordings)).await.unwrap();
        let (storage, db) = (tempfile::tempdir().unwrap(), TestDb::new().await);
        let mut command = command(storage.path(), &upstream.url()).unwrap();
        command.arg("--database-url").arg(db.url());
        command
            .arg("--profile")
            .arg(folder.path().join("profile.yaml"));
        let url = format!("providers.held.base_url={}", upstream.url());
        command.args(["--set", &url]);
        command.env("CANARY_TOKEN", PROFILE_TOKEN);
        let server = ServerProcess::spawn(command).await.unwrap();
        let system = System {
            addr: server.addr().unwrap(),
            server,
            upstream,
            db,
            storage,
        };
        let tokens = issue(&system).await;
        Self {
            system,
            folder,
            tokens,
            answers: Vec::new(),
            printed: Vec::new(),
        }
    }

    pub(crate) fn token(&self, kind: TokenKind) -> &str {
        let mut all = self.tokens.iter();
        &all.find(|(known, _)| *known == kind).unwrap().1
    }

    pub(crate) async fn send(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: String,
    ) {
        let request = self.system.request(method, path, headers, body);
        if let Ok(answer) = self.system.client().send(request).await {
            self.answers.push((path.to_owned(), answer));
        }
    }

    /// Runs the command line with these words, and something to read.
    pub(crate) fn operator(&mut self, words: &[&str], stdin: &str) {
        let mut child = Command::new(cli_bin().unwrap())
            .args(words)
            .env("CANARY_TOKEN", PROFILE_TOKEN)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Who fails before it reads closes the pipe.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        let output = child.wait_with_output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        self.printed
            .push(String::from_utf8_lossy(&said).into_owned());
    }

    /// Everything that holds a text, but for what may hold it.
    pub(crate) async fn found(&self, text: &str) -> Places {
        let mut places = in_database(self.system.db.pool(), text).await;
        places.extend(in_files(self.system.storage.path(), &["keys"], text));
        let server = &self.system.server;
        let logs = [("stdout", server.stdout()), ("stderr", server.stderr())];
        let logs = logs.into_iter().map(|(name, said)| (name.to_owned(), said));
        let printed = self
            .printed
            .iter()
            .map(|said| ("cli".to_owned(), said.clone()));
        let answers = self.answers.iter().map(|(path, answer)| {
            let said = format!("{:?}\n{}", answer.headers, answer.text());
            (format!("answer of {path}"), said)
        });
        for (place, said) in logs.chain(printed).chain(answers) {
            let said = said.to_lowercase();
            let line = said
                .lines()
                .find(|line| line.contains(&text.to_lowercase()));
            places.extend(line.map(|line| format!("{place}: {line}")));
        }
        places
    }

    /// Every question with the token of an admin.
    pub(crate) async fn reports(&self) -> Vec<(String, Value)> {
        let mut reports = Vec::new();
        for entry in QUERIES {
            let path = format!("/api/v1/analytics/{}?limit=100", entry.path.join("/"));
            let paths = [path.replace("?limit=100", ""), format!("{path}&by=user")];
            for path in [path.clone()].into_iter().chain(paths) {
                let headers = [("x-systemprompt-token", self.token(TokenKind::Admin))];
                let request = self.system.request(Method::GET, &path, &headers, "");
                let answer = self.system.client().send(request).await.unwrap();
                reports.push((path, answer.json()));
            }
        }
        reports
    }
}

/// Answers that say what nobody may keep.
fn record(folder: &Path) -> std::path::PathBuf {
    let recordings = folder.join("recordings");
    std::fs::create_dir(&recordings).unwrap();
    let usage = json!({"input_tokens": 10, "output_tokens": 5});
    let whole = json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-haiku-4-5",
        "content": [{"type": "text", "text": COMPLETION}], "stop_reason": "end_turn", "usage": usage,
    });
    let error = json!({"type": "error", "error": {
        "type": "invalid_request_error", "message": format!("bad: {PROMPT} {COMPLETION} {KEY}"),
    }});
    let event = |name: &str, data: Value| format!("event: {name}\ndata: {data}\n\n");
    let begun = json!({"type": "message_start", "message": whole});
    let delta = json!({"type": "content_block_delta", "index": 0,
        "delta": {"type": "text_delta", "text": COMPLETION}});
    let failed =
        json!({"type": "error", "error": {"type": "overloaded_error", "message": COMPLETION}});
    let stream = event("message_start", begun) + &event("content_block_delta", delta);
    let broken = stream.clone() + &event("error", failed);
    let stream = stream + &event("message_stop", json!({"type": "message_stop"}));
    for (name, body) in [
        ("whole.json", whole.to_string()),
        ("error.json", error.to_string()),
        ("stream.sse", stream),
        ("broken.sse", broken),
        ("text.json", format!("<html>{COMPLETION}")),
    ] {
        std::fs::write(recordings.join(name), body).unwrap();
    }
    let index = "file\thttp_status\nwhole.json\t200\nerror.json\t400\nstream.sse\t200\n\
                 broken.sse\t200\ntext.json\t502\n";
    std::fs::write(recordings.join("index.tsv"), index).unwrap();
    recordings
}

fn profile(folder: &Path) -> String {
    let key = folder.join("key").display().to_string();
    format!(
        "server:\n  log: trace\n  trusted_proxies: [127.0.0.1]\n  \
         tokens: [{{name: profile, token: '${{CANARY_TOKEN}}', user: {NAMED}}}]\n\
         providers:\n  \
         held: {{wire: anthropic, base_url: 'http://127.0.0.1:9', credentials: {{file: {key}}}}}\n  \
         away: {{wire: gemini, base_url: 'http://127.0.0.1:9'}}\n\
         notifications:\n  slack: {{webhook_url: 'http://127.0.0.1:9/{WEBHOOK}'}}\n  \
         email: {{smtp_url: 'smtp://u:{SMTP}@127.0.0.1:9', from: a@example.com, to: [b@example.com]}}\n\
         analytics:\n  alerts: [{{type: daily_cost, threshold: 0.000001, action: [slack, email]}}]\n"
    )
}

/// A token of every kind, for a user with an address.
async fn issue(system: &System) -> Vec<(TokenKind, String)> {
    let (db, now) = (system.db.pool(), OffsetDateTime::now_utc());
    agents::create(db, "scout", "", None, now).await.unwrap();
    let mut tokens = Vec::new();
    for kind in TokenKind::ALL {
        let name = format!("token {kind}");
        let new = NewToken {
            kind,
            name: &name,
            user: Some(NAMED),
            agent: (kind == TokenKind::Agent).then_some("scout"),
            expires_at: None,
        };
        let issued = create(db, new, None, now).await.unwrap();
        tokens.push((kind, issued.text.expose().to_owned()));
    }
    tokens
}
