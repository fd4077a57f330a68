//! OpenTelemetry in: from the export to the answers, beside the gateway.

use std::time::{SystemTime, UNIX_EPOCH};

use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use std::io::Write as _;
use systemprompt_storage::check::{Checked, check};
use systemprompt_testkit::client::Answer;

use crate::system::{MESSAGES, System};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";
const JSON: (&str, &str) = ("content-type", "application/json");

fn nanos(ago: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    (u64::try_from(now.as_nanos()).unwrap() - ago).to_string()
}

fn attributes(of: &Value) -> Value {
    let of = of.as_object().unwrap().iter();
    of.map(|(key, value)| {
        let value = match value {
            Value::Number(_) => json!({ "intValue": value }),
            _ => json!({ "stringValue": value }),
        };
        json!({ "key": key, "value": value })
    })
    .collect()
}

fn span(trace: &str, id: &str, of: &Value) -> Value {
    json!({
        "traceId": trace, "spanId": id, "name": "chat", "kind": 3,
        "startTimeUnixNano": nanos(1_000_000_000), "endTimeUnixNano": nanos(0),
        "attributes": attributes(of),
    })
}

fn asked(response: &str) -> Value {
    json!({
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "anthropic",
        "gen_ai.request.model": "claude-haiku-4-5", "gen_ai.response.id": response,
        "gen_ai.usage.input_tokens": 1_000_000, "gen_ai.usage.output_tokens": 0,
    })
}

fn traces(spans: &[Value]) -> Value {
    json!({ "resourceSpans": [{
        "resource": { "attributes": attributes(&json!({ "service.name": "shop" })) },
        "scopeSpans": [{ "scope": { "name": "test" }, "spans": spans }],
    }] })
}

impl System {
    async fn export(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<bytes::Bytes>,
    ) -> Answer {
        let request = self.request(Method::POST, path, headers, body);
        self.client().send(request).await.unwrap()
    }

    async fn export_spans(&self, spans: &[Value]) -> Answer {
        let body = traces(spans).to_string();
        let answer = self.export("/v1/traces", &[JSON], body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        answer
    }
}

#[tokio::test]
async fn a_request_through_the_gateway_and_its_span_count_once() {
    let system = System::start().await;
    let body = json!({"model": "claude-haiku-4-5", "messages": [{"role": "user", "content": "a"}]});
    let parent = format!("00-{TRACE}-{SPAN}-01");
    let headers = [("x-mock", "in=7,out=3"), ("traceparent", parent.as_str())];
    let answer = system.post_with(MESSAGES, &headers, &body).await;
    let response = answer.json()["id"].as_str().unwrap().to_owned();
    // What exporters send comes after the answer, if only by a moment.
    let once = span(TRACE, SPAN, &asked(&response));
    system.export_spans(std::slice::from_ref(&once)).await;
    assert_eq!(system.count().await.unwrap(), 1);
    let row = system.row(&answer).await;
    assert_eq!(row.number("input"), Some(7), "what the gateway saw counts");
    assert_eq!(row.text("response_id"), response);

    // Others are others, each once.
    let others = [
        span(TRACE, "00f067aa0ba902b8", &asked("msg_other")),
        span("4bf92f3577b34da6a3ce929d0e0e4737", SPAN, &asked(&response)),
        once,
    ];
    for _ in 0..2 {
        let answer = system.export_spans(&others).await;
        assert_eq!(answer.json(), json!({}));
    }
    assert_eq!(system.count().await.unwrap(), 3);
    let told: i64 = system
        .scalar("select count(*) from ai_requests where agent = 'shop' and cost_nanos = 1000000000")
        .await
        .unwrap();
    assert_eq!(told, 2, "a million tokens at one dollar");
    let checked = check(system.db.pool()).await.unwrap();
    assert_eq!(checked, Checked::default());
}

#[tokio::test]
async fn bad_records_are_counted_and_the_others_taken() {
    let system = System::start().await;
    let mut spans: Vec<Value> = (1..=10_003)
        .map(|n| span(TRACE, &format!("{n:016x}"), &json!({ "http.route": "/" })))
        .collect();
    spans[0] = span(TRACE, SPAN, &asked("msg_1"));
    spans[1] = span("00", SPAN, &asked("msg_2"));
    let answer = system.export_spans(&spans).await;
    let partial = &answer.json()["partialSuccess"];
    assert_eq!(partial["rejectedSpans"], "4", "{partial}");
    assert!(
        partial["errorMessage"]
            .as_str()
            .unwrap()
            .contains("trace id")
    );
    assert_eq!(system.count().await.unwrap(), 1);

    let mut zipped = GzEncoder::new(Vec::new(), Compression::fast());
    let export = traces(&[span(TRACE, "1111111111111111", &asked("msg_3"))]).to_string();
    zipped.write_all(export.as_bytes()).unwrap();
    let zipped = zipped.finish().unwrap();
    let gzip = [JSON, ("content-encoding", "gzip")];
    let answer = system.export("/v1/traces", &gzip, zipped.clone()).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(system.count().await.unwrap(), 2);
    let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
    for _ in 0..40 {
        bomb.write_all(&[b' '; 1 << 20]).unwrap();
    }
    let bomb = bomb.finish().unwrap();

    let protobuf = ("content-type", "application/x-protobuf");
    let brotli = ("content-encoding", "br");
    for (headers, body, status) in [
        (vec![JSON], b"{".to_vec(), StatusCode::BAD_REQUEST),
        (
            vec![protobuf],
            b"\xff\xff".to_vec(),
            StatusCode::BAD_REQUEST,
        ),
        (gzip.to_vec(), b"{}".to_vec(), StatusCode::BAD_REQUEST),
        (gzip.to_vec(), bomb, StatusCode::PAYLOAD_TOO_LARGE),
        (
            vec![JSON],
            vec![b' '; (8 << 20) + 1],
            StatusCode::PAYLOAD_TOO_LARGE,
        ),
        (
            vec![JSON, brotli],
            zipped,
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ),
        (
            vec![("content-type", "application/grpc")],
            vec![],
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ),
        (vec![], b"{}".to_vec(), StatusCode::UNSUPPORTED_MEDIA_TYPE),
    ] {
        let answer = system.export("/v1/traces", &headers, body).await;
        assert_eq!(answer.status, status, "{headers:?}: {}", answer.text());
    }
    let answer = system
        .export("/v1/metrics", &[JSON], "{\"resourceMetrics\":[]}")
        .await;
    assert_eq!(answer.json()["partialSuccess"]["rejectedDataPoints"], "0");
    let get = system.request(Method::GET, "/v1/traces", &[], "");
    let answer = system.client().send(get).await.unwrap();
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_token_stands_for_whom_it_stands() {
    let tokens = "server.tokens=[\
        {name: team, token: team-0123456789abcdef, scopes: [ingest]},\
        {name: scout, token: scout-0123456789abcdef, user: ada, agent: scout, scopes: [ingest]}]";
    let system = System::with(&[tokens]).await;
    let claude_code = json!({ "resourceLogs": [{
        "resource": { "attributes": attributes(&json!({ "service.name": "claude-code" })) },
        "scopeLogs": [{ "scope": { "name": "com.anthropic.claude_code.events" }, "logRecords": [{
            "timeUnixNano": nanos(0), "body": { "stringValue": "claude_code.api_request" },
            "attributes": attributes(&json!({
                "event.name": "api_request", "model": "claude-haiku-4-5", "input_tokens": "1000000",
                "output_tokens": "0", "duration_ms": "500", "user.email": "bob@example.com", "session.id": "s-1",
            })),
        }, {
            "timeUnixNano": nanos(0), "body": { "stringValue": "claude_code.tool_result" },
            "attributes": attributes(&json!({ "tool_name": "mcp__files__read", "success": "true", "duration_ms": "5" })),
        }] }],
    }] })
    .to_string();
    for token in ["team", "scout"] {
        let bearer = format!("Bearer {token}-0123456789abcdef");
        let headers = [JSON, ("authorization", bearer.as_str())];
        let answer = system
            .export("/v1/logs", &headers, claude_code.clone())
            .await;
        assert_eq!((answer.status, answer.json()), (StatusCode::OK, json!({})));
        // The same event is the same, whoever sends it.
        assert_eq!(system.count().await.unwrap(), 1);
    }
    let of = "select count(*) from ai_requests where agent = 'claude-code' and token = 'team' \
              and user_id = 'bob@example.com' and cost_nanos = 1000000000 and session_id = 's-1'";
    assert_eq!(system.scalar(of).await.unwrap(), 1);
    let of = "select count(*) from mcp_tool_executions where server = 'files' and tool = 'read' \
              and via = 'otlp' and token = 'team'";
    assert_eq!(system.scalar(of).await.unwrap(), 1);

    let spans = traces(&[span(TRACE, SPAN, &asked("msg_1"))]).to_string();
    let headers = [JSON, ("x-systemprompt-token", "scout-0123456789abcdef")];
    let answer = system.export("/v1/traces", &headers, spans).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(system.count().await.unwrap(), 2);
    let of = "select count(*) from ai_requests where agent = 'scout' and user_id = 'ada'";
    assert_eq!(system.scalar(of).await.unwrap(), 1);
}

#[tokio::test]
async fn with_analytics_off_nothing_is_taken_and_that_is_said() {
    let system = System::with(&["analytics.enabled=false"]).await;
    let spans = [span(TRACE, SPAN, &asked("msg_1"))];
    let partial = system.export_spans(&spans).await.json()["partialSuccess"].clone();
    assert_eq!(partial["rejectedSpans"], "1", "{partial}");
    assert!(
        partial["errorMessage"]
            .as_str()
            .unwrap()
            .contains("analytics.enabled")
    );
    let stored = system.scalar("select count(*) from ai_requests").await;
    assert_eq!(stored.unwrap(), 0);
}
