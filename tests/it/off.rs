//! With analytics off the gateway is a proxy and nothing else.

use std::time::Duration;

use hyper::Method;
use serde_json::{Value, json};
use systemprompt_testkit::PATIENCE;
use systemprompt_testkit::client::{Answer, Client};
use systemprompt_testkit::faults::{command, until_stored};
use systemprompt_testkit::process::ServerProcess;

use crate::system::{CHAT, GEMINI_SSE, GENERATE, MESSAGES, RESPONSES, System};

/// The tables in which a request leaves anything. That the profile changed is an
/// act of administration, which is recorded all the same.
const TRACES_LEFT: &str = "select (select count(*) from ai_requests) + (select count(*) from open_requests) \
     + (select count(*) from audit_events where category <> 'administration') + (select count(*) from conversations) \
     + (select count(*) from traces) + (select coalesce(sum(requests), 0)::bigint from usage_day)";

/// The system again, with analytics off.
async fn turned_off(mut system: System) -> System {
    system.server.sigterm().unwrap();
    system.server.wait_exit(PATIENCE).await.unwrap();
    let mut command = command(system.storage.path(), &system.upstream.url()).unwrap();
    command.arg("--database-url").arg(system.db.url());
    for set in [
        "analytics.enabled=false",
        "analytics.alerts=[{type: monthly_cost, threshold: 1, action: pause_requests}]",
    ] {
        command.arg("--set").arg(set);
    }
    system.server = ServerProcess::spawn(command).await.unwrap();
    system.addr = system.server.addr().unwrap();
    system
}

/// The same request straight to the provider.
async fn direct(system: &System, path: &str, mock: &str, body: &Value) -> Answer {
    let (_, path) = path[1..].split_once('/').unwrap();
    let path = format!("/{path}");
    let request = system.request(Method::POST, &path, &[("x-mock", mock)], body.to_string());
    Client::new(system.upstream.addr)
        .send(request)
        .await
        .unwrap()
}

/// A body without what differs from call to call: numbers.
fn normal(answer: &Answer) -> String {
    answer
        .text()
        .chars()
        .filter(|c| !c.is_ascii_digit())
        .collect()
}

async fn ask(system: &System, question: &str) -> Value {
    let path = format!("/api/v1/analytics/{question}");
    let request = system.request(Method::GET, &path, &[], "");
    system.client().send(request).await.unwrap().json()
}

#[tokio::test]
async fn requests_pass_and_nothing_is_recorded() {
    let system = System::start().await;
    let body = json!({"model": "claude-haiku-4-5", "messages": [{"role": "user", "content": "a"}]});
    system.post(MESSAGES, "in=7,out=3", &body).await;
    assert_eq!(system.count().await.unwrap(), 1);
    let before = ask(&system, "costs/summary?since=1h").await;
    let left = system.scalar(TRACES_LEFT).await.unwrap();

    let system = turned_off(system).await;
    let said = system.server.stdout();
    assert!(
        said.contains("Analytics is off (analytics.enabled: false)"),
        "{said}"
    );
    let warned = system.server.stderr();
    assert!(
        warned.contains("alert monthly_cost is to pause requests, but analytics.enabled is false"),
        "{warned}"
    );
    until_stored(system.addr, PATIENCE).await.unwrap();
    let spool = || async {
        let ready = systemprompt_testkit::faults::readiness(system.addr)
            .await
            .unwrap();
        (
            ready["spool_backlog_bytes"].clone(),
            ready["events_stored"].clone(),
        )
    };
    let spooled = spool().await;
    for (path, stream) in [
        (MESSAGES, false),
        (MESSAGES, true),
        (CHAT, false),
        (CHAT, true),
        (RESPONSES, true),
        (GENERATE, false),
        (GEMINI_SSE, true),
    ] {
        let body = json!({"model": "claude-haiku-4-5", "stream": stream, "messages": []});
        for mock in [
            "in=7,out=3",
            "status=429,retry=7",
            "in=7,out=3,split=5,chunks=4",
        ] {
            let through = system.post(path, mock, &body).await;
            let call = system.upstream.calls().pop().unwrap();
            assert_eq!(
                call.body,
                body.to_string(),
                "{path} {mock}: what the provider got"
            );
            let straight = direct(&system, path, mock, &body).await;
            assert_eq!(through.status, straight.status, "{path} {mock}");
            assert_eq!(normal(&through), normal(&straight), "{path} {mock}");
            for header in ["content-type", "retry-after"] {
                assert_eq!(
                    through.header(header),
                    straight.header(header),
                    "{path} {mock}"
                );
            }
            assert!(through.cut.is_none(), "{path} {mock}");
        }
    }
    // Longer than the writer gathers events for.
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(spool().await, spooled, "nothing went into the spool");
    assert_eq!(system.scalar(TRACES_LEFT).await.unwrap(), left);

    let after = ask(&system, "costs/summary?since=1h").await;
    assert_eq!(after["rows"][0]["cost"], before["rows"][0]["cost"]);
    assert_eq!(
        after["rows"][0]["requests"], 1,
        "what was recorded before is still known"
    );
}
