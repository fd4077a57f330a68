//! What answers tell browsers, on every route: the table of routes is walked, so
//! that a new one is not forgotten.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Request, StatusCode};
use systemprompt_server_core::ROUTES;
use systemprompt_testkit::client::{Answer, Client};

use crate::browser::TOKENS;
use crate::system::{MESSAGES, System};

/// A path that a route answers.
fn path(route: &str) -> String {
    route
        .replace("{*rest}", "anything")
        .replace("{*path}", "costs/summary")
        .replace("{provider}", "nobody")
        .replace("{server}", "nobody")
        .replace("{page}", "costs")
        .replace("{subject}", "nobody")
        .replace("{name}", "nothing")
}

#[track_caller]
fn is_hardened(what: &str, answer: &Answer) {
    let policy = answer.header("content-security-policy");
    for rule in [
        "default-src 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "form-action",
    ] {
        assert!(policy.contains(rule), "{what}: {policy}");
    }
    assert!(
        !policy.contains("unsafe") && !policy.contains('*'),
        "{what}: {policy}"
    );
    for (header, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "same-origin"),
        ("access-control-allow-origin", ""),
        ("server", ""),
    ] {
        assert_eq!(answer.header(header), value, "{what}: {header}");
    }
    let kept = answer.header("cache-control");
    // The script is the same for everybody, and holds nothing of anybody.
    let script = what.starts_with("GET /s.js ") && answer.status == StatusCode::OK;
    let expected = if script {
        "public, max-age=3600"
    } else {
        "no-store"
    };
    assert_eq!(kept, expected, "{what}: cache-control");
}

/// The head of an answer: some bodies tell what happens for as long as anything does.
async fn head(mut client: Client, request: Request<Full<Bytes>>) -> Answer {
    let (head, _) = client.begin(request).await.unwrap().into_parts();
    Answer {
        status: head.status,
        headers: head.headers,
        body: Vec::new(),
        cut: None,
    }
}

#[tokio::test]
async fn every_answer_of_ours_has_its_headers() {
    let system = System::with(&[TOKENS]).await;
    let reader = [("authorization", "Bearer reader-0123456789abcdef")];
    let wrong = [("authorization", "Bearer nonsense-0123456789abcdef")];
    let mut statuses = Vec::new();
    for route in ROUTES {
        let path = path(route.path);
        for method in [Method::GET, Method::POST, Method::OPTIONS, Method::DELETE] {
            for headers in [&[][..], &reader, &wrong] {
                let request = system.request(method.clone(), &path, headers, "{}");
                let answer = head(system.client(), request).await;
                let what = format!("{method} {path} {headers:?} {}", answer.status);
                is_hardened(&what, &answer);
                statuses.push(answer.status);
            }
        }
    }
    let wrong = "/api/v1/analytics/costs/summary?since=nonsense";
    let request = system.request(Method::GET, wrong, &reader, "");
    let answer = system.client().send(request).await.unwrap();
    is_hardened(wrong, &answer);
    statuses.push(answer.status);
    for status in [200, 303, 400, 401, 403, 404, 405] {
        let status = StatusCode::from_u16(status).unwrap();
        assert!(statuses.contains(&status), "{status} was never seen");
    }
    // The gateway's own refusals too.
    let refused = system
        .post_with(MESSAGES, &[], &serde_json::json!({}))
        .await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    is_hardened("the gateway", &refused);
}

#[tokio::test]
async fn answers_of_providers_have_none_of_ours() {
    let system = System::start().await;
    let body = serde_json::json!({"model": "claude-haiku-4-5"});
    let answer = system.post(MESSAGES, "", &body).await;
    assert_eq!(answer.status, StatusCode::OK);
    for header in [
        "content-security-policy",
        "x-frame-options",
        "cache-control",
    ] {
        assert_eq!(answer.header(header), "", "{header}");
    }
}
