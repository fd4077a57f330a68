//! Usage as nobody recorded it: other classes, other places, none at all.

use systemprompt_domain::api::Api;
use systemprompt_domain::usage::{Tokens, Usage};
use systemprompt_meters::Ending;

use crate::support::{EVENTS, JSON, meter, stream};

fn chat(chunks: &[&str]) -> Option<Usage> {
    meter(Api::ChatCompletions, EVENTS, stream(chunks)).usage
}

#[test]
fn anthropic_keeps_the_last_value_of_each_field() {
    let body = stream(&[
        r#"{"type":"message_start","message":{"id":"msg_1","model":"claude","usage":{
            "input_tokens":10,"cache_creation_input_tokens":300,"cache_read_input_tokens":40,
            "cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":300},
            "output_tokens":1,"service_tier":"priority","inference_geo":"us"}}}"#
            .replace('\n', "")
            .as_str(),
        r#"{"type":"message_delta","delta":{},"usage":{"input_tokens":20,"output_tokens":5}}"#,
        r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":90,"cache_creation_input_tokens":350,"cache_read_input_tokens":null,"output_tokens_details":{"thinking_tokens":60},"server_tool_use":{"web_search_requests":2,"web_fetch_requests":0},"speed":"fast"}}"#,
        r#"{"type":"message_stop"}"#,
    ]);
    let outcome = meter(Api::Messages, EVENTS, body);
    let usage = outcome.usage.expect("stated");
    let expected = Tokens {
        input: 20,
        cache_read: 40,
        cache_write_5m: 50,
        cache_write_1h: 300,
        output: 30,
        reasoning: 60,
        ..Tokens::default()
    };
    assert_eq!(usage.tokens, expected);
    assert_eq!(
        usage.calls.into_iter().collect::<Vec<_>>(),
        [("web_search".to_owned(), 2)]
    );
    assert_eq!(usage.service_tier.as_deref(), Some("priority"));
    assert_eq!(usage.speed.as_deref(), Some("fast"));
    assert_eq!(usage.region.as_deref(), Some("us"));
    assert_eq!(outcome.finish_reason.as_deref(), Some("end_turn"));
    assert_eq!(outcome.served_model.as_deref(), Some("claude"));
}

#[test]
fn chat_keeps_the_last_usage_that_is_stated() {
    let early = r#"{"choices":[{"delta":{}}],"usage":{"prompt_tokens":9,"completion_tokens":1}}"#;
    let last = r#"{"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":7,"prompt_tokens_details":{"cache_write_tokens":4}}}"#;
    let none = r#"{"choices":[],"usage":null}"#;
    let usage = chat(&[none, early, last, none, "[DONE]"]).expect("stated");
    let expected = Tokens {
        input: 5,
        cache_write_5m: 4,
        output: 7,
        ..Tokens::default()
    };
    assert_eq!(usage.tokens, expected);
}

#[test]
fn absent_is_not_zero() {
    assert_eq!(chat(&[r#"{"choices":[]}"#]), None);
    assert_eq!(chat(&[r#"{"choices":[],"usage":null}"#]), None);
    assert_eq!(chat(&[r#"{"choices":[],"usage":{}}"#]), None);
    assert_eq!(
        chat(&[r#"{"usage":{"prompt_tokens":-1,"completion_tokens":1e99}}"#]),
        None
    );
    assert_eq!(
        chat(&[r#"{"usage":{"prompt_tokens":99999999999999999999999}}"#]),
        None
    );
    assert_eq!(
        chat(&[r#"{"usage":{"prompt_tokens":0}}"#]),
        Some(Usage::default())
    );
    // A name that only looks right, deeper down.
    assert_eq!(
        chat(&[r#"{"choices":[{"usage":{"prompt_tokens":1}}]}"#]),
        None
    );
    assert_eq!(chat(&[r#"{"x":"\"usage\":{\"prompt_tokens\":1}"}"#]), None);
}

#[test]
fn responses_count_what_the_provider_ran() {
    let outcome = meter(
        Api::Responses,
        JSON,
        r#"{"id":"resp_1","model":"gpt","service_tier":"flex","status":"incomplete",
            "incomplete_details":{"reason":"max_output_tokens"},
            "output":[{"type":"web_search_call"},{"type":"web_search_call"},
                {"type":"file_search_call"},{"type":"code_interpreter_call"},
                {"type":"image_generation_call"},{"type":"mcp_call","name":"theirs"},
                {"type":"function_call","name":"look"},{"name":"write","type":"custom_tool_call"}],
            "usage":{"input_tokens":10,"output_tokens":2}}"#,
    );
    let usage = outcome.usage.expect("stated");
    let calls: Vec<_> = usage
        .calls
        .iter()
        .map(|(call, n)| (call.as_str(), *n))
        .collect();
    let ones = ["code_interpreter", "file_search", "image_generation", "mcp"].map(|call| (call, 1));
    assert_eq!(calls, [ones.as_slice(), &[("web_search", 2)]].concat());
    assert_eq!(usage.service_tier.as_deref(), Some("flex"));
    assert_eq!(outcome.tool_calls, ["look", "write"]);
    assert_eq!(outcome.finish_reason.as_deref(), Some("max_output_tokens"));
    assert_eq!(outcome.ending, Ending::Terminal);
}

#[test]
fn a_response_stream_that_breaks_off_keeps_its_tools() {
    let item = |event, name| {
        format!(r#"{{"item":{{"type":"function_call","name":"{name}"}},"type":"{event}"}}"#)
    };
    let body = stream(&[
        r#"{"type":"response.created","response":{"id":"r","model":"m","status":"in_progress","output":[]}}"#,
        &item("response.output_item.added", "look"),
        &item("response.output_item.done", "look"),
        &item("response.output_item.added", "write"),
    ]);
    let outcome = meter(Api::Responses, EVENTS, body);
    assert_eq!(outcome.tool_calls, ["look"]);
    assert_eq!(
        (outcome.ending, outcome.finish_reason),
        (Ending::Open, None)
    );
    assert_eq!(outcome.response_id.as_deref(), Some("r"));
}

#[test]
fn chat_tool_calls_are_named_once() {
    let outcome = meter(
        Api::ChatCompletions,
        EVENTS,
        stream(&[
            r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"name":"look","arguments":""}}]},"index":0}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"name":"look","arguments":"{}"}}]},"index":0}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"index":1,"function":{"name":"look"}}]},"index":0}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"custom":{"name":"other"}}]},"index":1}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"index":2,"function":{"name":null}}]},"index":0}]}"#,
        ]),
    );
    assert_eq!(outcome.tool_calls, ["look", "look", "other"]);
}

#[test]
fn anthropic_names_client_tools_only() {
    let outcome = meter(
        Api::Messages,
        JSON,
        r#"{"content":[{"type":"server_tool_use","name":"web_search"},{"type":"text"},
            {"type":"tool_use","input":{"name":"x"},"name":"look \u0041"},
            {"type":"mcp_tool_use","name":"theirs"}]}"#,
    );
    assert_eq!(outcome.tool_calls, ["look A"]);
}

#[test]
fn gemini_sums_are_running_totals_and_the_last_holds() {
    let chunks = [
        r#"{"candidates":[{"groundingMetadata":{"webSearchQueries":["a","b"]}}],"usageMetadata":{"promptTokenCount":10,"candidatesTokenCount":20}}"#,
        r#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"look"}}]}}],"usageMetadata":{"promptTokenCount":10}}"#,
        r#"{"candidates":[{"finishReason":"STOP","groundingMetadata":{"webSearchQueries":["a"]}}],"modelVersion":"g","responseId":"i","usageMetadata":{"promptTokenCount":10,"candidatesTokenCount":16,"thoughtsTokenCount":3}}"#,
    ];
    let array = format!("[{}]", chunks.join(",\r\n"));
    for (content_type, body) in [(EVENTS, stream(&chunks)), (JSON, array)] {
        let outcome = meter(Api::GenerateContent, content_type, body);
        let usage = outcome.usage.expect("stated");
        let expected = Tokens {
            input: 10,
            output: 16,
            reasoning: 3,
            ..Tokens::default()
        };
        assert_eq!(usage.tokens, expected);
        assert_eq!(usage.calls.get("web_search"), Some(&1));
        assert_eq!(outcome.tool_calls, ["look"]);
        assert_eq!(outcome.served_model.as_deref(), Some("g"));
        assert_eq!(outcome.response_id.as_deref(), Some("i"));
        assert_eq!(outcome.finish_reason.as_deref(), Some("STOP"));
    }
}

#[test]
fn embeddings_have_input_only() {
    let body = r#"{"object":"list","data":[{"embedding":[0.1,-2e-3]}],"model":"e","usage":{"prompt_tokens":8,"total_tokens":8}}"#;
    let outcome = meter(Api::Embeddings, JSON, body);
    assert_eq!(
        outcome.usage.expect("stated").tokens,
        Tokens {
            input: 8,
            ..Tokens::default()
        }
    );
    assert_eq!(outcome.served_model.as_deref(), Some("e"));

    let body = r#"{"embedding":{"values":[1,2]},"usageMetadata":{"promptTokenCount":4}}"#;
    let outcome = meter(Api::EmbedContent, JSON, body);
    assert_eq!(
        outcome.usage.expect("stated").tokens,
        Tokens {
            input: 4,
            ..Tokens::default()
        }
    );
}
