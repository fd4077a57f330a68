//! Streams: usage that is asked for on the client's behalf, clients that leave,
//! providers that break off or fall silent.

use std::time::{Duration, Instant};

use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use systemprompt_testkit::PATIENCE;
use systemprompt_testkit::client::{Client, read};
use uuid::Uuid;

use crate::system::{CHAT, GEMINI_SSE, GENERATE, MESSAGES, RESPONSES, System, request_id};

const STREAMS: [&str; 4] = [MESSAGES, CHAT, RESPONSES, GEMINI_SSE];

fn body() -> Value {
    json!({"model": "claude-haiku-4-5", "stream": true})
}

fn outcome(state: &str, source: &str, input: i64, output: i64) -> (String, String, i64, i64) {
    (state.into(), source.into(), input, output)
}

#[tokio::test]
async fn usage_is_asked_for_and_taken_out_again() {
    let system = System::start().await;
    let chat = json!({"model": "gpt-4o-mini", "stream": true});
    for (number, mock) in ["", "tool=weather", "crlf", "split=3", "bigevent,chunks=2"]
        .iter()
        .enumerate()
    {
        let mock = format!("in=100,out=20,cache=30,{mock}");
        let answer = system.post(CHAT, &mock, &chat).await;
        let call = system.upstream.calls().pop().unwrap();
        let sent: Value = serde_json::from_slice(&call.body).unwrap();
        assert_eq!(sent["stream_options"], json!({"include_usage": true}));
        assert_eq!(answer.header("content-length"), "");

        // The same stream as it is without: only ids and times differ.
        let plain = normal(&direct(&system, &mock, &chat).await);
        let got = normal(&answer.text());
        if mock.contains("bigevent") {
            // An event too large to be looked at keeps its null.
            assert_eq!(got.matches(r#","usage":null"#).count(), 1);
            assert!(
                got.replace(r#","usage":null"#, "") == plain,
                "nothing else differs"
            );
        } else {
            assert_eq!(got, plain, "case {number}");
        }
        let row = system.row(&answer).await;
        assert_eq!(row.outcome(), outcome("completed", "provider", 70, 20));
        assert!(row.flag("usage_injected"));
        assert!(row.number("cost_nanos").is_some());
    }
}

/// The stream as the provider sends it when nobody asks for usage.
async fn direct(system: &System, mock: &str, body: &Value) -> String {
    let mut client = Client::new(system.upstream.addr);
    let headers = [("x-mock", mock)];
    let request = system.request(
        Method::POST,
        "/v1/chat/completions",
        &headers,
        body.to_string(),
    );
    client.send(request).await.unwrap().text()
}

/// A stream without what differs from call to call: numbers.
fn normal(stream: &str) -> String {
    stream.chars().filter(|c| !c.is_ascii_digit()).collect()
}

#[tokio::test]
async fn a_client_that_decides_about_usage_itself_is_left_alone() {
    let system = System::start().await;
    for wanted in [true, false] {
        let body =
            json!({"model": "m", "stream": true, "stream_options": {"include_usage": wanted}});
        let answer = system.post(CHAT, "in=5,out=4", &body).await;
        assert_eq!(answer.text().contains("prompt_tokens"), wanted);
        let row = system.row(&answer).await;
        assert!(!row.flag("usage_injected"));
        assert_eq!(
            row.text("usage_source"),
            if wanted { "provider" } else { "none" }
        );
    }
    let off = System::with(&["providers.openai.include_usage=false"]).await;
    let answer = off
        .post(CHAT, "", &json!({"model": "m", "stream": true}))
        .await;
    assert!(
        !off.upstream
            .calls()
            .pop()
            .unwrap()
            .body
            .windows(13)
            .any(|w| w == b"include_usage")
    );
    assert_eq!(off.row(&answer).await.text("usage_source"), "none");
}

#[tokio::test]
async fn a_client_that_leaves_is_recorded_with_its_tokens() {
    let system = System::start().await;
    for path in STREAMS {
        let headers = [("x-mock", "in=40,out=9,slow=200,chunks=5")];
        let request = system.request(Method::POST, path, &headers, body().to_string());
        let mut client = system.client();
        let response = client.begin(request).await.unwrap();
        let id = response.headers()["x-systemprompt-request-id"]
            .to_str()
            .unwrap()
            .parse()
            .unwrap();
        drop((response, client));
        let row = system.row_of(id).await;
        assert_eq!(
            row.outcome(),
            outcome("client_disconnect", "provider", 40, 9),
            "{path}"
        );
        assert_eq!(row.text("error_type"), "client_left");
        assert_eq!(row.status(), Some(200));
        let call = system.upstream.calls().pop().unwrap();
        assert!(
            call.fully_written,
            "{path}: the provider was heard to its end"
        );
    }
}

#[tokio::test]
async fn a_client_that_leaves_before_the_head_is_recorded_too() {
    let system = System::with(&["limits.drain.timeout=5s"]).await;
    let mut known = Vec::new();
    for (mock, expected) in [
        (
            "in=40,out=9,delay=1500",
            outcome("client_disconnect", "provider", 40, 9),
        ),
        ("hang-header", outcome("client_disconnect", "none", 0, 0)),
    ] {
        let headers = [("x-mock", mock)];
        let request = system.request(Method::POST, MESSAGES, &headers, body().to_string());
        let mut client = system.client();
        let asked = system.upstream.call_count() + 1;
        let reached = async {
            while system.upstream.call_count() < asked {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            answer = client.begin(request) => panic!("{mock}: {answer:?}"),
            reached = tokio::time::timeout(PATIENCE, reached) => reached.unwrap(),
        }
        drop(client);
        // Nobody was told the id, so it is the one that is new.
        let deadline = Instant::now() + PATIENCE;
        let id: Uuid = loop {
            let new = sqlx::query_scalar("select id from ai_requests where id <> all($1)");
            if let Some(id) = new
                .bind(&known)
                .fetch_optional(system.db.pool())
                .await
                .unwrap()
            {
                break id;
            }
            assert!(
                Instant::now() < deadline,
                "{mock}: {}",
                system.server.stderr()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        assert_eq!(system.row_of(id).await.outcome(), expected, "{mock}");
        known.push(id);
    }
}

#[tokio::test]
async fn an_answer_that_the_provider_cuts_is_cut_for_the_client() {
    let system = System::start().await;
    for path in STREAMS {
        for cut in ["cut=250", "close=250"] {
            let answer = system.post(path, &format!("in=40,{cut}"), &body()).await;
            assert!(answer.cut.is_some(), "{path} {cut}: {answer:?}");
            assert_eq!(answer.body.len(), 250, "{path} {cut}");
            let row = system.row(&answer).await;
            assert_eq!(row.text("state"), "failed", "{path} {cut}");
            assert_eq!(row.text("error_type"), "upstream_cut");
        }
    }
    // Anthropic says its input first: so much is known.
    let answer = system.post(MESSAGES, "in=40,cut=450", &body()).await;
    assert_eq!(system.row(&answer).await.number("input"), Some(40));
    // A plain answer that lacks its end must not look whole.
    let answer = system.post(GENERATE, "cut=50", &json!({})).await;
    assert!(answer.cut.is_some());
    assert_eq!(answer.body.len(), 50);
    assert_eq!(system.row(&answer).await.text("state"), "failed");
}

#[tokio::test]
async fn a_provider_that_falls_silent_ends_with_its_own_error() {
    let system = System::with(&["limits.upstream.idle_timeout=1s"]).await;
    for path in STREAMS {
        let began = Instant::now();
        let answer = system.post(path, "in=40,hang=700", &body()).await;
        assert!(began.elapsed() < Duration::from_secs(20), "{path}");
        assert!(answer.cut.is_none(), "{path}: the error is the end");
        let text = answer.text();
        // It stands by itself, although the provider stopped inside an event.
        let (_, last) = text.trim_end().rsplit_once("\n\n").unwrap();
        assert_eq!(
            last.starts_with("event: error\n"),
            path == MESSAGES,
            "{text}"
        );
        let last = last.lines().last().unwrap();
        let error: Value = serde_json::from_str(last.strip_prefix("data: ").unwrap()).unwrap();
        let kind = match path {
            MESSAGES => &error["error"]["type"],
            GEMINI_SSE => &error["error"]["status"],
            _ => &error["error"]["code"],
        };
        let expected = match path {
            MESSAGES => "timeout_error",
            GEMINI_SSE => "DEADLINE_EXCEEDED",
            _ => "upstream_timeout",
        };
        assert_eq!(kind, expected, "{path}");
        let row = system.row(&answer).await;
        assert_eq!(row.text("state"), "upstream_timeout", "{path}");
        assert_eq!(row.text("error_type"), "upstream_silent");
    }
    // Nothing readable can follow compressed bytes, and a document has no
    // events: there the end is none.
    let headers = [("accept-encoding", "gzip"), ("x-mock", "gzip,hang=100")];
    let compressed = system.post_with(MESSAGES, &headers, &body()).await;
    let plain = system.post(GENERATE, "hang=100", &json!({})).await;
    for answer in [compressed, plain] {
        assert_eq!(
            (answer.body.len(), answer.cut.is_some()),
            (100, true),
            "{answer:?}"
        );
        assert_eq!(system.row(&answer).await.text("state"), "upstream_timeout");
    }
}

#[tokio::test]
async fn a_provider_that_never_answers_is_a_504_in_its_shape() {
    let system = System::with(&["limits.upstream.first_byte_timeout=1s"]).await;
    for (path, pointer, expected) in [
        (MESSAGES, "/error/type", "timeout_error"),
        (CHAT, "/error/code", "upstream_timeout"),
        (RESPONSES, "/error/type", "server_error"),
        (GEMINI_SSE, "/error/status", "DEADLINE_EXCEEDED"),
    ] {
        let answer = system.post(path, "hang-header", &body()).await;
        assert_eq!(answer.status, StatusCode::GATEWAY_TIMEOUT);
        assert_eq!(answer.json().pointer(pointer).unwrap(), expected, "{path}");
        let row = system.row(&answer).await;
        assert_eq!(row.outcome(), outcome("upstream_timeout", "none", 0, 0));
        assert_eq!(row.status(), None);
    }
}

#[tokio::test]
async fn an_error_in_the_middle_of_a_stream_is_a_failure() {
    let system = System::start().await;
    for (path, kind, code) in [
        (MESSAGES, "overloaded_error", ""),
        (CHAT, "server_error", "server_error"),
        (RESPONSES, "server_error", "server_error"),
        (GEMINI_SSE, "UNAVAILABLE", "503"),
    ] {
        let answer = system.post(path, "in=40,midstream-error", &body()).await;
        assert!(answer.cut.is_none(), "{path}");
        let row = system.row(&answer).await;
        assert_eq!(
            (row.text("state").as_str(), row.status()),
            ("failed", Some(200)),
            "{path}"
        );
        let named = [row.text("error_type"), row.text("error_code")];
        assert!(named.contains(&kind.to_owned()), "{path}: {named:?}");
        assert!(
            code.is_empty() || named.iter().any(|n| n == code),
            "{path}: {named:?}"
        );
    }
}

#[tokio::test]
async fn odd_streams_pass_as_they_are_and_are_understood() {
    let system = System::start().await;
    for path in STREAMS {
        for mock in [
            "crlf",
            "nofinalnl",
            "badsse",
            "bigevent",
            "split=9",
            "nousage",
        ] {
            let headers = [("x-mock", format!("in=40,out=9,{mock}"))];
            let headers: Vec<_> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
            let mut wanted = body();
            wanted["stream_options"] = json!({"include_usage": true});
            let request = system.request(Method::POST, path, &headers, wanted.to_string());
            let answer = read(system.client().begin(request).await.unwrap()).await;
            assert!(answer.cut.is_none(), "{path} {mock}");
            let row = system.row(&answer).await;
            let expected = match mock {
                "nousage" => outcome("completed", "none", 0, 0),
                _ => outcome("completed", "provider", 40, 9),
            };
            assert_eq!(
                row.outcome(),
                expected,
                "{path} {mock} {}",
                request_id(&answer)
            );
            assert_eq!(
                row.number("response_bytes"),
                i64::try_from(answer.body.len()).ok()
            );
        }
    }
}
