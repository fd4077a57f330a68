//! What the providers get wrong: errors, broken streams, missing usage.

use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use crate::client::{mock, post, send};

const MESSAGES: &str = "/v1/messages";
const CHAT: &str = "/v1/chat/completions";
const RESPONSES: &str = "/v1/responses";
const GEMINI: &str = "/v1beta/models/m:streamGenerateContent?alt=sse";
const STREAMS: [&str; 4] = [MESSAGES, CHAT, RESPONSES, GEMINI];

fn stream() -> Value {
    json!({"model": "m", "stream": true, "stream_options": {"include_usage": true}})
}

#[tokio::test]
async fn errors_have_each_providers_shape() {
    let mock = mock().await;
    for (target, status, kind, expected) in [
        (MESSAGES, 429, "/error/type", json!("rate_limit_error")),
        (MESSAGES, 529, "/error/type", json!("overloaded_error")),
        (MESSAGES, 500, "/error/type", json!("api_error")),
        (MESSAGES, 404, "/error/type", json!("not_found_error")),
        (CHAT, 429, "/error/code", json!("rate_limit_exceeded")),
        (RESPONSES, 500, "/error/type", json!("server_error")),
        (CHAT, 401, "/error/code", json!("invalid_api_key")),
        (GEMINI, 429, "/error/status", json!("RESOURCE_EXHAUSTED")),
        (GEMINI, 503, "/error/code", json!(503)),
    ] {
        let answer = post(
            &mock,
            target,
            &format!("status={status},retry=7"),
            &stream(),
        )
        .await;
        assert_eq!(answer.status.as_u16(), status);
        assert_eq!(
            answer.json().pointer(kind),
            Some(&expected),
            "{target} {status}"
        );
        assert!(
            answer
                .header("content-type")
                .starts_with("application/json")
        );
        let again = if status == 429 || status >= 500 {
            "7"
        } else {
            ""
        };
        let again = if target == GEMINI { "" } else { again };
        assert_eq!(answer.header("retry-after"), again, "{target} {status}");
    }
    let array = "/v1beta/models/m:streamGenerateContent";
    let limited = post(&mock, array, "status=429,retry=7", &json!({}))
        .await
        .json();
    assert_eq!(limited[0]["error"]["details"][0]["retryDelay"], "7s");
}

#[tokio::test]
async fn streams_break_off_with_each_providers_error() {
    let mock = mock().await;
    let last = async |target| {
        let answer = post(&mock, target, "midstream-error", &stream()).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert!(answer.error.is_none());
        answer.events().pop().unwrap()
    };
    assert_eq!(last(MESSAGES).await["error"]["type"], "overloaded_error");
    assert_eq!(last(CHAT).await["error"]["type"], "server_error");
    let responses = last(RESPONSES).await;
    assert_eq!(
        (&responses["type"], &responses["code"]),
        (&"error".into(), &"server_error".into())
    );
    assert_eq!(last(GEMINI).await["error"]["status"], "UNAVAILABLE");
}

#[tokio::test]
async fn no_usage_means_none_anywhere() {
    let mock = mock().await;
    for target in STREAMS.into_iter().chain(["/v1/embeddings"]) {
        for body in [stream(), json!({"model": "m"})] {
            let text = post(&mock, target, "nousage", &body).await.text();
            assert!(!text.contains("TokenCount"), "{text}");
            // `max_output_tokens` is no usage: it is null.
            let mut counts = text.split("_tokens\":").skip(1);
            assert!(counts.all(|rest| rest.starts_with("null")), "{text}");
        }
    }
}

#[tokio::test]
async fn line_ends() {
    let mock = mock().await;
    for target in STREAMS {
        let text = post(&mock, target, "crlf", &stream()).await.text();
        assert!(text.ends_with("\r\n\r\n"));
        assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
        assert!(!text.contains("\r\r"));

        let text = post(&mock, target, "nofinalnl", &stream()).await.text();
        assert!(text.ends_with(['}', ']']));
        assert!(text.contains("\n\n") || text.contains("\r\n\r\n"));
    }
}

#[tokio::test]
async fn broken_events_stand_between_good_ones() {
    let mock = mock().await;
    let plain = post(&mock, MESSAGES, "", &stream()).await.events();
    let broken = post(&mock, MESSAGES, "badsse", &stream()).await;
    assert!(broken.text().contains("\nnonsense\n: comment\n"));
    let events = broken.events();
    assert_eq!(events.len(), plain.len() + 2);
    assert_eq!(events[2], "{\"broken\":");
    assert_eq!(events.last(), plain.last());
}

#[tokio::test]
async fn a_malformed_body_is_well_framed() {
    let mock = mock().await;
    let answer = post(&mock, MESSAGES, "malformed", &json!({"model": "m"})).await;
    assert_eq!(
        answer.header("content-length"),
        answer.bytes().len().to_string()
    );
    assert!(answer.error.is_none());
    assert!(serde_json::from_slice::<Value>(&answer.bytes()).is_err());
}

#[tokio::test]
async fn a_big_event_is_one_mebibyte() {
    let mock = mock().await;
    for target in STREAMS {
        let text = post(&mock, target, "bigevent", &stream()).await.text();
        assert!(text.lines().any(|line| line.len() > 1 << 20), "{target}");
    }
}

#[tokio::test]
async fn a_redirect_leads_to_a_path_of_its_own() {
    let mock = mock().await;
    let answer = post(&mock, MESSAGES, "redirect", &stream()).await;
    assert_eq!(answer.status, StatusCode::FOUND);
    assert_eq!(
        answer.header("location"),
        "http://mock.test/mock-redirected"
    );
    let followed = send(&mock, Method::GET, "/mock-redirected", &[], "").await;
    assert_eq!(followed.status, StatusCode::NOT_FOUND);
    assert_eq!(
        mock.calls().last().map(|call| call.target.as_str()),
        Some("/mock-redirected")
    );
}
