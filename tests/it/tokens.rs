//! Tokens of the database, through the command line and a real server: they work
//! at once, end at once, and leave no copy of themselves.

use std::ffi::OsString;
use std::time::{Duration, Instant};

use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, ConnectOptions, Row};
use systemprompt_cli::{Look, Outside};
use systemprompt_domain::{Clock, TokenKind, TokenText};
use systemprompt_storage::embedded::Embedded;
use systemprompt_testkit::PATIENCE;
use systemprompt_testkit::client::{Answer, Client};
use systemprompt_testkit::faults::{command, readiness};
use systemprompt_testkit::process::ServerProcess;
use systemprompt_testkit::upstream::Upstream;

use crate::system::{MESSAGES, System};

/// How soon every server knows of a change: a second at most where nothing else runs. On a
/// busy machine it may be more, but never the ten after which tokens are looked up anyway.
const HEARD: Duration = Duration::from_secs(8);

/// Runs `systemprompt admin …` against a database.
async fn admin(url: &str, line: &str) -> Value {
    let line = format!("systemprompt admin {line} --json --database-url {url}");
    let run = move || {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut outside = Outside {
            out: &mut out,
            err: &mut err,
            look: Look::default(),
            live: false,
            clock: Clock::System,
        };
        let code = systemprompt_cli::run(line.split(' ').map(OsString::from), &mut outside);
        assert_eq!(code, 0, "{line}: {}", String::from_utf8_lossy(&err));
        serde_json::from_slice(&out).unwrap()
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

async fn issue(system: &System, line: &str) -> String {
    let issued = admin(&system.db.url(), &format!("token create {line}")).await;
    issued["token"].as_str().unwrap().to_owned()
}

async fn send(system: &System, token: Option<&str>, more: &[(&str, &str)]) -> Answer {
    let mut headers = more.to_vec();
    headers.extend(token.map(|token| ("x-systemprompt-token", token)));
    let body = json!({"model": "claude-haiku-4-5"});
    system.post_with(MESSAGES, &headers, &body).await
}

/// Sends until the answer has this status, for as long as a change may take.
async fn becomes(system: &System, token: Option<&str>, status: StatusCode) -> Answer {
    let begun = Instant::now();
    loop {
        let answer = send(system, token, &[]).await;
        if answer.status == status {
            return answer;
        }
        assert!(
            begun.elapsed() < HEARD,
            "still {}: {}",
            answer.status,
            answer.text()
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_token_works_at_once_and_ends_at_once() {
    let system = System::start().await;
    assert_eq!(send(&system, None, &[]).await.status, StatusCode::OK);
    let token = issue(&system, "alice --kind gw --user alice@example.com").await;
    let answer = send(&system, Some(&token), &[]).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let row = system.row(&answer).await;
    assert_eq!(
        [row.text("token"), row.text("user_id")],
        ["alice", "alice@example.com"]
    );
    let refused = becomes(&system, None, StatusCode::UNAUTHORIZED).await;
    let said = refused.text();
    assert!(said.contains("systemprompt admin token create"), "{said}");
    // Known by now: no question to the database stands between.
    assert_eq!(
        send(&system, Some(&token), &[]).await.status,
        StatusCode::OK
    );
    admin(&system.db.url(), "token revoke alice").await;
    let refused = becomes(&system, Some(&token), StatusCode::UNAUTHORIZED).await;
    assert!(refused.text().contains("was revoked"), "{}", refused.text());
    let nobody = send(&system, None, &[]).await;
    assert_eq!(
        nobody.status,
        StatusCode::UNAUTHORIZED,
        "it does not open again"
    );
}

#[tokio::test]
async fn a_token_and_its_successor_are_both_accepted_for_a_while() {
    let system = System::start().await;
    let url = system.db.url();
    let first = issue(&system, "alice --kind gw").await;
    assert_eq!(
        send(&system, Some(&first), &[]).await.status,
        StatusCode::OK
    );
    let rotated = admin(&url, "token rotate alice --overlap 1h").await;
    let second = rotated["token"].as_str().unwrap();
    // Time for the announcement to be heard.
    tokio::time::sleep(Duration::from_secs(1)).await;
    for token in [&first, second] {
        assert_eq!(send(&system, Some(token), &[]).await.status, StatusCode::OK);
    }
    let rotated = admin(&url, "token rotate alice --overlap 0").await;
    let third = rotated["token"].as_str().unwrap();
    let over = becomes(&system, Some(second), StatusCode::UNAUTHORIZED).await;
    assert!(over.text().contains("has expired"), "{}", over.text());
    for token in [&first, third] {
        assert_eq!(send(&system, Some(token), &[]).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn an_agent_is_itself_and_sees_itself() {
    let system = System::start().await;
    let url = system.db.url();
    for agent in ["scout", "writer"] {
        admin(&url, &format!("agent create {agent}")).await;
    }
    let scout = issue(&system, "scout-laptop --kind agt --agent scout").await;
    let writer = issue(&system, "writer-laptop --kind agt --agent writer").await;
    let view = issue(&system, "scout-view --kind rd --agent scout").await;
    for (token, agent) in [(&scout, "scout"), (&writer, "writer")] {
        let own = [("x-systemprompt-agent", agent)];
        for more in [&[][..], &own] {
            let answer = send(&system, Some(token), more).await;
            assert_eq!(system.row(&answer).await.text("agent"), agent);
        }
    }
    let spying = [("x-systemprompt-agent", "writer")];
    let refused = send(&system, Some(&scout), &spying).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);

    let ask = async |token: &str| {
        let bearer = format!("Bearer {token}");
        let path = "/api/v1/analytics/agents/list?since=1h";
        let headers = [("authorization", bearer.as_str())];
        let request = system.request(Method::GET, path, &headers, "");
        system.client().send(request).await.unwrap()
    };
    let seen = ask(&view).await.json();
    let agents: Vec<_> = seen["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["agent"].as_str().unwrap())
        .collect();
    assert_eq!(agents, ["scout"], "{seen}");
    assert_eq!(ask(&scout).await.status, StatusCode::FORBIDDEN);

    admin(&url, "agent set scout --disable").await;
    becomes(&system, Some(&scout), StatusCode::FORBIDDEN).await;
    assert_eq!(
        send(&system, Some(&writer), &[]).await.status,
        StatusCode::OK
    );
    admin(&url, "agent set scout --enable").await;
    becomes(&system, Some(&scout), StatusCode::OK).await;
    admin(&url, "agent delete scout").await;
    becomes(&system, Some(&scout), StatusCode::UNAUTHORIZED).await;
}

#[tokio::test]
async fn what_was_verified_is_accepted_while_the_database_is_away() {
    let (storage, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let upstream = Upstream::start(None).await.unwrap();
    let cluster = Embedded::start(elsewhere.path(), |_| ()).await.unwrap();
    let url = cluster.connect_options().to_url_lossy().to_string();
    let mut command = command(storage.path(), &upstream.url()).unwrap();
    command.args(["--database-url", &url]);
    let server = ServerProcess::spawn(command).await.unwrap();
    let addr = server.addr().unwrap();
    let token = async |name: &str| {
        let issued = admin(&url, &format!("token create {name} --kind gw")).await;
        issued["token"].as_str().unwrap().to_owned()
    };
    let (used, unused) = (token("used").await, token("unused").await);
    let status = async |token: &str| {
        let request = hyper::Request::post(MESSAGES)
            .header("host", addr.to_string())
            .header("x-systemprompt-token", token)
            .body(r#"{"model":"claude-haiku-4-5"}"#.into())
            .unwrap();
        Client::new(addr).send(request).await.unwrap()
    };
    assert_eq!(status(&used).await.status, StatusCode::OK);

    cluster.stop().await.unwrap();
    let never = TokenText::new(TokenKind::Gateway, [9; 32]);
    for token in [unused.as_str(), never.expose()] {
        let answer = status(token).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answer.header("retry-after"), "2");
        assert_eq!(answer.json()["error"]["type"], "overloaded_error");
    }
    let begun = Instant::now();
    while readiness(addr).await.unwrap()["tokens"] != "remembered" {
        assert!(begun.elapsed() < PATIENCE, "{}", server.stderr());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let mut took = Vec::new();
    for _ in 0..5 {
        let begun = Instant::now();
        assert_eq!(status(&used).await.status, StatusCode::OK);
        let answer = status(&unused).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        took.push(begun.elapsed());
    }
    let best = took.iter().min().unwrap();
    assert!(*best < Duration::from_secs(1), "nobody waits: {took:?}");
    let nothing = status("sp_gw_nothing").await;
    assert_eq!(nothing.status, StatusCode::UNAUTHORIZED, "no need to ask");

    let cluster = Embedded::start(elsewhere.path(), |_| ()).await.unwrap();
    let begun = Instant::now();
    while status(&unused).await.status != StatusCode::OK {
        assert!(begun.elapsed() < PATIENCE, "{}", server.stderr());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    drop(server);
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn no_copy_of_a_token_is_left() {
    let mut system = System::with(&["server.log=debug"]).await;
    let token = issue(&system, "canary --kind rd").await;
    let bearer = format!("Bearer {token}");
    for headers in [
        [("x-systemprompt-token", token.as_str())],
        [("authorization", bearer.as_str())],
    ] {
        for path in ["/api/v1/analytics/costs/summary", "/anthropic/v1/models"] {
            let request = system.request(Method::GET, path, &headers, "");
            system.client().send(request).await.unwrap();
        }
    }
    system.server.sigterm().unwrap();
    system.server.wait_exit(PATIENCE).await.unwrap();

    // Lists show the first eight characters of thirty; this is the rest.
    let secret = &token["sp_rd_".len() + 8..];
    let logged = system.server.stderr() + &system.server.stdout();
    assert!(!logged.contains(secret), "{logged}");
    let tables =
        sqlx::query("select quote_ident(tablename) from pg_tables where schemaname = 'public'")
            .fetch_all(system.db.pool())
            .await
            .unwrap();
    assert!(tables.len() > 10);
    for row in tables {
        let table: String = row.try_get(0).unwrap();
        let sql = format!("select count(*) from {table} t where t::text like '%{secret}%'");
        let found: i64 = sqlx::query_scalar(AssertSqlSafe(sql))
            .fetch_one(system.db.pool())
            .await
            .unwrap();
        assert_eq!(found, 0, "{table}");
    }
    for entry in std::fs::read_dir(system.storage.path().join("spool/gateway")).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let found = bytes
            .windows(secret.len())
            .any(|part| part == secret.as_bytes());
        assert!(!found, "{}", path.display());
    }
}

#[tokio::test]
async fn a_flood_of_refusals_is_counted_not_listed() {
    let mut system = System::start().await;
    let token = issue(&system, "finance --kind rd --user finance@example.com").await;
    becomes(&system, None, StatusCode::UNAUTHORIZED).await;
    let trace = (
        "traceparent",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    );
    let mut client = system.client();
    for _ in 0..300 {
        let headers = [("x-systemprompt-token", token.as_str()), trace];
        let request = system.request(Method::POST, MESSAGES, &headers, "{}");
        let answer = client.send(request).await.unwrap();
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
    }
    system.server.sigterm().unwrap();
    system.server.wait_exit(PATIENCE).await.unwrap();
    let rows = sqlx::query(
        "select user_id, trace_id::text, state, detail - 'network' from audit_trail \
         where event = 'permission_denied' and token = 'finance' order by seq",
    )
    .fetch_all(system.db.pool())
    .await
    .unwrap();
    let told: Vec<(String, String, String, Value)> = rows
        .iter()
        .map(|row| (row.get(0), row.get(1), row.get(2), row.get(3)))
        .collect();
    let expected = [1, 299].map(|count| {
        let detail = json!({"count": count, "reason": "scope", "scope": "gateway",
            "status": "403", "method": "POST"});
        let trace = "4bf92f35-77b3-4da6-a3ce-929d0e0e4736".to_owned();
        (
            "finance@example.com".to_owned(),
            trace,
            "denied".to_owned(),
            detail,
        )
    });
    assert_eq!(told, expected);
}

#[tokio::test]
async fn with_analytics_off_refusals_leave_nothing() {
    let mut system = System::with(&["analytics.enabled=false"]).await;
    issue(&system, "alice --kind gw").await;
    becomes(&system, None, StatusCode::UNAUTHORIZED).await;
    system.server.sigterm().unwrap();
    system.server.wait_exit(PATIENCE).await.unwrap();
    let told = "select count(*) from audit_events where event = 'permission_denied'";
    assert_eq!(system.scalar(told).await.unwrap(), 0);
}
