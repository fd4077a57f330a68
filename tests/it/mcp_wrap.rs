//! `mcp wrap`: bytes, exit codes and signals of the server are its own, and each call
//! reaches the database once, whenever that is there.

use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use systemprompt_domain::TokenKind;
use systemprompt_storage::tokens::{NewToken, create};
use systemprompt_testkit::PATIENCE;
use systemprompt_testkit::db::TestDb;
use systemprompt_testkit::process::{cli_bin, give_audit_keys};
use tempfile::TempDir;
use time::OffsetDateTime;

use crate::system::System;

const CALL: &str = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"read\",\"arguments\":{\"path\":\"/etc\"}}}\n";
const ANSWER: &str = "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"content\":[]}}";

/// Where records go.
enum To {
    Database(String),
    Server(String, String),
}

/// The wrapper around a script of the shell.
fn wrapper(storage: &Path, to: &To, script: &str) -> Command {
    let mut command = Command::new(cli_bin().unwrap());
    command.args(["mcp", "wrap", "--server", "files", "--agent", "scout"]);
    command.arg("--storage").arg(storage);
    match to {
        To::Database(url) => command.args(["--database-url", url]),
        To::Server(url, token) => command.args(["--to", url]).env("SYSTEMPROMPT_TOKEN", token),
    };
    command.args(["--", "sh", "-c", script]);
    give_audit_keys(&mut command);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Sends this, closes the input, and waits for the end.
fn run(mut command: Command, input: &[u8]) -> Output {
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writing = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    // A server that ends early does not read everything.
    let _ = writing.join().unwrap();
    output
}

async fn recorded(db: &TestDb) -> Vec<Value> {
    let rows = "select to_jsonb(t) from mcp_tool_executions t order by created_at, id";
    sqlx::query_scalar(rows).fetch_all(db.pool()).await.unwrap()
}

#[tokio::test]
async fn calls_are_recorded_and_bytes_are_the_servers_own() {
    let (db, storage) = (TestDb::new().await, TempDir::new().unwrap());
    let to = To::Database(db.url());
    // Letters cut in two, a line without an end, and words on standard error.
    let script = format!(
        "read line; printf '%s' \"$line\" >&2; printf '{}\\303'; sleep 0.05; printf '\\266\"}}\\n'; printf 'last'; exit 3",
        r#"{"jsonrpc":"2.0","id":1,"result":{},"text":""#
    );
    let output = run(wrapper(storage.path(), &to, &script), CALL.as_bytes());
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let expected = "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{},\"text\":\"ö\"}\nlast";
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
    assert_eq!(String::from_utf8_lossy(&output.stderr), CALL.trim_end());
    let calls = recorded(&db).await;
    assert_eq!(calls.len(), 1, "{calls:?}");
    let call = &calls[0];
    for (column, value) in [
        ("server", "files"),
        ("tool", "read"),
        ("agent", "scout"),
        ("via", "stdio"),
        ("status", "success"),
        ("rpc_id", "1"),
    ] {
        assert_eq!(call[column], value, "{column}");
    }
    assert!(call["latency_us"].as_i64().unwrap() >= 50_000, "{call}");
    assert!(!call.to_string().contains("etc"));
    assert_eq!(call["response_bytes"], expected.len() - "last".len());
}

#[tokio::test]
async fn signals_and_sudden_ends_are_the_servers_own() {
    let (db, storage) = (TestDb::new().await, TempDir::new().unwrap());
    let to = To::Database(db.url());
    let died = run(
        wrapper(storage.path(), &to, "read line; kill -TERM $$"),
        CALL.as_bytes(),
    );
    assert_eq!(died.status.signal(), Some(15), "{died:?}");
    let killed = run(
        wrapper(storage.path(), &to, "read line; kill -KILL $$"),
        CALL.as_bytes(),
    );
    let how = (killed.status.signal(), killed.status.code());
    assert!(
        how == (Some(9), None) || how == (None, Some(137)),
        "{how:?}"
    );
    let calls = recorded(&db).await;
    let ends: Vec<_> = calls
        .iter()
        .map(|call| (&call["status"], &call["error_type"]))
        .collect();
    // The client's end was closed by then; who left first is not told apart.
    assert_eq!(ends.len(), 2, "{ends:?}");
    assert!(
        ends.iter().all(|(status, _)| *status != "success"),
        "{ends:?}"
    );

    // A signal that reaches the wrapper is the server's.
    let script = "trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done";
    let mut child = wrapper(storage.path(), &to, script).spawn().unwrap();
    let mut ready = [0; 6];
    child
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut ready)
        .unwrap();
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(until_ended(&mut child).code(), Some(7));
    // So is one that ends it at once.
    let script = "echo ready; exec sleep 30";
    let mut child = wrapper(storage.path(), &to, script).spawn().unwrap();
    child
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut ready)
        .unwrap();
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(until_ended(&mut child).signal(), Some(2));
}

fn until_ended(child: &mut Child) -> std::process::ExitStatus {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert!(Instant::now() < deadline, "the wrapper goes on");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test]
async fn lines_of_sixteen_mebibytes_pass_both_ways() {
    let (db, storage) = (TestDb::new().await, TempDir::new().unwrap());
    let to = To::Database(db.url());
    let huge = "x".repeat(16 << 20);
    let mut input = CALL.as_bytes().to_owned();
    input.extend(format!("{{\"id\":2,\"method\":\"tools/call\",\"params\":{{\"name\":\"huge\",\"arguments\":\"{huge}\"}}}}\n").bytes());
    input.extend(b"{\"id\":3,\"method\":\"tools/call\",\"params\":{\"name\":\"after\"}}\n");
    // Gives everything back, then answers.
    let answers = "{\"id\":1,\"result\":{}}\\n{\"id\":3,\"result\":{\"isError\":true}}\\n";
    let script = format!("cat; printf '{answers}'");
    let output = run(wrapper(storage.path(), &to, &script), &input);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.stdout.starts_with(&input), "the bytes differ");
    let calls = recorded(&db).await;
    let ends: Vec<_> = calls
        .iter()
        .map(|call| {
            (
                call["tool"].as_str().unwrap(),
                call["status"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(ends, [("read", "success"), ("after", "failed")]);
}

#[tokio::test]
async fn what_cannot_be_delivered_waits_for_the_next_wrapper() {
    let (db, storage) = (TestDb::new().await, TempDir::new().unwrap());
    let script = format!("read line; echo '{ANSWER}'");
    let nowhere = To::Server("http://127.0.0.1:1".to_owned(), "sp_none".to_owned());
    let output = run(wrapper(storage.path(), &nowhere, &script), CALL.as_bytes());
    assert!(output.status.success());
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        format!("{ANSWER}\n")
    );
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("stays on disk"), "{said}");
    assert_eq!(recorded(&db).await.len(), 0);
    let to = To::Database(db.url());
    let output = run(wrapper(storage.path(), &to, &script), CALL.as_bytes());
    assert!(output.status.success(), "{output:?}");
    assert_eq!(recorded(&db).await.len(), 2);
    // What was delivered is not delivered again.
    run(wrapper(storage.path(), &to, "true"), b"");
    assert_eq!(recorded(&db).await.len(), 2);
    let counted = "select sum(executions)::bigint from tool_day where cube = 'total'";
    let counted: i64 = sqlx::query_scalar(counted)
        .fetch_one(db.pool())
        .await
        .unwrap();
    assert_eq!(counted, 2);
}

#[tokio::test]
async fn a_server_elsewhere_takes_the_calls_with_a_token() {
    let system = System::start().await;
    let now = OffsetDateTime::now_utc();
    let new = NewToken {
        kind: TokenKind::Ingest,
        name: "wrapper",
        user: None,
        agent: None,
        expires_at: None,
    };
    let issued = create(system.db.pool(), new, None, now).await.unwrap();
    let token = issued.text.expose().to_owned();
    let storage = TempDir::new().unwrap();
    let to = To::Server(system.server.url().to_owned(), token);
    let list = "{\"id\":2,\"method\":\"tools/list\"}\n";
    let tools = "{\"id\":2,\"result\":{\"tools\":[{\"name\":\"read\",\"description\":\"Reads\"}]}}";
    let script = format!("read a; echo '{ANSWER}'; read b; echo '{tools}'");
    let input = [CALL, list].concat();
    let output = run(wrapper(storage.path(), &to, &script), input.as_bytes());
    assert!(output.status.success(), "{output:?}");
    assert_eq!(output.stderr, b"");
    let calls = recorded(&system.db).await;
    assert_eq!(calls.len(), 1);
    assert_eq!(
        (&calls[0]["token"], &calls[0]["agent"]),
        (&"wrapper".into(), &"scout".into())
    );
    let definitions = "select count(*) from mcp_tool_definitions where server = 'files'";
    assert_eq!(system.scalar(definitions).await.unwrap(), 1);
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named() {
    let (db, storage) = (TestDb::new().await, TempDir::new().unwrap());
    let mut command = Command::new(cli_bin().unwrap());
    command.args(["mcp", "wrap", "--server", "x", "--database-url", &db.url()]);
    command
        .arg("--storage")
        .arg(storage.path())
        .args(["--", "/no/such/program"]);
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("/no/such/program"), "{said}");
}
