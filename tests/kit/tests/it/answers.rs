//! Synthesised answers: each API's shape, usage, ids and headers.

use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use crate::client::{mock, post, send};

const SSE: &str = "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse";

#[tokio::test]
async fn plain_answers_carry_the_usage_asked_for() {
    let mock = mock().await;
    let options = "in=1000,out=500,cache=200,reasoning=40";
    let openai = |input: &str, output: &str| {
        json!({
            format!("{input}_tokens"): 1000,
            format!("{input}_tokens_details"): {"cached_tokens": 200},
            format!("{output}_tokens"): 500,
            format!("{output}_tokens_details"): {"reasoning_tokens": 40},
            "total_tokens": 1500,
        })
    };
    let cases = [
        (
            "/v1/messages",
            "/model",
            "/usage",
            json!({
                "input_tokens": 1000, "cache_read_input_tokens": 200, "cache_creation_input_tokens": 0,
                "output_tokens": 500, "output_tokens_details": {"thinking_tokens": 40},
            }),
        ),
        (
            "/v1/chat/completions",
            "/model",
            "/usage",
            openai("prompt", "completion"),
        ),
        (
            "/v1/responses",
            "/model",
            "/usage",
            openai("input", "output"),
        ),
        (
            "/v1/embeddings",
            "/model",
            "/usage",
            json!({"prompt_tokens": 1000, "total_tokens": 1000}),
        ),
        (
            "/v1beta/models/m-1:generateContent",
            "/modelVersion",
            "/usageMetadata",
            json!({
                "promptTokenCount": 1000, "cachedContentTokenCount": 200, "candidatesTokenCount": 500,
                "thoughtsTokenCount": 40, "totalTokenCount": 1540,
            }),
        ),
    ];
    for (target, model, usage, expected) in cases {
        let answer = post(
            &mock,
            target,
            options,
            &json!({"model": "m-1", "input": "hi"}),
        )
        .await;
        assert_eq!(answer.status, StatusCode::OK, "{target}");
        let body = answer.json();
        assert_eq!(body.pointer(model), Some(&"m-1".into()), "{target}");
        assert_holds(body.pointer(usage).unwrap(), &expected);
    }
}

/// Every field of `expected` is in `got` with the same value.
fn assert_holds(got: &Value, expected: &Value) {
    match expected.as_object() {
        Some(fields) => fields
            .iter()
            .for_each(|(name, value)| assert_holds(&got[name], value)),
        None => assert_eq!(got, expected),
    }
}

#[tokio::test]
async fn a_messages_stream_counts_output_last() {
    let mock = mock().await;
    let ask = json!({"model": "claude-sonnet-4-5", "stream": true});
    let answer = post(
        &mock,
        "/v1/messages",
        "in=9,out=70,write=5,write1h=6,chunks=4",
        &ask,
    )
    .await;
    assert_eq!(
        answer.header("content-type"),
        "text/event-stream; charset=utf-8"
    );
    let events = answer.events();
    let start = &events[0]["message"];
    assert_eq!(start["usage"]["output_tokens"], 1);
    assert_eq!(
        start["usage"]["cache_creation"],
        json!({"ephemeral_5m_input_tokens": 5, "ephemeral_1h_input_tokens": 6})
    );
    let kinds: Vec<&str> = events
        .iter()
        .filter_map(|event| event["type"].as_str())
        .collect();
    assert_eq!(
        kinds
            .iter()
            .filter(|kind| **kind == "content_block_delta")
            .count(),
        4
    );
    assert_eq!(kinds[kinds.len() - 2..], ["message_delta", "message_stop"]);
    assert_eq!(
        events[events.len() - 2]["usage"],
        json!({"input_tokens": 9, "cache_creation_input_tokens": 11, "cache_read_input_tokens": 0, "output_tokens": 70})
    );
}

#[tokio::test]
async fn a_chat_stream_has_usage_only_if_asked_for() {
    let mock = mock().await;
    let mut ask = json!({"model": "gpt-4o", "stream": true});
    let without = post(&mock, "/v1/chat/completions", "", &ask).await.events();
    assert_eq!(without.last(), Some(&"[DONE]".into()));
    let chunks = &without[..without.len() - 1];
    assert!(chunks.iter().all(|chunk| chunk["choices"][0].is_object()));
    assert!(chunks.iter().all(|chunk| chunk.get("usage").is_none()));

    ask["stream_options"] = json!({"include_usage": true});
    let with = post(&mock, "/v1/chat/completions", "in=3,out=4", &ask)
        .await
        .events();
    let (usage, chunks) = with[..with.len() - 1].split_last().unwrap();
    assert_eq!(
        (&usage["choices"], &usage["usage"]["total_tokens"]),
        (&json!([]), &json!(7))
    );
    assert!(
        chunks
            .iter()
            .all(|chunk| chunk.get("usage") == Some(&Value::Null))
    );
}

#[tokio::test]
async fn a_responses_stream_has_usage_in_its_terminal_event() {
    let mock = mock().await;
    let ask = json!({"model": "gpt-4o", "stream": true, "input": "hi"});
    let events = post(&mock, "/v1/responses", "in=3,out=4", &ask)
        .await
        .events();
    let numbers: Vec<_> = events
        .iter()
        .map(|event| event["sequence_number"].as_u64())
        .collect();
    assert_eq!(
        numbers,
        (0..events.len() as u64).map(Some).collect::<Vec<_>>()
    );
    let (last, before) = events.split_last().unwrap();
    assert_eq!(last["type"], "response.completed");
    assert_eq!(last["response"]["usage"]["total_tokens"], 7);
    assert_eq!(
        last["response"]["output"][0]["content"][0]["text"],
        "Hello w1 w2"
    );
    assert!(
        before
            .iter()
            .all(|event| event["response"]["usage"].is_null())
    );
}

#[tokio::test]
async fn gemini_streams_running_totals_both_ways() {
    let mock = mock().await;
    let totals = |chunks: &[Value]| -> Vec<u64> {
        let count = |c: &Value| c["usageMetadata"]["candidatesTokenCount"].as_u64();
        chunks.iter().filter_map(count).collect()
    };
    let sse = post(&mock, SSE, "out=30", &json!({})).await;
    assert_eq!(sse.header("content-type"), "text/event-stream");
    assert!(sse.text().ends_with("\r\n\r\n"));
    assert_eq!(totals(&sse.events()), [10, 20, 30]);

    let array = post(
        &mock,
        SSE.trim_end_matches("?alt=sse"),
        "out=30",
        &json!({}),
    )
    .await;
    assert_eq!(totals(array.json().as_array().unwrap()), [10, 20, 30]);
}

#[tokio::test]
async fn tools_are_called_in_every_shape() {
    let mock = mock().await;
    for (target, stop) in [
        ("/v1/messages", "tool_use"),
        ("/v1/chat/completions", "tool_calls"),
        ("/v1/responses", "function_call"),
        (SSE, "functionCall"),
    ] {
        for stream in [false, true] {
            let ask = json!({"model": "m", "stream": stream});
            let text = post(&mock, target, "tool=get_weather", &ask).await.text();
            assert!(text.contains("\"get_weather\""), "{target}: {text}");
            assert!(text.contains(&format!("\"{stop}\"")), "{target}: {text}");
        }
    }
}

#[tokio::test]
async fn side_endpoints_answer() {
    let mock = mock().await;
    let get = |target, headers| send(&mock, Method::GET, target, headers, "");
    let anthropic = get("/v1/models", &[("anthropic-version", "2023-06-01")])
        .await
        .json();
    assert_eq!(anthropic["has_more"], false);
    assert_eq!(get("/v1/models", &[]).await.json()["object"], "list");
    assert!(get("/v1beta/models", &[]).await.json()["models"].is_array());

    let ask = json!({"model": "m", "input": ["a", "b"], "requests": [{}, {}, {}]});
    let count = post(&mock, "/v1/messages/count_tokens", "in=77", &ask)
        .await
        .json();
    assert_eq!(count, json!({"input_tokens": 77}));
    let image = post(&mock, "/v1/images/generations", "", &ask).await.json();
    assert!(image["data"][0]["b64_json"].is_string());
    let compact = post(&mock, "/v1/responses/compact", "in=5", &ask)
        .await
        .json();
    assert_eq!(compact["usage"]["input_tokens"], 5);
    let vectors = post(&mock, "/v1/embeddings", "", &ask).await.json();
    assert_eq!(vectors["data"].as_array().map(Vec::len), Some(2));
    let one = post(&mock, "/v1beta/models/e:embedContent", "", &ask)
        .await
        .json();
    assert!(one["embedding"]["values"].is_array());
    let many = post(&mock, "/v1beta/models/e:batchEmbedContents", "", &ask)
        .await
        .json();
    assert_eq!(many["embeddings"].as_array().map(Vec::len), Some(3));
    assert_eq!(get("/v1/nowhere", &[]).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn ids_are_unique_and_match_the_log() {
    let mock = mock().await;
    let ask = json!({"model": "claude-sonnet-4-5"});
    for n in 1..=3 {
        let answer = post(&mock, "/v1/messages", "", &ask).await;
        assert_eq!(answer.json()["id"], format!("msg_mock_{n}"));
        assert_eq!(answer.header("request-id"), format!("req_mock_{n}"));
        assert_ne!(answer.header("anthropic-ratelimit-requests-limit"), "");
    }
    let chat = post(&mock, "/v1/chat/completions", "", &ask).await;
    assert_eq!(chat.json()["id"], "chatcmpl-mock_4");
    assert_eq!(chat.header("x-request-id"), "req_mock_4");
    assert_ne!(chat.header("x-ratelimit-limit-requests"), "");

    let calls = mock.calls();
    assert_eq!(mock.call_count(), 4);
    assert_eq!(
        calls.iter().map(|call| call.number).collect::<Vec<_>>(),
        [1, 2, 3, 4]
    );
    let body = ask.to_string();
    assert!(
        calls
            .iter()
            .all(|call| call.fully_written && call.body == body)
    );
    assert_eq!(
        (calls[3].target.as_str(), calls[3].body_len),
        ("/v1/chat/completions", body.len())
    );
}

#[tokio::test]
async fn options_come_in_the_model_name_too() {
    let mock = mock().await;
    let usage = |model: &'static str, options| {
        let mock = &mock;
        async move {
            let body = post(mock, "/v1/messages", options, &json!({"model": model}))
                .await
                .json();
            (
                body["model"].as_str().map(str::to_owned),
                body["usage"]["input_tokens"].as_u64(),
            )
        }
    };
    assert_eq!(
        usage("mock-in=5", "").await,
        (Some("mock-in=5".into()), Some(5))
    );
    assert_eq!(
        usage("claude-x?in=6", "").await,
        (Some("claude-x".into()), Some(6))
    );
    assert_eq!(
        usage("mock-in=5", "in=7,model=served").await,
        (Some("served".into()), Some(7))
    );
    let target = "/v1beta/models/mock-in=8,out=2:generateContent";
    let gemini = post(&mock, target, "", &json!({})).await.json();
    assert_eq!(gemini["usageMetadata"]["promptTokenCount"], 8);
}

#[tokio::test]
async fn what_the_mock_does_not_understand_is_a_400_in_the_providers_shape() {
    let mock = mock().await;
    let ask = json!({"model": "m"});
    for target in [
        "/v1/messages",
        "/v1/responses",
        "/v1beta/models/m:generateContent",
    ] {
        let answer = post(&mock, target, "hnag", &ask).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        let message = answer.json()["error"]["message"]
            .as_str()
            .map(str::to_owned);
        assert_eq!(message.as_deref(), Some("mock: unknown option `hnag`"));
    }
    let nameless = post(&mock, "/v1/messages", "", &json!({})).await;
    assert_eq!(nameless.status, StatusCode::BAD_REQUEST);
    assert!(mock.calls()[0].behaviour.is_none());
}
