//! What the server says, found again by its trace; and what it never says.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use hyper::StatusCode;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use systemprompt_testkit::PATIENCE;
use systemprompt_testkit::process::{cli, cli_bin};

use crate::system::{GENERATE, MESSAGES, System, request_id};

const CANARY: &str = "canary-5b1e0c";
const UNREACHABLE: &str = "the provider cannot be reached";

/// A system whose providers cannot be reached.
async fn unreachable() -> System {
    let sets =
        ["anthropic", "gemini"].map(|name| format!("providers.{name}.base_url=http://127.0.0.1:9"));
    System::with(&sets.each_ref().map(String::as_str)).await
}

/// What `systemprompt infra logs …` answers.
fn logs(system: &System, args: &[&str]) -> String {
    let url = system.db.url();
    let args = [&["infra", "logs"][..], args, &["--database-url", &url]].concat();
    let output = cli(&args).unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {err}");
    String::from_utf8(output.stdout).unwrap()
}

/// Asks until the answer has what is waited for: lines are stored by the batch.
async fn until(system: &System, args: &[&str], wanted: &str) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let out = logs(system, args);
        if out.contains(wanted) {
            return out;
        }
        assert!(
            Instant::now() < deadline,
            "{out}\n{}",
            system.server.stderr()
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_found_by_its_trace() {
    let system = unreachable().await;
    let answer = system.post(MESSAGES, "", &json!({"model": "m"})).await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    let other = system.post(MESSAGES, "", &json!({"model": "m"})).await;
    let trace = answer.header("x-systemprompt-trace-id");
    let id = request_id(&answer).to_string();
    system.row(&answer).await;

    let found = until(&system, &["view", "--trace", trace], UNREACHABLE).await;
    assert_eq!(found.lines().count(), 1, "{found}");
    assert!(
        found.contains(" WARN  ") && found.contains(trace),
        "{found}"
    );
    assert!(!found.contains(other.header("x-systemprompt-trace-id")));

    let full = logs(&system, &["audit", &id, "--full"]);
    for told in [
        "allowed · without a token",
        "messages · anthropic · m",
        &format!("warn · {UNREACHABLE}"),
        "failed · anthropic · m",
        "upstream_unreachable",
        "request_started",
        "request_failed",
    ] {
        assert!(full.contains(told), "{told}: {full}");
    }
    let json: Value =
        serde_json::from_str(&logs(&system, &["trace", "show", trace, "--json"])).unwrap();
    let line = json["rows"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["kind"] == "log");
    assert_eq!(line.unwrap()["request_id"], id.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn prompts_and_keys_are_in_no_line() {
    let system = unreachable().await;
    let body = json!({"model": "m", "messages": [{"role": "user", "content": CANARY}],
        "contents": [{"role": "user", "parts": [{"text": CANARY}]}]});
    let key = format!("sk-ant-{CANARY}");
    let headers = [("x-api-key", key.as_str()), ("authorization", key.as_str())];
    system.post_with(MESSAGES, &headers, &body).await;
    let path = format!("{GENERATE}?key={CANARY}");
    let last = system.post_with(&path, &headers, &body).await;
    let trace = last.header("x-systemprompt-trace-id");
    until(&system, &["view", "--trace", trace], UNREACHABLE).await;
    let kept = "select count(*) from logs where logs::text like '%canary-5b1e0c%'";
    assert_eq!(system.scalar(kept).await.unwrap(), 0);
    assert!(!system.server.stderr().contains(CANARY));
    assert!(system.scalar("select count(*) from logs").await.unwrap() >= 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_follows_and_ends_in_order() {
    let system = unreachable().await;
    let mut stream = Command::new(cli_bin().unwrap())
        .args(["infra", "logs", "stream", "--limit", "0", "--level", "warn"])
        .args(["--database-url", &system.db.url()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(stream.stdout.take().unwrap()).lines();
    let next = tokio::task::spawn_blocking(move || lines.next());
    let answer = system.post(MESSAGES, "", &json!({"model": "m"})).await;
    let line = tokio::time::timeout(PATIENCE, next).await;
    let line = line.unwrap().unwrap().unwrap().unwrap();
    assert!(
        line.contains(answer.header("x-systemprompt-trace-id")),
        "{line}"
    );
    kill_process(Pid::from_child(&stream), Signal::INT).unwrap();
    assert_eq!(stream.wait().unwrap().code(), Some(0));
}
