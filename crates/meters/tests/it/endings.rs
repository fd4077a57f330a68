//! How streams and documents end, and what is held back until then.

use systemprompt_domain::api::Api;
use systemprompt_meters::{Ending, Meter, ProviderError};

use crate::support::{EVENTS, JSON, meter, meter_pieces, stream};

fn error(kind: Option<&str>, code: Option<&str>) -> Option<ProviderError> {
    Some(ProviderError {
        kind: kind.map(str::to_owned),
        code: code.map(str::to_owned),
    })
}

/// Feeds a stream whole and byte by byte; its ending, its error, and where it
/// was held when fed whole.
fn run(api: Api, body: &str) -> (Ending, Option<ProviderError>, Option<usize>) {
    let new = || Meter::new(api, 200, EVENTS, "");
    let (whole, held) = meter_pieces(new(), std::iter::once(body.as_bytes()));
    let (bytewise, held_later) = meter_pieces(new(), body.as_bytes().chunks(1));
    assert_eq!(whole, bytewise, "{body}");
    assert_eq!(held.is_some(), held_later.is_some(), "{body}");
    assert!(
        held_later.is_none_or(|at| at < body.len() && Some(at) >= held),
        "{body}"
    );
    (whole.ending, whole.error, held)
}

const MESSAGE: &str = concat!(
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg\",",
    "\"model\":\"m\",\"usage\":{\"input_tokens\":5,\"output_tokens\":1}}}\n\n",
);

#[test]
fn anthropic_ends_with_message_stop_or_an_error() {
    let stop = format!("{MESSAGE}event: message_stop\ndata: {{\"type\":\"message_stop\"}}\n\n");
    assert_eq!(
        run(Api::Messages, &stop),
        (Ending::Terminal, None, Some(MESSAGE.len()))
    );

    let failed = format!(
        "{MESSAGE}event: error\ndata: {{\"type\":\"error\",\"error\":{{\"type\":\
         \"overloaded_error\",\"message\":\"Overloaded\"}}}}\n\n"
    );
    let overloaded = error(Some("overloaded_error"), None);
    assert_eq!(
        run(Api::Messages, &failed),
        (Ending::Errored, overloaded, Some(MESSAGE.len()))
    );

    assert_eq!(run(Api::Messages, MESSAGE), (Ending::Open, None, None));
}

#[test]
fn an_event_needs_no_name_and_no_last_blank_line() {
    let expected = (Ending::Terminal, None, Some(MESSAGE.len()));
    for end in [
        "data: {\"type\":\"message_stop\"}\n\n",
        "data:{\"type\":\"message_stop\"}\n",
        "data: {\"type\":\"message_stop\"}",
        "event: message_stop\ndata: {\"type\":\"message_stop\"}",
        ": a comment of this event\nid: 7\nevent:message_stop\n\n",
    ] {
        assert_eq!(
            run(Api::Messages, &format!("{MESSAGE}{end}")),
            expected,
            "{end}"
        );
    }
    // Half an event is none, though its bytes are held.
    for cut in [
        "event: message_stop\ndata: {\"type\":\"mess",
        "event: message_stop\nda",
        "data: {\"type\":\"message_stop\"",
    ] {
        assert_eq!(
            run(Api::Messages, &format!("{MESSAGE}{cut}")).0,
            Ending::Open,
            "{cut}"
        );
    }
}

#[test]
fn lines_may_end_in_any_way() {
    let lf =
        format!("{MESSAGE}: ping\n\nevent: message_stop\ndata: {{\"type\":\"message_stop\"}}\n\n");
    for end in ["\n", "\r\n", "\r"] {
        let body = lf.replace('\n', end);
        let (ending, _, held) = run(Api::Messages, &body);
        assert_eq!(ending, Ending::Terminal, "{end:?}");
        assert_eq!(held, body.find("event: message_stop"), "{end:?}");
    }
}

#[test]
fn chat_ends_with_done_or_an_error() {
    let chunk = r#"{"id":"c","choices":[{"index":0,"delta":{"content":"hi"}}]}"#;
    let last = r#"{"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
    let body = stream(&[chunk, last, "[DONE]"]);
    assert_eq!(
        run(Api::ChatCompletions, &body),
        (Ending::Terminal, None, body.find("data: [D"))
    );

    // Hosts that leave out the end: a finish reason stands for it.
    assert_eq!(
        run(Api::ChatCompletions, &stream(&[chunk, last])),
        (Ending::Terminal, None, None)
    );
    assert_eq!(
        run(Api::ChatCompletions, &stream(&[chunk])),
        (Ending::Open, None, None)
    );
    let cut = stream(&[chunk, last]) + "data: {\"id\":\"c\",\"usage\":{\"prompt_to";
    assert_eq!(run(Api::ChatCompletions, &cut), (Ending::Open, None, None));
    // Text that looks like the end is none.
    let quoted = r#"{"choices":[{"delta":{"content":"data: [DONE]"}}]}"#;
    assert_eq!(
        run(Api::ChatCompletions, &stream(&[quoted])),
        (Ending::Open, None, None)
    );

    let failed = r#"{"error":{"message":"secret","type":"server_error","code":"overloaded"}}"#;
    let body = stream(&[chunk, failed]);
    let expected = error(Some("server_error"), Some("overloaded"));
    assert_eq!(
        run(Api::ChatCompletions, &body),
        (Ending::Errored, expected, body.find("data: {\"error"))
    );
    let body = stream(&[chunk, r#"{"error":"secret"}"#]);
    assert_eq!(run(Api::ChatCompletions, &body).0, Ending::Errored);
    let body = stream(&[r#"{"error":null,"choices":[{"finish_reason":"stop"}]}"#]);
    assert_eq!(
        run(Api::ChatCompletions, &body),
        (Ending::Terminal, None, None)
    );
}

#[test]
fn responses_end_with_one_of_three_events_or_an_error() {
    let delta = r#"{"type":"response.output_text.delta","delta":"x"}"#;
    for (end, expected) in [
        ("completed", (Ending::Terminal, None)),
        ("incomplete", (Ending::Terminal, None)),
        (
            "failed",
            (Ending::Errored, error(None, Some("server_error"))),
        ),
    ] {
        let failure = match end {
            "failed" => r#"{"code":"server_error","message":"secret"}"#,
            _ => "null",
        };
        let last = format!(
            r#"{{"response":{{"id":"r","error":{failure},"usage":null}},"type":"response.{end}"}}"#
        );
        let body = stream(&[delta, &last]);
        let (ending, stated, held) = run(Api::Responses, &body);
        assert_eq!((ending, stated), expected, "{end}");
        assert_eq!(held, body.find("data: {\"response\""), "{end}");
    }
    assert_eq!(
        run(Api::Responses, &stream(&[delta])),
        (Ending::Open, None, None)
    );
}

#[test]
fn responses_state_errors_flat_or_nested() {
    let code = error(None, Some("rate_limit_exceeded"));
    let flat = r#"{"code":"rate_limit_exceeded","message":"secret","type":"error"}"#;
    assert_eq!(
        run(Api::Responses, &stream(&[flat])),
        (Ending::Errored, code, Some(0))
    );

    let nested = r#"{"type":"error","error":{"type":"tokens","code":"rate_limit_exceeded"}}"#;
    let both = error(Some("tokens"), Some("rate_limit_exceeded"));
    assert_eq!(
        run(Api::Responses, &stream(&[nested])),
        (Ending::Errored, both, Some(0))
    );

    // Code of another kind.
    let done = r#"{"code":"1+1","type":"response.code_interpreter_call_code.done"}"#;
    let body = stream(&[done, r#"{"type":"error","message":"secret"}"#]);
    assert_eq!(run(Api::Responses, &body).1, error(None, None));
}

#[test]
fn gemini_ends_with_a_finish_reason() {
    let chunk = r#"{"candidates":[{"content":{"parts":[{"text":"}]"}]}}]}"#;
    let last = r#"{"candidates":[{"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":1}}"#;
    let blocked = r#"{"promptFeedback":{"blockReason":"SAFETY"}}"#;
    let failed = r#"{"error":{"code":503,"status":"UNAVAILABLE","message":"secret"}}"#;
    let unavailable = error(Some("UNAVAILABLE"), Some("503"));
    for (chunks, expected) in [
        (vec![chunk, last], (Ending::Terminal, None)),
        (vec![blocked], (Ending::Terminal, None)),
        (vec![chunk, failed], (Ending::Errored, unavailable)),
    ] {
        let events = run(Api::GenerateContent, &stream(&chunks));
        assert_eq!((events.0, events.1), expected, "{chunks:?}");
        let array = run(
            Api::GenerateContent,
            &format!("[{}]\r\n", chunks.join(",\r\n")),
        );
        assert_eq!((array.0, array.1), expected, "{chunks:?}");
        assert_eq!((events.2, array.2), (None, None), "nothing is held in-band");
        // An array that breaks off after its last element is complete enough.
        let cut = run(Api::GenerateContent, &format!("[{}", chunks.join(",\r\n")));
        assert_eq!((cut.0, cut.1), expected, "{chunks:?}");
    }
    assert_eq!(
        run(Api::GenerateContent, &stream(&[chunk])),
        (Ending::Open, None, None)
    );
    let cut = format!("[{last},\r\n{{\"candidates\":[{{");
    assert_eq!(run(Api::GenerateContent, &cut), (Ending::Open, None, None));
}

#[test]
fn documents_end_when_they_are_complete() {
    for api in [
        Api::Messages,
        Api::ChatCompletions,
        Api::Responses,
        Api::GenerateContent,
    ] {
        let body = r#"{"id":"x","content":[{"text":"\"}]\\"}]}"#;
        for end in 0..body.len() {
            assert_eq!(
                meter(api, JSON, &body[..end]).ending,
                Ending::Open,
                "{api:?} {end}"
            );
        }
        assert_eq!(meter(api, JSON, body).ending, Ending::Terminal, "{api:?}");
        assert_eq!(
            Meter::new(api, 200, JSON, "").feed(body.as_bytes()),
            None,
            "{api:?}"
        );
    }
    let failed = r#"{"id":"r","status":"failed","error":{"code":"server_error"},"usage":null}"#;
    assert_eq!(meter(Api::Responses, JSON, failed).ending, Ending::Errored);
}

#[test]
fn http_errors_are_read_in_each_shape() {
    let cases = [
        (
            Api::Messages,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"m"}}"#,
            error(Some("overloaded_error"), None),
        ),
        (
            Api::Embeddings,
            r#"{"error":{"message":"m","type":"requests","code":"rate_limit_exceeded"}}"#,
            error(Some("requests"), Some("rate_limit_exceeded")),
        ),
        (
            Api::EmbedContent,
            r#"[{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","details":[{"code":1}]}}]"#,
            error(Some("RESOURCE_EXHAUSTED"), Some("429")),
        ),
        (
            Api::Responses,
            r#"{"error":{"code":"a message, not a code"}}"#,
            error(None, None),
        ),
        (Api::Messages, "<html>502</html>", None),
        (Api::Messages, "", None),
    ];
    for (api, body, expected) in cases {
        let mut meter = Meter::new(api, 500, "", "");
        meter.feed(body.as_bytes());
        let outcome = meter.finish();
        assert_eq!(
            (outcome.ending, outcome.error),
            (Ending::Errored, expected),
            "{body}"
        );
    }
}

#[test]
fn the_first_bytes_decide_whatever_the_header_says() {
    let document = r#" {"id":"a","usage":{"prompt_tokens":1}}"#;
    let events = stream(&[r#"{"id":"a","usage":{"prompt_tokens":1}}"#, "[DONE]"]);
    for content_type in ["", EVENTS, JSON, "text/plain"] {
        for body in [
            document,
            &events,
            &format!("\u{FEFF}{events}"),
            &format!("\n\n{events}"),
        ] {
            let outcome = meter(Api::ChatCompletions, content_type, body);
            assert!(outcome.usage.is_some(), "{content_type} {body}");
            assert_eq!(outcome.ending, Ending::Terminal, "{content_type} {body}");
        }
    }
}

#[test]
fn unmetered_requests_are_only_passed() {
    let outcome = meter(
        Api::Unmetered,
        JSON,
        r#"{"id":"a","usage":{"prompt_tokens":1}}"#,
    );
    assert_eq!(
        (outcome.ending, outcome.decodable),
        (Ending::Terminal, true)
    );
    assert_eq!((outcome.usage, outcome.response_id), (None, None));
}
