//! The audit log of a running system, verified from the command line: after
//! journeys of all kinds, after a kill, and after somebody was at it.

use std::process::Output;
use std::time::Duration;

use hyper::StatusCode;
use serde_json::{Value, json};
use systemprompt_testkit::PATIENCE;
use systemprompt_testkit::faults::{command, until_stored};
use systemprompt_testkit::process::{ServerProcess, cli};

use crate::browser::{self, Browser};
use crate::system::{MESSAGES, System};

/// Runs `systemprompt …` against the system, as its operator does.
async fn systemprompt(system: &System, line: &str) -> Output {
    let (url, storage) = (system.db.url(), system.storage.path().to_owned());
    let line = line.to_owned();
    let run = move || {
        let storage = storage.to_str().unwrap();
        let common = ["--database-url", &url, "--storage", storage];
        cli(line.split(' ').chain(common)).unwrap()
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What a sound log has, as `verify` tells it.
async fn sound(system: &System) -> Value {
    let output = systemprompt(system, "infra audit verify --rows --json").await;
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(
        output.status.success(),
        "{told:#} {}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(told["sound"], true);
    told
}

async fn ask(system: &System, token: &str) -> StatusCode {
    let body = json!({"model": "claude-haiku-4-5"});
    let headers = [("x-systemprompt-token", token)];
    system.post_with(MESSAGES, &headers, &body).await.status
}

#[tokio::test]
async fn whatever_people_and_programs_do_is_one_sound_log() {
    let mut system = System::start().await;
    browser::create(system.db.pool(), "alice@example.com").await;
    let mut alice = Browser::signed_in(&system, "alice@example.com").await;
    alice.sign_in("alice@example.com", "not it").await;
    for line in [
        "admin agent create scout",
        "admin token create desk --kind gw --user alice@example.com",
        "admin user create bob --role viewer",
    ] {
        let output = systemprompt(&system, line).await;
        assert!(output.status.success(), "{line}: {output:?}");
    }
    let issued = systemprompt(
        &system,
        "admin token create ci --kind agt --agent scout --json",
    )
    .await;
    let issued: Value = serde_json::from_slice(&issued.stdout).unwrap();
    let token = issued["token"].as_str().unwrap();
    for _ in 0..5 {
        assert_eq!(ask(&system, token).await, StatusCode::OK);
    }
    assert_eq!(
        ask(&system, "sp_gw_nonsense").await,
        StatusCode::UNAUTHORIZED
    );
    until_stored(system.addr, PATIENCE).await.unwrap();

    let told = sound(&system).await;
    // A user, a login, two of bob, three of scout and its token, two or three of each
    // token, a start and an end of each request, a refusal.
    assert!(told["size"].as_u64().unwrap() >= 20, "{told}");
    assert_eq!(told["rows"], 5);
    let texts = text(&systemprompt(&system, "infra audit export").await);
    for personal in ["alice@", "\"bob\"", "127.0.0.1"] {
        assert!(!texts.contains(personal), "{personal} is in {texts}");
    }
    let made = systemprompt(&system, "infra audit checkpoint").await;
    assert!(text(&made).starts_with("systemprompt/audit/"), "{made:?}");

    // A proof is checked where there is no database.
    let proof = text(&systemprompt(&system, "infra audit prove 3").await);
    let file = system.storage.path().join("proof.json");
    std::fs::write(&file, &proof).unwrap();
    let key = serde_json::from_str::<Value>(&proof).unwrap()["key"].clone();
    let check = [
        "infra",
        "audit",
        "prove",
        "--check",
        file.to_str().unwrap(),
        "--key",
    ];
    let checked = cli(check.into_iter().chain([key.as_str().unwrap()])).unwrap();
    assert!(
        text(&checked).starts_with("Event 3 is in the log of"),
        "{checked:?}"
    );

    let erased = systemprompt(&system, "admin user erase alice@example.com").await;
    assert!(text(&erased).contains("erased-1"), "{erased:?}");
    assert!(!alice.is_signed_in().await);
    sound(&system).await;

    system.server.sigterm().unwrap();
    let ended = system.server.wait_exit(PATIENCE).await.unwrap();
    assert!(ended.success(), "{}", system.server.stderr());
    let told = sound(&system).await;
    assert!(told["anchors"].as_u64().unwrap() >= 2, "{told}");
    // Stopping covers everything.
    let status = systemprompt(&system, "infra audit status --json").await;
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!(status["checkpoint"]["size"], status["size"], "{status:#}");

    let harm = "set session_replication_role = replica; \
                update audit_events set event = 'nothing' where seq = 4; \
                reset session_replication_role";
    sqlx::raw_sql(harm).execute(system.db.pool()).await.unwrap();
    let output = systemprompt(&system, "infra audit verify").await;
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output);
    assert!(said.starts_with("event 4  column_differs"), "{said}");
}

#[tokio::test]
async fn a_kill_leaves_a_sound_log() {
    let mut system = System::start().await;
    for round in 0..3 {
        let asking: Vec<_> = (0..20)
            .map(|_| {
                let mut client = system.client();
                let body = json!({"model": "claude-haiku-4-5"}).to_string();
                let request = system.request(hyper::Method::POST, MESSAGES, &[], body);
                tokio::spawn(async move { client.send(request).await.is_ok() })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(20 * round)).await;
        system.server.kill9().unwrap();
        for one in asking {
            let _ = one.await;
        }
        let mut command = command(system.storage.path(), &system.upstream.url()).unwrap();
        command.arg("--database-url").arg(system.db.url());
        system.server = ServerProcess::spawn(command).await.unwrap();
        system.addr = system.server.addr().unwrap();
        until_stored(system.addr, PATIENCE).await.unwrap();
        sound(&system).await;
    }
}

#[tokio::test]
async fn the_first_start_makes_the_keys_and_others_need_them() {
    let system = System::start().await;
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let start = |storage: &std::path::Path| {
        let mut command = command(storage, &system.upstream.url()).unwrap();
        command.env_remove("SYSTEMPROMPT_AUDIT_KEYS");
        command
    };
    // With a database of its own.
    let mut server = ServerProcess::spawn(start(folder.path())).await.unwrap();
    let keys = folder.path().join("keys/audit");
    let mode = std::os::unix::fs::PermissionsExt::mode(&keys.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    server.sigterm().unwrap();
    server.wait_exit(PATIENCE).await.unwrap();
    // With a database whose keys it has not.
    let mut command = start(elsewhere.path());
    command.arg("--database-url").arg(system.db.url());
    let refused = ServerProcess::spawn(command).await.unwrap_err();
    let said = format!("{refused:#}");
    assert!(
        said.contains("copy the file from the server that made it"),
        "{said}"
    );
    assert!(!elsewhere.path().join("keys/audit").exists());
}
