//! What becomes of events while the server is away, refuses, or answers strangely: with
//! a server that answers as it is told.
#![cfg(all(feature = "http-sink", feature = "tower"))]
#![allow(clippy::unwrap_used)] // what fails here fails the test

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};
use systemprompt_capture::domain::tool::ToolCalled;
use systemprompt_capture::domain::{Event, ToolCallId};
use systemprompt_capture::{Capture, CaptureStatus, ToolSink};
use time::format_description::well_known::Rfc3339;
use tokio::net::TcpListener;

const TOKEN: &str = "a-token";
/// No test here takes half as long.
const PATIENCE: Duration = Duration::from_secs(20);

/// How the server answers, once each and then as a server does.
enum Say {
    Status(u16),
    RetryAfter(u64),
}

/// A server that stores events, each once.
#[derive(Default)]
struct Server {
    script: VecDeque<Say>,
    /// Larger batches are answered with 413.
    most: Option<usize>,
    /// Batches with this tool are answered with 400.
    poison: Option<&'static str>,
    /// This tool is refused by itself.
    refused: Option<&'static str>,
    /// How often each id came.
    stored: BTreeMap<String, u32>,
    attempts: Vec<Instant>,
}

type Shared = Arc<Mutex<Server>>;

async fn serve(server: &Shared) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let server = Arc::clone(server);
    let answer =
        move |headers: HeaderMap, body: Bytes| async move { answer(&server, &headers, &body) };
    let router = Router::new().route("/api/v1/events", post(answer));
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

fn answer(server: &Shared, headers: &HeaderMap, body: &[u8]) -> Response {
    let mut server = server.lock().unwrap();
    server.attempts.push(Instant::now());
    if headers["authorization"] != format!("Bearer {TOKEN}") {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    match server.script.pop_front() {
        Some(Say::Status(status)) => return StatusCode::from_u16(status).unwrap().into_response(),
        Some(Say::RetryAfter(seconds)) => {
            let after = [("retry-after", seconds.to_string())];
            return (StatusCode::TOO_MANY_REQUESTS, after).into_response();
        }
        None => {}
    }
    let events: Vec<Value> = serde_json::from_slice(body).unwrap();
    if server.most.is_some_and(|most| events.len() > most) {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    }
    let is = |event: &Value, tool: Option<&str>| tool.is_some_and(|tool| event["tool"] == tool);
    if events.iter().any(|event| is(event, server.poison)) {
        return StatusCode::BAD_REQUEST.into_response();
    }
    let (mut refused, mut results) = (0, Vec::new());
    for event in &events {
        if is(event, server.refused) {
            refused += 1;
            results.push(json!({"result": "refused", "field": "tool", "reason": "is refused"}));
            continue;
        }
        let id = event["id"].as_str().unwrap().to_owned();
        *server.stored.entry(id).or_default() += 1;
        results.push(json!({"result": "stored"}));
    }
    axum::Json(json!({"refused": refused, "results": results})).into_response()
}

fn call(tool: &str) -> ToolCalled {
    let id = ToolCallId::new();
    let at = id.created_at().unwrap().format(&Rfc3339).unwrap();
    let call = json!({"id": id, "created_at": at, "trace_id": id, "server": "files", "tool": tool,
        "via": "layer", "status": "success", "latency_us": 1, "request_bytes": 1, "response_bytes": 1});
    serde_json::from_value(call).unwrap()
}

fn capture(address: &str, token: &str, folder: &Path) -> Capture {
    // Where another test has installed it, it is the same one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let builder = Capture::builder(client, address, token).linger(Duration::from_millis(10));
    builder.segment(1 << 20).start(folder).unwrap()
}

/// Records calls of a tool; answers their ids.
fn record(capture: &Capture, tool: &str, n: usize) -> Vec<String> {
    let recorder = capture.recorder();
    let record = |_| {
        let call = call(tool);
        let id = call.id.to_string();
        recorder.called(call);
        id
    };
    (0..n).map(record).collect()
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Asserts that these are stored and nothing else, and how often at the most.
fn assert_stored(server: &Shared, ids: &[String]) {
    let server = server.lock().unwrap();
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    assert_eq!(server.stored.keys().cloned().collect::<Vec<_>>(), ids);
}

#[tokio::test]
async fn what_passes_is_waited_for() {
    let (server, folder) = (Shared::default(), tempfile::tempdir().unwrap());
    let says = [Say::Status(500), Say::Status(503), Say::RetryAfter(1)];
    server.lock().unwrap().script = says.into();
    let address = serve(&server).await;
    let capture = capture(&address, TOKEN, folder.path());
    let ids = record(&capture, "read", 20);
    until("trouble is told", || {
        capture
            .status()
            .trouble
            .is_some_and(|why| why.contains("HTTP 5"))
    })
    .await;
    assert!(capture.status().backlog > 0);
    until("all are stored", || {
        server.lock().unwrap().stored.len() == 20
    })
    .await;
    until("the trouble is over", || capture.status().trouble.is_none()).await;
    assert_stored(&server, &ids);
    let attempts = server.lock().unwrap().attempts.clone();
    let waits: Vec<_> = attempts.windows(2).map(|two| two[1] - two[0]).collect();
    assert_eq!(waits.len(), 3, "{waits:?}");
    // The pause doubles, and what the server wishes holds instead: 0.5 s, 1 s, 1 s.
    for (wait, least) in waits.iter().zip([500, 1_000, 1_000]) {
        let (least, most) = (
            Duration::from_millis(least),
            Duration::from_millis(least + 900),
        );
        // Timers may be a little early.
        assert!(
            *wait + Duration::from_millis(5) >= least && *wait < most,
            "{waits:?}"
        );
    }
    let status = capture.close(PATIENCE).await;
    assert_eq!(
        (status.backlog, status.refused, status.unrecorded),
        (0, 0, 0)
    );
}

#[tokio::test]
async fn a_wrong_token_loses_nothing() {
    let (server, folder) = (Shared::default(), tempfile::tempdir().unwrap());
    let address = serve(&server).await;
    let wrong = capture(&address, "mistyped", folder.path());
    let ids = record(&wrong, "read", 5);
    until("it is told", || {
        wrong
            .status()
            .trouble
            .is_some_and(|why| why.contains("token"))
    })
    .await;
    let CaptureStatus {
        backlog, trouble, ..
    } = wrong.close(Duration::from_millis(100)).await;
    assert!(backlog > 0 && trouble.is_some());
    assert_stored(&server, &[]);
    // The operator mends it.
    let right = capture(&address, TOKEN, folder.path());
    let all = [ids, record(&right, "read", 2)].concat();
    assert_eq!(right.close(PATIENCE).await.backlog, 0);
    assert_stored(&server, &all);
}

#[tokio::test]
async fn batches_that_are_too_large_go_in_parts() {
    let (server, folder) = (Shared::default(), tempfile::tempdir().unwrap());
    server.lock().unwrap().most = Some(7);
    let address = serve(&server).await;
    let capture = capture(&address, TOKEN, folder.path());
    let ids = record(&capture, "read", 100);
    assert_eq!(capture.close(PATIENCE).await.refused, 0);
    assert_stored(&server, &ids);
    let most = server.lock().unwrap().stored.values().copied().max();
    assert_eq!(most, Some(1), "none was sent twice");
}

#[tokio::test]
async fn an_event_that_is_never_taken_holds_up_no_other() {
    for by_itself in [true, false] {
        let (server, folder) = (Shared::default(), tempfile::tempdir().unwrap());
        let tool = Some("bad");
        match by_itself {
            true => server.lock().unwrap().refused = tool,
            false => server.lock().unwrap().poison = tool,
        }
        let address = serve(&server).await;
        let capture = capture(&address, TOKEN, folder.path());
        let before = record(&capture, "read", 10);
        record(&capture, "bad", 1);
        let after = record(&capture, "read", 10);
        let status = capture.close(PATIENCE).await;
        assert_eq!(
            (status.refused, status.backlog, status.trouble),
            (1, 0, None)
        );
        assert_stored(&server, &[before, after].concat());
    }
}

#[tokio::test]
async fn a_server_that_takes_nothing_is_no_reason_to_give_up() {
    let (server, folder) = (Shared::default(), tempfile::tempdir().unwrap());
    // Something on the way that answers everything with 400.
    server.lock().unwrap().most = Some(0);
    let address = serve(&server).await;
    let capture = capture(&address, TOKEN, folder.path());
    let ids = record(&capture, "read", 4);
    until("it is told", || {
        capture
            .status()
            .trouble
            .is_some_and(|why| why.contains("413"))
    })
    .await;
    assert_eq!(capture.status().refused, 0);
    server.lock().unwrap().most = None;
    until("all are stored", || {
        server.lock().unwrap().stored.len() == 4
    })
    .await;
    assert_stored(&server, &ids);
}

#[tokio::test]
async fn a_full_spool_is_counted_and_takes_events_again() {
    let (server, folder) = (Shared::default(), tempfile::tempdir().unwrap());
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    // Nobody listens there.
    let away = Capture::builder(client.clone(), "http://127.0.0.1:9", TOKEN)
        .cap(2 << 20)
        .segment(1 << 20)
        .start(folder.path())
        .unwrap();
    let recorder = away.recorder();
    let (mut ids, mut lost, mut in_a_row) = (Vec::new(), 0, 0);
    // Full is what stays so: for a moment another file may only be on its way.
    while in_a_row < 20 {
        let call = call(&"x".repeat(8_000));
        let id = call.id.to_string();
        recorder.called(call);
        if away.status().unrecorded == lost {
            ids.push(id);
            in_a_row = 0;
        } else {
            lost += 1;
            in_a_row += 1;
            assert_eq!(away.status().unrecorded, lost);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(ids.len() < 1_000, "it never fills");
    }
    assert!(ids.len() > 50, "only {} fit", ids.len());
    drop(recorder);
    away.close(Duration::from_millis(50)).await;
    // What was recorded is all there, and what comes now is recorded again.
    let address = serve(&server).await;
    let back = capture(&address, TOKEN, folder.path());
    until("it is emptied", || {
        server.lock().unwrap().stored.len() == ids.len()
    })
    .await;
    let more = record(&back, "read", 1);
    assert_eq!(back.status().unrecorded, 0);
    back.close(PATIENCE).await;
    assert_stored(&server, &[ids, more].concat());
}

#[tokio::test]
async fn events_that_only_servers_record_are_left_out() {
    let (server, folder) = (Shared::default(), tempfile::tempdir().unwrap());
    let address = serve(&server).await;
    let capture = capture(&address, TOKEN, folder.path());
    let audit = json!({"audit": {"category": "administration", "event": "x",
        "at": "2026-11-25T10:07:30Z", "outcome": "succeeded", "count": 1}});
    let audit: Event = serde_json::from_value(audit).unwrap();
    capture.recorder().record(&audit);
    let ids = record(&capture, "read", 1);
    assert_eq!(capture.close(PATIENCE).await.backlog, 0);
    assert_stored(&server, &ids);
}
