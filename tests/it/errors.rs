//! Errors: the provider's pass as they are, our own come in the provider's
//! shape, and what is refused never reaches the provider.

use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use systemprompt_testkit::client::Answer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::system::{CHAT, GEMINI_SSE, GENERATE, MESSAGES, RESPONSES, System};

const APIS: [&str; 4] = [MESSAGES, CHAT, RESPONSES, GENERATE];

fn body() -> Value {
    json!({"model": "claude-haiku-4-5"})
}

#[tokio::test]
async fn errors_of_the_provider_pass_as_they_are() {
    let system = System::start().await;
    for (path, status, kind, code) in [
        (MESSAGES, 429, "rate_limit_error", ""),
        (MESSAGES, 529, "overloaded_error", ""),
        (MESSAGES, 500, "api_error", ""),
        (CHAT, 429, "requests", "rate_limit_exceeded"),
        (CHAT, 500, "server_error", "server_error"),
        (RESPONSES, 401, "invalid_request_error", "invalid_api_key"),
        (GENERATE, 429, "RESOURCE_EXHAUSTED", ""),
        (GEMINI_SSE, 503, "UNAVAILABLE", ""),
    ] {
        let answer = system
            .post(path, &format!("status={status},retry=7"), &body())
            .await;
        assert_eq!(answer.status.as_u16(), status, "{path}");
        let gemini = path.starts_with("/gemini");
        let transient = status == 429 || status >= 500;
        assert_eq!(
            answer.header("retry-after"),
            if transient && !gemini { "7" } else { "" }
        );
        if path == MESSAGES {
            assert!(answer.header("request-id").starts_with("req_mock_"));
            assert_eq!(
                answer.header("anthropic-ratelimit-requests-remaining"),
                "3999"
            );
            assert_eq!(answer.header("x-should-retry"), "true");
        }
        if path == CHAT {
            assert!(answer.header("x-request-id").starts_with("req_mock_"));
            assert_eq!(answer.header("x-ratelimit-remaining-tokens"), "1999000");
        }
        for held_back in [
            "server",
            "strict-transport-security",
            "alt-svc",
            "set-cookie",
        ] {
            assert_eq!(answer.header(held_back), "", "{path} {held_back}");
        }
        assert!(
            answer.json()["error"].is_object(),
            "{path}: {}",
            answer.text()
        );

        let row = system.row(&answer).await;
        assert_eq!(row.text("state"), "failed", "{path} {status}");
        assert_eq!(row.status(), i16::try_from(status).ok());
        assert_eq!(row.text("error_type"), kind, "{path} {status}");
        assert!(
            code.is_empty() || row.text("error_code") == code,
            "{path} {status}"
        );
        assert_eq!(row.text("usage_source"), "none");
        assert_eq!(row.number("cost_nanos"), None, "an error costs nothing");
        let id = row.text("provider_request_id");
        assert_eq!(id.is_empty(), gemini, "{path}: {id}");
    }
}

#[tokio::test]
async fn a_malformed_body_passes_and_is_no_success() {
    let system = System::start().await;
    for path in APIS {
        let whole = system.post(path, "", &body()).await;
        let half = system.post(path, "malformed", &body()).await;
        assert!(half.cut.is_none());
        assert!(
            half.body.len() < whole.body.len() && !half.body.is_empty(),
            "{path}"
        );
        let row = system.row(&half).await;
        assert_eq!(row.text("state"), "failed", "{path}");
        assert_eq!(row.text("error_type"), "incomplete_answer");
    }
    // What we cannot read the provider may: it is for the provider to refuse.
    let headers = [("content-type", "application/json")];
    let request = system.request(Method::POST, MESSAGES, &headers, "{not json");
    let answer = system.client().send(request).await.unwrap();
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(system.upstream.calls().pop().unwrap().body, "{not json");
    let row = system.row(&answer).await;
    assert_eq!(
        (row.text("state").as_str(), row.status()),
        ("failed", Some(400))
    );
    assert_eq!(row.text("requested_model"), "");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let system = System::start().await;
    let answer = system.post(MESSAGES, "redirect", &body()).await;
    assert_eq!(answer.status, StatusCode::FOUND);
    assert!(answer.header("location").ends_with("/mock-redirected"));
    assert_eq!(system.upstream.call_count(), 1);
    let row = system.row(&answer).await;
    assert_eq!(
        (row.text("state").as_str(), row.status()),
        ("failed", Some(302))
    );
}

#[tokio::test]
async fn a_provider_that_cannot_be_reached_is_a_502_in_its_shape() {
    let closed = "http://127.0.0.1:9";
    let sets =
        ["anthropic", "openai", "gemini"].map(|name| format!("providers.{name}.base_url={closed}"));
    let system = System::with(&sets.each_ref().map(String::as_str)).await;
    for (path, pointer, expected) in [
        (MESSAGES, "/error/type", json!("api_error")),
        (CHAT, "/error/type", json!("server_error")),
        (RESPONSES, "/error/code", json!("upstream_unreachable")),
        (GENERATE, "/error/code", json!(502)),
    ] {
        let answer = system.post(path, "", &body()).await;
        assert_eq!(answer.status, StatusCode::BAD_GATEWAY, "{path}");
        assert_eq!(answer.json().pointer(pointer), Some(&expected), "{path}");
        let row = system.row(&answer).await;
        assert_eq!(row.text("state"), "failed");
        assert_eq!(row.text("error_type"), "upstream_unreachable");
        assert_eq!(row.status(), None);
    }
}

/// A refusal of the gateway's own: its status, in the shape of the provider.
fn refused(answer: &Answer, path: &str, status: u16) {
    assert_eq!(answer.status.as_u16(), status, "{path}: {}", answer.text());
    let error = &answer.json()["error"];
    let shape = match path.split('/').nth(1).unwrap() {
        "anthropic" => answer.json()["type"] == "error" && error["type"].is_string(),
        "openai" => error["type"].is_string() && error["code"].is_string(),
        _ => error["code"] == status && error["status"].is_string(),
    };
    assert!(
        shape && error["message"].is_string(),
        "{path}: {}",
        answer.text()
    );
    assert_eq!(answer.header("x-should-retry"), "false", "{path}");
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let system = System::with(&["limits.gateway_body=64KiB"]).await;
    for path in APIS {
        let large = json!({"model": "m", "input": "x".repeat(80 << 10)});
        refused(&system.post(path, "", &large).await, path, 413);
    }
    // Of unknown length, it is counted.
    let mut raw = TcpStream::connect(system.addr).await.unwrap();
    let head = format!(
        "POST {MESSAGES} HTTP/1.1\r\nhost: {}\r\ntransfer-encoding: chunked\r\n\r\n",
        system.addr
    );
    raw.write_all(head.as_bytes()).await.unwrap();
    let piece = format!("2000\r\n{}\r\n", "x".repeat(0x2000));
    for _ in 0..9 {
        raw.write_all(piece.as_bytes()).await.unwrap();
    }
    let mut start = [0; 12];
    raw.read_exact(&mut start).await.unwrap();
    assert_eq!(&start, b"HTTP/1.1 413");
    assert_eq!(system.upstream.call_count(), 0);
    let fits = json!({"model": "m", "input": "x".repeat(60 << 10)});
    assert_eq!(
        system.post(RESPONSES, "", &fits).await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn what_is_not_served_is_said_so() {
    let system = System::start().await;
    let upgrade = [("connection", "upgrade"), ("upgrade", "websocket")];
    for path in [
        "/openai/v1/realtime?model=m",
        "/anthropic/v1/x",
        "/gemini/ws",
    ] {
        let request = system.request(Method::GET, path, &upgrade, "");
        refused(&system.client().send(request).await.unwrap(), path, 501);
    }
    for path in [
        "/anthropic/v1/../admin",
        "/anthropic/v1//messages",
        "/openai/v1/%2e%2e/x",
        "/openai/v1/%2E./x",
        "/openai/v1/a%2fb",
        "/gemini/v1/a%5Cb",
        "/gemini//example.com/x",
    ] {
        refused(&system.post(path, "", &body()).await, path, 400);
    }
    for path in [
        "/nobody/v1/messages",
        "/anthropic",
        "/v1/messages",
        "//anthropic/v1/messages",
    ] {
        let answer = system.post(path, "", &body()).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert!(
            answer.json()["error"]["message"]
                .as_str()
                .unwrap()
                .contains("/anthropic")
        );
    }
    assert_eq!(system.upstream.call_count(), 0);
    assert_eq!(system.count().await.unwrap(), 0);
}

#[tokio::test]
async fn what_is_free_passes_unrecorded() {
    let system = System::start().await;
    for (method, path) in [
        (Method::GET, "/openai/v1/models"),
        (Method::GET, "/gemini/v1beta/models"),
        (Method::POST, "/anthropic/v1/messages/count_tokens"),
        (Method::POST, "/openai/v1/images/generations"),
    ] {
        let request = system.request(method, path, &[], body().to_string());
        let answer = system.client().send(request).await.unwrap();
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text());
        assert_eq!(answer.header("x-systemprompt-request-id"), "", "{path}");
        let (_, rest) = path[1..].split_once('/').unwrap();
        assert_eq!(
            system.upstream.calls().pop().unwrap().target,
            format!("/{rest}")
        );
    }
    assert_eq!(system.count().await.unwrap(), 0);
}

#[tokio::test]
async fn only_small_plain_answers_carry_their_cost() {
    let system = System::start().await;
    let cost = |answer: &Answer| answer.header("x-systemprompt-cost").to_owned();
    let plain = system.post(MESSAGES, "in=1000,out=1000", &body()).await;
    // A dollar and five for a million.
    assert_eq!(cost(&plain), "0.006");
    assert_eq!(
        system.row(&plain).await.number("cost_nanos"),
        Some(6_000_000)
    );

    let stream = json!({"model": "claude-haiku-4-5", "stream": true});
    for (mock, body) in [
        ("", &stream),
        ("length", &stream),
        ("chunked", &body()),
        ("bigevent", &body()),
        ("nousage", &body()),
        ("model=of-no-price", &json!({"model": "of-no-price"})),
    ] {
        let answer = system.post(MESSAGES, mock, body).await;
        assert_eq!(
            (answer.status, cost(&answer)),
            (StatusCode::OK, String::new()),
            "{mock}"
        );
        assert_eq!(
            system.row(&answer).await.text("state"),
            "completed",
            "{mock}"
        );
    }
}
