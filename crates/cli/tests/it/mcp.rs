//! MCP servers behind the proxy: listed as they are set, and asked whether they answer.

use std::io::Write as _;
use std::path::Path;

use serde_json::{Value, json};
use systemprompt_testkit::mcp::McpUpstream;
use tempfile::TempDir;

use crate::shell::{Run, systemprompt};

/// A key that nobody should see.
const KEY: &str = "key-0123456789abcdef";

/// A profile with these lines below `mcp.servers`.
fn profile(servers: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        let mut file = std::fs::File::create(folder.path().join(name)).expect("made");
        file.write_all(text.as_bytes()).expect("written");
    };
    write("key", KEY);
    let key = folder.path().join("key").display().to_string();
    let servers = servers.replace("KEY_FILE", &key);
    write("profile.yaml", &format!("mcp:\n  servers:\n{servers}"));
    folder
}

/// On a thread of its own: it brings its own runtime.
async fn run(folder: &Path, line: &str) -> Run {
    let profile = folder.join("profile.yaml").display().to_string();
    let line = line.to_owned();
    let run = move || systemprompt(line.split(' ').chain(["--profile", profile.as_str()]));
    let ran = tokio::task::spawn_blocking(run)
        .await
        .expect("it does not panic");
    assert!(!(ran.out.clone() + &ran.err).contains(KEY), "{ran:?}");
    ran
}

fn answer(run: &Run) -> Value {
    assert_eq!(run.code, 0, "{run:?}");
    serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{error}: {run:?}"))
}

#[tokio::test]
async fn servers_are_listed_as_they_are_set() {
    let none = profile("    {}\n");
    let listed = run(none.path(), "mcp servers list").await;
    assert_eq!(listed.code, 0);
    assert!(
        listed.out.contains("services/mcp/servers.yaml"),
        "{listed:?}"
    );
    let two = profile(&format!(
        "    docs: {{url: 'https://docs.example.com/mcp?token={KEY}', deny: [delete_*]}}\n    \
         files: {{url: 'https://files.example.com/mcp', allow: [read], credentials: {{file: KEY_FILE}}}}\n"
    ));
    let listed = run(two.path(), "mcp servers list").await;
    assert_eq!(
        listed.out,
        "/mcp/docs  https://docs.example.com/mcp  without a key\n  not: delete_*\n\
         /mcp/files  https://files.example.com/mcp  with a key\n  only: read\n"
    );
    let listed = answer(&run(two.path(), "mcp servers list --json").await);
    assert_eq!(
        listed[1],
        json!({"name": "files", "path": "/mcp/files", "url": "https://files.example.com/mcp",
               "key": true, "allow": ["read"], "deny": []})
    );
}

#[tokio::test]
async fn a_server_is_asked_in_its_own_era_with_its_key() {
    let mcp = McpUpstream::start().await.expect("a server");
    let folder = profile(&format!(
        "    docs: {{url: '{}', deny: [delete_*], credentials: {{file: KEY_FILE}}, header: x-key}}\n",
        mcp.url()
    ));
    let told = answer(&run(folder.path(), "mcp servers test docs --json").await);
    assert_eq!(
        (&told["protocol"], &told["server"]),
        (&json!("2025-11-25"), &json!("mock 1"))
    );
    assert_eq!(
        told["tools"],
        json!([{"name": "plain", "allowed": true}, {"name": "delete_all", "allowed": false}])
    );
    let heads = mcp.heads();
    assert!(
        heads
            .iter()
            .all(|head| head.get("x-key").is_some_and(|key| key == KEY))
    );
    let last = heads.last().expect("it was asked");
    assert_eq!(last["mcp-session-id"], "session-1");
    assert_eq!(last["mcp-protocol-version"], "2025-11-25");

    mcp.speak_stateless();
    let told = run(folder.path(), "mcp servers test docs").await;
    assert_eq!(told.code, 0, "{told:?}");
    assert!(
        told.out
            .starts_with("docs answers: mock 2, MCP 2026-07-28, in "),
        "{told:?}"
    );
    assert!(
        told.out
            .ends_with(" ms\n  plain\n  delete_all  (may not be called)\n2 tools\n"),
        "{told:?}"
    );
    let last = mcp.heads().pop().expect("it was asked");
    assert_eq!(last["mcp-method"], "tools/list");
    assert!(!last.contains_key("mcp-session-id"));
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_named_with_the_reason() {
    let mcp = McpUpstream::start().await.expect("a server");
    let url = mcp.url();
    // Nobody listens there any more.
    drop(mcp);
    let folder = profile(&format!("    gone: {{url: '{url}?token={KEY}'}}\n"));
    let gone = run(folder.path(), "mcp servers test gone").await;
    assert_eq!(gone.code, 1);
    assert!(
        gone.err
            .contains("gone does not answer as it should: it cannot be reached"),
        "{gone:?}"
    );
    let unknown = run(folder.path(), "mcp servers test docs").await;
    assert_eq!(unknown.code, 1);
    assert!(
        unknown
            .err
            .contains("there is no MCP server \"docs\": gone"),
        "{unknown:?}"
    );
}
