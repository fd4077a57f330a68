//! The API over its router: what it answers, what it refuses, and what it says
//! of itself.

mod texts;

use std::path::Path;

use axum::body::Body;
use axum::http::{HeaderMap, Request, Response, StatusCode};
use axum::{Extension, Router};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use sqlx::PgPool;
use systemprompt_config::Alert;
use systemprompt_domain::Clock;
use systemprompt_reporting::{QUERIES, Scope, Settings};
use systemprompt_testkit::db::TestDb;
use time::OffsetDateTime;
use time::macros::datetime;
use tower::ServiceExt as _;

use super::{ApiState, docs_openapi, docs_page, docs_style, document, openapi, router};
use crate::auth::Reader;

/// The now of the history.
const NOW: OffsetDateTime = datetime!(2026-11-25 10:07:30 UTC);

/// A pool without a database behind it.
fn nowhere() -> PgPool {
    let options =
        sqlx::postgres::PgPoolOptions::new().acquire_timeout(std::time::Duration::from_millis(200));
    options
        .connect_lazy("postgres://nobody@127.0.0.1:1/nothing")
        .expect("a URL")
}

fn questions(pool: &PgPool, scope: Scope) -> Router {
    let alerts: Vec<Alert> =
        serde_json::from_str(include_str!("../../../reporting/tests/it/alerts.json"))
            .expect("alerts as in a profile");
    let settings = Settings {
        alerts,
        ..Settings::default()
    };
    let state = ApiState::new(pool.clone(), pool.clone(), settings, Clock::Fixed(NOW));
    router(state).layer(Extension(scope))
}

/// What describes the API, as the server has it.
fn description() -> Router {
    Router::new()
        .route("/api/v1/openapi.json", docs_openapi())
        .route("/api/docs", docs_page())
        .route("/api/docs.css", docs_style())
}

async fn send(router: Router, request: Request<Body>) -> Response<Body> {
    router.oneshot(request).await.expect("infallible")
}

async fn get(router: Router, path: &str) -> (StatusCode, HeaderMap, String) {
    let response = send(
        router,
        Request::get(path).body(Body::empty()).expect("a request"),
    )
    .await;
    let (parts, body) = response.into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    (
        parts.status,
        parts.headers,
        String::from_utf8(body.to_vec()).expect("UTF-8"),
    )
}

async fn get_json(router: Router, path: &str) -> (StatusCode, Value) {
    let (status, _, body) = get(router, path).await;
    (
        status,
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("{path}: {error}: {body}")),
    )
}

async fn history() -> TestDb {
    let db = TestDb::new().await;
    for sql in [
        include_str!("../../../reporting/tests/it/history.sql"),
        include_str!("../../../reporting/tests/it/rollups.sql"),
        include_str!("../../../reporting/tests/it/alerts.sql"),
        include_str!("../../../reporting/tests/it/activity.sql"),
        include_str!("../../../reporting/tests/it/tools.sql"),
        include_str!("../../../reporting/tests/it/web.sql"),
    ] {
        sqlx::raw_sql(sql)
            .execute(db.pool())
            .await
            .expect("the history");
    }
    db
}

#[tokio::test]
async fn every_question_has_a_route() {
    let db = history().await;
    let id: String =
        sqlx::query_scalar("select id::text from ai_requests order by id desc limit 1")
            .fetch_one(db.pool())
            .await
            .expect("a request");
    for entry in QUERIES {
        let query = match entry.path {
            ["requests" | "traces", "show"] => format!("id={id}"),
            ["conversations", "show"] => "id=conversation-0".to_owned(),
            ["agents", "show"] => "name=scout".to_owned(),
            ["tools", "show"] => "name=search".to_owned(),
            ["sessions", "show"] => "id=01a2122a-6ce0-7000-9000-000000000001".to_owned(),
            ["content", "show"] => "content=/blog/a".to_owned(),
            _ if entry.params().pointer("/properties/since").is_some() => "since=7d".to_owned(),
            _ => String::new(),
        };
        let path = format!("{}?{query}", openapi::path(entry));
        let (status, answer) = get_json(questions(db.pool(), Scope::everything()), &path).await;
        assert_eq!(status, StatusCode::OK, "{path}: {answer}");
        assert_eq!(answer["question"], entry.path.join(" "));
        assert_eq!(
            answer
                .as_object()
                .and_then(|members| members.keys().next())
                .map(String::as_str),
            Some("question")
        );
        assert!(
            answer["rows"]
                .as_array()
                .is_some_and(|rows| !rows.is_empty()),
            "{path}: {answer}"
        );
        assert!(answer["more"].is_boolean(), "{path}: {answer}");
    }
}

#[tokio::test]
async fn a_group_alone_asks_its_first_question() {
    let db = history().await;
    let ask = |path| get_json(questions(db.pool(), Scope::everything()), path);
    let (_, group) = ask("/api/v1/analytics/costs?since=7d").await;
    let (_, question) = ask("/api/v1/analytics/costs/summary?since=7d").await;
    assert_eq!(group, question);
}

#[tokio::test]
async fn a_scope_narrows_every_answer() {
    let db = history().await;
    let ask = |scope| {
        get_json(
            questions(db.pool(), scope),
            "/api/v1/analytics/requests/list?since=7d&limit=100",
        )
    };
    let (_, all) = ask(Scope::everything()).await;
    let (_, own) = ask(Scope::agent("scout")).await;
    let agents = |answer: &Value| -> Vec<Value> {
        answer["rows"]
            .as_array()
            .expect("rows")
            .iter()
            .map(|row| row["agent"].clone())
            .collect()
    };
    assert!(agents(&all).iter().any(|agent| *agent != json!("scout")));
    assert!(!agents(&own).is_empty() && agents(&own).iter().all(|agent| *agent == json!("scout")));
}

#[tokio::test]
async fn without_a_scope_nothing_is_answered() {
    for entry in QUERIES {
        let unscoped = router(ApiState::new(
            nowhere(),
            nowhere(),
            Settings::default(),
            Clock::Fixed(NOW),
        ));
        let (status, body) = get_json(unscoped, &openapi::path(entry)).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{body}");
        assert!(body["error"]["message"].is_string(), "{body}");
    }
}

/// A file that cannot be recorded is not handed out; an answer that is only read is
/// no file.
#[tokio::test]
async fn no_file_leaves_unless_that_is_recorded() {
    let db = TestDb::new().await;
    let asked = |path: &'static str| {
        let state = ApiState::new(
            db.pool().clone(),
            nowhere(),
            Settings::default(),
            Clock::Fixed(NOW),
        );
        let reader = Extension(Reader::signed_in("ada".to_owned()));
        let router = router(state).layer(Extension(Scope::everything()));
        get(router.layer(reader), path)
    };
    let (status, _, _) = asked("/api/v1/analytics/costs/summary").await;
    assert_eq!(status, StatusCode::OK);
    for path in [
        "/api/v1/analytics/costs/summary.csv",
        "/api/v1/analytics/costs/summary.json",
    ] {
        let (status, _, body) = asked(path).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{body}");
        assert!(
            body.contains("audit trail") && !body.contains("rows"),
            "{body}"
        );
    }
}

#[tokio::test]
async fn what_cannot_be_asked_says_why_and_which_parameter() {
    let ask = |path: &'static str| get_json(questions(&nowhere(), Scope::everything()), path);
    for (path, parameter) in [
        ("/api/v1/analytics/costs/breakdown?modle=a", json!("modle")),
        (
            "/api/v1/analytics/costs/breakdown?by=agent&limit=0&since=7d",
            json!("limit"),
        ),
        ("/api/v1/analytics/costs/breakdown?by=colour", json!("by")),
        ("/api/v1/analytics/costs?since=tomorrow", json!("since")),
        // Beyond the calendar, and what is one only in its own time zone.
        (
            "/api/v1/analytics/costs?since=9999-12-31T23:59:59-01:00",
            json!("since"),
        ),
        (
            "/api/v1/analytics/costs?since=0000-01-01T00:00:00%2B23:00",
            json!("since"),
        ),
        ("/api/v1/analytics/requests/show", json!("id")),
        (
            "/api/v1/analytics/costs?since=today&until=yesterday",
            Value::Null,
        ),
    ] {
        let (status, body) = ask(path).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path}: {body}");
        assert_eq!(body["error"]["parameter"], parameter, "{path}: {body}");
        assert!(
            body["error"]["message"]
                .as_str()
                .is_some_and(|text| !text.is_empty()),
            "{path}: {body}"
        );
    }
}

#[tokio::test]
async fn what_is_not_there_is_404() {
    for path in [
        "/api/v1/analytics",
        "/api/v1/analytics/weather",
        "/api/v1/analytics/costs/weather",
        "/api/v1/analytics/costs/summary/x",
    ] {
        let (status, body) = get_json(questions(&nowhere(), Scope::everything()), path).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}: {body}");
    }
    let db = TestDb::new().await;
    let path = "/api/v1/analytics/requests/show?id=0123456789abcdef";
    let (status, body) = get_json(questions(db.pool(), Scope::everything()), path).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "{body}");
}

#[tokio::test]
async fn without_a_database_it_is_503_and_says_when_to_ask_again() {
    let path = "/api/v1/analytics/overview";
    let (status, headers, body) = get(questions(&nowhere(), Scope::everything()), path).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{body}");
    assert_eq!(headers["retry-after"], "2");
    assert!(!body.contains("127.0.0.1"), "{body}");
}

#[tokio::test]
async fn other_methods_are_refused_in_the_same_shape() {
    let request = Request::post("/api/v1/analytics/overview")
        .body(Body::empty())
        .expect("a request");
    let response = send(questions(&nowhere(), Scope::everything()), request).await;
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(response.headers()["allow"], "GET, HEAD");
    let body = response
        .into_body()
        .collect()
        .await
        .expect("a body")
        .to_bytes();
    let body: Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(body["error"]["message"], "questions are asked with GET");
}

#[tokio::test]
async fn nothing_is_cached_or_guessed() {
    let answered = get(
        questions(&nowhere(), Scope::everything()),
        "/api/v1/analytics/overview",
    )
    .await;
    let mut all = vec![answered];
    for path in ["/api/v1/openapi.json", "/api/docs", "/api/docs.css"] {
        all.push(get(description(), path).await);
    }
    for (_, headers, _) in all {
        assert_eq!(headers["cache-control"], "no-store");
        assert_eq!(headers["x-content-type-options"], "nosniff");
    }
}

#[tokio::test]
async fn the_page_explains_every_question_on_its_own() {
    let (status, headers, page) = get(description(), "/api/docs").await;
    assert_eq!(
        (status, headers["content-type"].as_bytes()),
        (StatusCode::OK, &b"text/html; charset=utf-8"[..])
    );
    let policy = headers["content-security-policy"].to_str().expect("text");
    assert!(
        policy.starts_with("default-src 'none'; style-src 'self'"),
        "{policy}"
    );
    for outside in [
        "<script",
        "style=",
        "<img",
        "@import",
        "src=\"http",
        "href=\"http",
    ] {
        assert!(!page.contains(outside), "{outside}");
    }
    for entry in QUERIES {
        assert!(
            page.contains(&format!("systemprompt analytics {}", entry.path.join(" "))),
            "{:?}",
            entry.path
        );
        assert!(page.contains(&openapi::path(entry)), "{:?}", entry.path);
        assert!(
            page.contains(&format!("id=\"{}\"", entry.path.join("-"))),
            "{:?}",
            entry.path
        );
    }
    let (_, headers, style) = get(description(), "/api/docs.css").await;
    assert_eq!(headers["content-type"], "text/css; charset=utf-8");
    assert!(style.contains("prefers-color-scheme: dark"));
}

/// `docs/openapi.json` is what is served. `UPDATE_DOCS=1` writes it anew.
#[tokio::test]
async fn the_committed_document_is_current() {
    let (_, headers, served) = get(description(), "/api/v1/openapi.json").await;
    assert_eq!(headers["content-type"], "application/json");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &served).expect("docs/ can be written");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == served,
        "docs/openapi.json is stale: run this test with UPDATE_DOCS=1"
    );
}

/// The rules of OpenAPI 3.1 that a document like ours can break.
#[test]
fn the_document_keeps_the_rules() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    assert!(document["info"]["title"].is_string() && document["info"]["version"].is_string());
    let paths = document["paths"].as_object().expect("paths");
    // Each question, and its two files; live changes; the ways in; four of the web.
    let ways_in = [super::events::PATH, "/v1/traces", "/v1/logs", "/v1/metrics"];
    assert_eq!(paths.len(), 3 * QUERIES.len() + 1 + ways_in.len() + 4);
    let live = &paths["/api/v1/live"]["get"]["responses"]["200"]["content"];
    assert!(live["text/event-stream"].is_object());
    for entry in QUERIES {
        let asked = openapi::path(entry);
        let parameters = |path: &str| {
            let all = paths[path]["get"]["parameters"].as_array();
            all.map_or(usize::MAX, Vec::len)
        };
        for (ending, kind) in [("csv", "text/csv"), ("json", "application/json")] {
            let file = format!("{asked}.{ending}");
            let answer = &paths[&file]["get"]["responses"]["200"]["content"];
            assert!(answer[kind]["schema"].is_object(), "{file}");
            assert_eq!(parameters(&file), parameters(&asked), "{file}");
        }
    }
    for way in ways_in {
        for part in ["summary", "description", "requestBody", "responses"] {
            assert!(!paths[way]["post"][part].is_null(), "{way}: {part}");
        }
    }
    for (path, method) in [
        ("/s.js", "get"),
        ("/api/collect", "post"),
        ("/px.gif", "get"),
    ] {
        let open = &paths[path][method];
        assert_eq!(
            open["security"],
            json!([]),
            "{path}: nobody has a token there"
        );
    }
    let operations = paths
        .values()
        .flat_map(|item| [&item["get"], &item["post"]]);
    let ids: Vec<&Value> = operations
        .filter(|operation| !operation.is_null())
        .map(|operation| &operation["operationId"])
        .collect();
    let different: std::collections::BTreeSet<_> =
        ids.iter().filter_map(|id| id.as_str()).collect();
    assert_eq!(different.len(), ids.len());
    let asked: Vec<String> = QUERIES.iter().map(openapi::path).collect();
    let questions = paths.iter().filter(|(path, _)| asked.contains(path));
    for (path, item) in questions {
        assert!(path.starts_with('/') && !path.contains('{'), "{path}");
        let operation = &item["get"];
        assert!(
            !operation["summary"].as_str().expect("a summary").is_empty(),
            "{path}"
        );
        let mut names = std::collections::BTreeSet::new();
        for parameter in operation["parameters"].as_array().expect("parameters") {
            assert!(
                names.insert(parameter["name"].as_str().expect("a name")),
                "{path}: {parameter}"
            );
            assert_eq!(parameter["in"], "query", "{path}");
            assert!(parameter["required"].is_boolean(), "{path}: {parameter}");
            assert!(
                !parameter["description"].as_str().expect("text").is_empty(),
                "{path}: {parameter}"
            );
            assert!(parameter["schema"].is_object(), "{path}: {parameter}");
        }
        let answer = &operation["responses"]["200"]["content"]["application/json"]["schema"];
        assert_eq!(answer["type"], "object", "{path}");
        assert!(
            answer["properties"]["rows"]["items"]["properties"].is_object(),
            "{path}"
        );
        assert_eq!(answer["required"][0], "question", "{path}");
        for (status, response) in operation["responses"].as_object().expect("responses") {
            assert!(
                status
                    .parse::<u16>()
                    .is_ok_and(|status| (100..600).contains(&status)),
                "{path}: {status}"
            );
            assert!(
                response["description"].is_string() || response["$ref"].is_string(),
                "{path}: {status}"
            );
        }
    }
    for scheme in document["security"]
        .as_array()
        .expect("security")
        .iter()
        .flat_map(|one| one.as_object().expect("an object").keys())
    {
        assert!(
            document["components"]["securitySchemes"][scheme].is_object(),
            "{scheme}"
        );
    }
    every_reference_leads_somewhere(&document, &document);
}

fn every_reference_leads_somewhere(document: &Value, part: &Value) {
    match part {
        Value::Object(members) => {
            if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
                let pointer = reference.strip_prefix('#').expect("inside the document");
                assert!(document.pointer(pointer).is_some(), "{reference}");
            }
            members
                .values()
                .for_each(|part| every_reference_leads_somewhere(document, part));
        }
        Value::Array(items) => items
            .iter()
            .for_each(|part| every_reference_leads_somewhere(document, part)),
        _ => {}
    }
}
