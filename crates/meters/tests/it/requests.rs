//! What is read from request bodies, and what is added to them.

use proptest::prelude::*;
use serde_json::{Value, json};
use systemprompt_domain::api::Api;
use systemprompt_meters::{RequestFacts, inject_include_usage, read_request};

fn facts(api: Api, body: &Value) -> RequestFacts {
    read_request(api, body.to_string().as_bytes()).expect("JSON")
}

fn opening(api: Api, body: &Value) -> Vec<Vec<u8>> {
    facts(api, body).opening().map(<[u8]>::to_vec).collect()
}

#[test]
fn anthropic_bodies() {
    let facts = facts(
        Api::Messages,
        &json!({"model": "claude", "max_tokens": 1024, "stream": true,
            "metadata": {"user_id": "u-1"}, "messages": []}),
    );
    assert_eq!(facts.model.as_deref(), Some("claude"));
    assert_eq!((facts.stream, facts.max_tokens), (true, Some(1024)));
    assert_eq!(facts.user.as_deref(), Some("u-1"));
}

#[test]
fn chat_bodies() {
    let first = facts(
        Api::ChatCompletions,
        &json!({"model": "gpt", "max_completion_tokens": 5, "max_tokens": 9, "user": "old",
            "safety_identifier": "new", "stream": true, "stream_options": {"include_usage": false}}),
    );
    assert_eq!(
        (first.max_tokens, first.user.as_deref()),
        (Some(5), Some("new"))
    );
    assert_eq!(first.include_usage, Some(false));
    let second = facts(
        Api::ChatCompletions,
        &json!({"max_tokens": 9, "user": "old"}),
    );
    assert_eq!(
        (second.max_tokens, second.user.as_deref()),
        (Some(9), Some("old"))
    );
    assert_eq!(
        (second.stream, second.include_usage, second.model),
        (false, None, None)
    );
}

#[test]
fn responses_bodies() {
    let named = |body: Value| facts(Api::Responses, &body).conversation;
    assert_eq!(
        named(json!({"conversation": "conv_1"})).as_deref(),
        Some("conv_1")
    );
    assert_eq!(
        named(json!({"conversation": {"id": "conv_2"}})).as_deref(),
        Some("conv_2")
    );
    let both = json!({"conversation": null, "previous_response_id": "resp_1"});
    assert_eq!(named(both).as_deref(), Some("resp_1"));
    let facts = facts(
        Api::Responses,
        &json!({"background": true, "max_output_tokens": 7}),
    );
    assert_eq!((facts.background, facts.max_tokens), (true, Some(7)));
}

#[test]
fn other_bodies() {
    let body = json!({"generationConfig": {"maxOutputTokens": 3}, "model": "in the URL"});
    assert_eq!(facts(Api::GenerateContent, &body).max_tokens, Some(3));
    assert_eq!(facts(Api::GenerateContent, &body).model, None);
    let body = json!({"generation_config": {"max_output_tokens": 3}});
    assert_eq!(facts(Api::GenerateContent, &body).max_tokens, Some(3));
    let body = json!({"model": "e", "user": "u", "input": [[1, 2], [3]]});
    assert_eq!(facts(Api::Embeddings, &body).model.as_deref(), Some("e"));
    assert_eq!(facts(Api::Unmetered, &body).model.as_deref(), Some("e"));
}

#[test]
fn the_last_of_two_members_holds_as_with_the_providers() {
    let facts = read_request(Api::Messages, br#"{"model":"a","model":"b"}"#).expect("JSON");
    assert_eq!(facts.model.as_deref(), Some("b"));
}

#[test]
fn malformed_bodies_are_errors() {
    for body in [
        "",
        "{",
        "[]",
        "null",
        "{} x",
        r#"{"model":"a",}"#,
        "{\"model\":\"\u{1}\"}",
    ] {
        assert!(
            read_request(Api::Messages, body.as_bytes()).is_err(),
            "{body}"
        );
    }
    assert!(read_request(Api::Messages, b"{\"model\":\"\xFF\"}").is_err());
    // Types the provider would refuse tell nothing.
    let facts = facts(
        Api::Messages,
        &json!({"model": 1, "stream": "yes", "max_tokens": -1}),
    );
    assert_eq!(facts, RequestFacts::default());
}

#[test]
fn a_conversation_keeps_its_opening() {
    let first = json!({"system": [{"type": "text", "text": "Be brief."}], "messages": [
        {"role": "user", "content": [{"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}}]}]});
    let later = json!({"system": "Be brief.", "messages": [{"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello"}, {"role": "user", "content": "Who?"}]});
    let other = json!({"system": "Be brief.", "messages": [{"role": "user", "content": "Ho"}]});
    assert_eq!(
        opening(Api::Messages, &first),
        opening(Api::Messages, &later)
    );
    assert_ne!(
        opening(Api::Messages, &first),
        opening(Api::Messages, &other)
    );

    let chat = json!({"messages": [{"role": "developer", "content": "Be brief."},
        {"role": "user", "content": "Hi"}]});
    let responses = json!({"instructions": "Be brief.", "input": "Hi"});
    let gemini = json!({"systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [{"parts": [{"text": "Hi"}]}]});
    let expected = opening(Api::Messages, &later);
    assert_eq!(opening(Api::ChatCompletions, &chat), expected);
    assert_eq!(opening(Api::Responses, &responses), expected);
    assert_eq!(opening(Api::GenerateContent, &gemini), expected);
    let items = json!({"instructions": "Be brief.",
        "input": [{"role": "user", "content": [{"type": "input_text", "text": "Hi"}]}]});
    assert_eq!(opening(Api::Responses, &items), expected);

    // Without any text, and with more than is kept.
    let image = |data: &str| {
        json!({"messages": [{"role": "user", "content": [
        {"type": "image", "source": {"data": data}}]}]})
    };
    assert_ne!(
        opening(Api::Messages, &image("a")),
        opening(Api::Messages, &image("b"))
    );
    let long =
        |n| json!({"system": "x".repeat(n), "messages": [{"role": "user", "content": "Hi"}]});
    assert_ne!(
        opening(Api::Messages, &long(100_000)),
        opening(Api::Messages, &long(100_001))
    );
    let kept: usize = opening(Api::Messages, &long(1_000_000))
        .iter()
        .map(Vec::len)
        .sum();
    assert!(kept < 100_000);
}

/// JSON values of any kind.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inside| {
        prop_oneof![
            prop::collection::vec(inside.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("[a-z\"\\\\}{]{0,4}", inside), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn the_option_is_all_that_is_added(
        members in prop::collection::vec(("[a-z\"}]{0,5}", value()), 0..5),
        options in prop::option::of(prop::option::of(prop::collection::vec(("[a-z]{1,3}", value()), 0..3))),
        pretty: bool,
    ) {
        let mut body: serde_json::Map<_, _> = members.into_iter().collect();
        body.insert("stream".to_owned(), true.into());
        if let Some(options) = options {
            let options = options.map(|members| Value::Object(members.into_iter().collect()));
            body.insert("stream_options".to_owned(), options.unwrap_or(Value::Null));
        }
        let mut body = Value::Object(body);
        let text = if pretty { format!("{body:#}\n") } else { body.to_string() };
        let injected = inject_include_usage(text.as_bytes()).expect("streaming and undecided");
        if !body["stream_options"].is_object() {
            body["stream_options"] = json!({});
        }
        body["stream_options"]["include_usage"] = true.into();
        prop_assert_eq!(serde_json::from_slice::<Value>(&injected).expect("JSON"), body);
        let api = Api::ChatCompletions;
        prop_assert_eq!(read_request(api, &injected).expect("JSON").include_usage, Some(true));
        prop_assert_eq!(inject_include_usage(&injected), None);
    }

    #[test]
    fn any_bytes_are_taken(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let read = read_request(Api::ChatCompletions, &bytes);
        prop_assert!(read.is_ok() || inject_include_usage(&bytes).is_none());
    }
}
