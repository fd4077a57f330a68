//! Bodies that are large, deep or broken: the meter stays small and calm.

use std::fmt::Write as _;

use systemprompt_domain::api::Api;
use systemprompt_meters::{Ending, Meter, read_request};

use crate::support::{EVENTS, JSON, meter, stream};

#[test]
fn a_large_event_hides_nothing() {
    let text = "x".repeat(1 << 20);
    let body = stream(&[
        &format!(
            r#"{{"choices":[{{"delta":{{"content":"{text}"}}}}],"usage":{{"prompt_tokens":6}}}}"#
        ),
        "[DONE]",
    ]);
    let outcome = meter(Api::ChatCompletions, EVENTS, body);
    assert_eq!(outcome.usage.expect("stated").tokens.input, 6);
    assert_eq!(outcome.ending, Ending::Terminal);
}

#[test]
fn a_large_document_is_read_to_its_end() {
    let mut body = String::from(r#"{"data":[{"embedding":["#);
    for n in 0..300_000 {
        write!(body, "0.{n:06},").expect("a string takes everything");
    }
    body.push_str(r#"1]}],"usage":{"prompt_tokens":6}}"#);
    let outcome = meter(Api::Embeddings, JSON, body);
    assert_eq!(outcome.usage.expect("stated").tokens.input, 6);
}

#[test]
fn deep_nesting_is_only_counted() {
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        let deep = format!("{}1{}", open.repeat(10_000), close.repeat(10_000));
        for name in ["x", "choices", "usage", "id", "error"] {
            let body = format!(r#"{{"{name}":{deep},"model":"m"}}"#);
            let outcome = meter(Api::ChatCompletions, JSON, &body);
            assert_eq!(outcome.served_model.as_deref(), Some("m"), "{name}");
            assert_eq!(outcome.usage, None);
        }
        assert_eq!(meter(Api::GenerateContent, JSON, &deep).usage, None);
        let request = format!(r#"{{"messages":{deep},"model":"m"}}"#);
        let facts = read_request(Api::ChatCompletions, request.as_bytes()).expect("JSON");
        assert_eq!(facts.model.as_deref(), Some("m"));
    }
}

#[test]
fn bytes_that_are_no_text_harm_only_their_member() {
    let body = b"{\"id\":\"a\xFF\",\"model\":\"m\0\",\"x\":\"\0\xC3\",\"choices\":[{\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":3}}";
    let outcome = meter(Api::ChatCompletions, JSON, body);
    assert_eq!((outcome.response_id, outcome.served_model), (None, None));
    assert_eq!(outcome.finish_reason.as_deref(), Some("stop"));
    assert_eq!(outcome.usage.expect("stated").tokens.input, 3);
}

#[test]
fn what_postgres_cannot_hold_is_left_out() {
    let body = r#"{"id":"a\u0000","usage":{"prompt_tokens":3,"x":"\u0000"}}"#;
    let outcome = meter(Api::ChatCompletions, JSON, body);
    assert_eq!((outcome.response_id, outcome.raw_usage), (None, None));
    assert_eq!(outcome.usage.expect("stated").tokens.input, 3);
}

#[test]
fn a_large_usage_object_is_counted_but_not_kept() {
    let entry = r#"{"type":"compaction","input_tokens":1,"output_tokens":1}"#;
    let entries = vec![entry; 200].join(",");
    let body = format!(r#"{{"usage":{{"input_tokens":1,"iterations":[{entries}]}}}}"#);
    let outcome = meter(Api::Messages, JSON, body);
    assert_eq!(outcome.raw_usage, None);
    assert_eq!(outcome.usage.expect("stated").tokens.input, 201);
}

#[test]
fn usage_updates_cannot_pile_up() {
    let mut meter = Meter::new(Api::Messages, 200, EVENTS, "");
    let filler = "y".repeat(1000);
    for n in 0..200 {
        let update =
            format!(r#"{{"usage":{{"input_tokens":{n},"output_tokens":1,"x{n}":"{filler}"}}}}"#);
        meter.feed(stream(&[&update]).as_bytes());
    }
    // The last ones no longer fit, and are left out whole.
    assert!(meter.finish().usage.expect("stated").tokens.input < 40);
}

#[test]
fn names_are_limited_in_number_and_length() {
    let block = r#"{"type":"tool_use","name":"look"}"#;
    let long = format!(r#"{{"type":"tool_use","name":"{}"}}"#, "n".repeat(600));
    let body = format!(r#"{{"content":[{long},{}]}}"#, vec![block; 100].join(","));
    let outcome = meter(Api::Messages, JSON, body);
    assert_eq!(outcome.tool_calls, vec!["look"; 64]);
}
