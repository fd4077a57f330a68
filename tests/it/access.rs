//! Who may ask, as whom; and that nothing of ours reaches a provider.

use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use systemprompt_reporting::QUERIES;
use systemprompt_testkit::client::Answer;
use tempfile::NamedTempFile;

use crate::system::{CHAT, GENERATE, MESSAGES, RESPONSES, System};

const ALICE: &str = "alice-0123456789abcdef";
const READER: &str = "reader-0123456789abcdef";
const TOKENS: &str = "server.tokens=[\
    {name: alice, token: alice-0123456789abcdef, user: alice@example.com, agent: home, agents: [scout]},\
    {name: reader, token: reader-0123456789abcdef, scopes: [read]}]";

const APIS: [&str; 4] = [MESSAGES, CHAT, RESPONSES, GENERATE];

fn body() -> Value {
    json!({"model": "claude-haiku-4-5"})
}

fn status_of(answer: &Answer, path: &str) -> (u16, String) {
    let error = &answer.json()["error"];
    let kind = if path == GENERATE {
        &error["status"]
    } else {
        &error["type"]
    };
    (
        answer.status.as_u16(),
        kind.as_str().unwrap_or_default().to_owned(),
    )
}

#[tokio::test]
async fn refusals_have_each_providers_shape() {
    let system = System::with(&[TOKENS]).await;
    for path in APIS {
        let (unknown, forbidden) = match path {
            GENERATE => ("UNAUTHENTICATED", "PERMISSION_DENIED"),
            _ => ("authentication_error", "permission_error"),
        };
        for (headers, expected) in [
            (vec![], (401, unknown)),
            (
                vec![("x-systemprompt-token", "nobody-0123456789abcdef")],
                (401, unknown),
            ),
            (vec![("x-systemprompt-token", READER)], (403, forbidden)),
            (
                vec![
                    ("x-systemprompt-token", ALICE),
                    ("x-systemprompt-agent", "spy"),
                ],
                (403, forbidden),
            ),
            // The client's own key goes upstream; it is no token of ours.
            (vec![("x-api-key", ALICE)], (401, unknown)),
        ] {
            let answer = system.post_with(path, &headers, &body()).await;
            let (status, kind) = expected;
            assert_eq!(
                status_of(&answer, path),
                (status, kind.to_owned()),
                "{path} {headers:?}"
            );
            assert_eq!(answer.header("x-should-retry"), "false");
        }
    }
    assert_eq!(system.upstream.call_count(), 0);
    assert_eq!(system.count().await.unwrap(), 0);
}

#[tokio::test]
async fn a_token_says_who_asks() {
    let system = System::with(&[TOKENS]).await;
    for (agent, expected) in [
        (None, "home"),
        (Some("scout"), "scout"),
        (Some("home"), "home"),
    ] {
        let mut headers = vec![
            ("x-systemprompt-token", ALICE),
            ("x-systemprompt-session", "s-1"),
        ];
        headers.extend(agent.map(|agent| ("x-systemprompt-agent", agent)));
        let answer = system.post_with(MESSAGES, &headers, &body()).await;
        let row = system.row(&answer).await;
        let said = ["agent", "user_id", "token", "session_id"].map(|column| row.text(column));
        assert_eq!(said, [expected, "alice@example.com", "alice", "s-1"]);
    }
}

#[tokio::test]
async fn without_tokens_only_this_machine_may_ask() {
    let system = System::start().await;
    for headers in [
        [("x-forwarded-for", "192.0.2.7")],
        [("forwarded", "for=192.0.2.7")],
        [("via", "1.1 proxy")],
        [("sec-fetch-site", "cross-site")],
    ] {
        let answer = system.post_with(MESSAGES, &headers, &body()).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{headers:?}");
        assert!(
            answer.text().contains("systemprompt admin token create"),
            "{}",
            answer.text()
        );
    }
    let mut request = system.request(Method::POST, MESSAGES, &[], body().to_string());
    request
        .headers_mut()
        .insert("host", "rebound.example".parse().unwrap());
    let answer = system.client().send(request).await.unwrap();
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(system.upstream.call_count(), 0);
}

#[tokio::test]
async fn a_managed_key_takes_the_place_of_the_clients() {
    let key = NamedTempFile::new().unwrap();
    std::fs::write(key.path(), "the-managed-key\n").unwrap();
    let managed = ["anthropic", "openai", "gemini"].map(|name| {
        format!(
            "providers.{name}.credentials={{file: {}}}",
            key.path().display()
        )
    });
    let mut sets: Vec<&str> = managed.iter().map(String::as_str).collect();
    sets.push(TOKENS);
    let system = System::with(&sets).await;
    let in_query = format!("{GENERATE}?key={ALICE}&alt=json");
    let bearer = format!("Bearer {ALICE}");
    for (path, header, sent, received) in [
        (MESSAGES, "x-api-key", ALICE, "the-managed-key"),
        (
            MESSAGES,
            "authorization",
            bearer.as_str(),
            "the-managed-key",
        ),
        (
            CHAT,
            "authorization",
            bearer.as_str(),
            "Bearer the-managed-key",
        ),
        (
            RESPONSES,
            "x-systemprompt-token",
            ALICE,
            "Bearer the-managed-key",
        ),
        (GENERATE, "x-goog-api-key", ALICE, "the-managed-key"),
        (in_query.as_str(), "x-harmless", "1", "the-managed-key"),
    ] {
        let headers = [
            (header, sent),
            ("cookie", "session=1"),
            ("x-forwarded-for", "192.0.2.7"),
            ("forwarded", "for=192.0.2.7"),
            ("via", "1.1 proxy"),
            ("x-real-ip", "192.0.2.7"),
            ("proxy-authorization", "Basic eA=="),
            ("connection", "x-tied"),
            ("x-tied", "1"),
            ("x-systemprompt-session", "s-1"),
            ("x-systemprompt-conversation", "c-1"),
            ("x-systemprompt-agent", "scout"),
            ("accept", "application/json"),
            ("anthropic-beta", "a,b"),
            ("user-agent", "sdk/1"),
        ];
        let answer = system.post_with(path, &headers, &body()).await;
        assert_eq!(
            answer.status,
            StatusCode::OK,
            "{path} {header}: {}",
            answer.text()
        );
        let call = system.upstream.calls().pop().unwrap();
        let key = match path {
            MESSAGES => "x-api-key",
            CHAT | RESPONSES => "authorization",
            _ => "x-goog-api-key",
        };
        assert_eq!(call.headers[key], received, "{path} {header}");
        let mut crossed: Vec<_> = call.headers.keys().map(|name| name.as_str()).collect();
        crossed.sort_unstable();
        let mut expected = vec![
            "accept",
            "accept-encoding",
            "anthropic-beta",
            "content-length",
            "host",
            key,
            "user-agent",
        ];
        expected.extend((header == "x-harmless").then_some("x-harmless"));
        expected.sort_unstable();
        assert_eq!(crossed, expected, "{path} {header}");
        let all = format!("{} {:?}", call.target, call.headers);
        assert!(
            !all.contains("alice") && !all.contains("systemprompt"),
            "{all}"
        );
        assert_eq!(call.headers["anthropic-beta"], "a,b");
        assert_eq!(call.target.contains("alt=json"), path == in_query);
        let row = system.row(&answer).await;
        assert_eq!([row.text("token"), row.text("agent")], ["alice", "scout"]);
    }

    // The provider's own key is no token of ours.
    for (path, header, sent) in [
        (MESSAGES, "x-api-key", "sk-theirs"),
        (CHAT, "authorization", "Bearer sk-theirs"),
    ] {
        let answer = system.post_with(path, &[(header, sent)], &body()).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }
    // What cannot be metered is on our key, so it is recorded, without a price.
    let images = "/openai/v1/images/generations";
    let answer = system
        .post_with(images, &[("authorization", &bearer)], &body())
        .await;
    let row = system.row(&answer).await;
    assert_eq!(
        [row.text("api"), row.text("state")],
        ["unmetered", "completed"]
    );
    assert_eq!(row.number("cost_nanos"), None);
}

#[tokio::test]
async fn the_clients_own_key_passes() {
    let system = System::start().await;
    for (path, header, value) in [
        (MESSAGES, "x-api-key", "sk-own"),
        (MESSAGES, "authorization", "Bearer oauth"),
        (CHAT, "authorization", "Bearer sk-own"),
        (GENERATE, "x-goog-api-key", "own"),
    ] {
        system.post_with(path, &[(header, value)], &body()).await;
        assert_eq!(
            system.upstream.calls().pop().unwrap().headers[header],
            value
        );
    }
    let in_query = format!("{GENERATE}?key=own&alt=json");
    system.post(&in_query, "", &body()).await;
    assert!(
        system
            .upstream
            .calls()
            .pop()
            .unwrap()
            .target
            .ends_with("?key=own&alt=json")
    );
    let logged = system.server.stderr() + &system.server.stdout();
    assert!(
        !logged.contains("sk-own") && !logged.contains("key=own"),
        "{logged}"
    );
}

#[tokio::test]
async fn what_is_asked_is_never_sql() {
    let system = System::start().await;
    let answer = system.post_with(MESSAGES, &[], &body()).await;
    system.row(&answer).await;
    let hostile = [
        "'",
        "' or 1=1 --",
        "\"; drop table users; --",
        "$1",
        "\\",
        "%",
        "{1}",
    ];
    let encode =
        |text: &str| -> String { text.bytes().map(|byte| format!("%{byte:02X}")).collect() };
    for entry in QUERIES {
        let schema = entry.params();
        let names = schema.pointer("/properties").and_then(Value::as_object);
        for name in names.into_iter().flat_map(|names| names.keys()) {
            for text in hostile {
                let id = schema.pointer("/properties/id").filter(|_| name != "id");
                let id = id.map_or("", |_| "&id=01935e8d-7c2a");
                let path = format!(
                    "/api/v1/analytics/{}?{name}={}{id}",
                    entry.path.join("/"),
                    encode(text)
                );
                let request = system.request(Method::GET, &path, &[], "");
                let answer = system.client().send(request).await.unwrap();
                let said = answer.text();
                assert!(
                    [200, 400, 404].contains(&answer.status.as_u16()),
                    "{path}: {} {said}",
                    answer.status
                );
                let rows = answer.json()["rows"].as_array().map_or(0, Vec::len);
                let filters = ["agent", "model", "provider", "user", "search"];
                if filters.contains(&name.as_str()) && entry.name() == Some("list") {
                    assert_eq!(rows, 0, "{path} lets everything through: {said}");
                }
            }
        }
    }
    assert_eq!(system.count().await.unwrap(), 1);
}
