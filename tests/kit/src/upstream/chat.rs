//! Synthesised answers of OpenAI Chat Completions.

use super::errors;
use super::route::Wire;
use super::serve::Ask;
use super::sse::Events;

/// `POST /v1/chat/completions`, plain.
pub(super) fn completion(ask: &Ask<'_>) -> Vec<u8> {
    let Ask {
        model,
        number,
        created,
        behaviour,
        ..
    } = ask;
    let (message, finish) = match &behaviour.tool {
        Some(tool) => (
            format!(
                r#""content":null,"tool_calls":[{{"id":"call_mock_{number}","type":"function","function":{{"name":"{tool}","arguments":"{{\"city\": \"Paris\"}}"}}}}]"#
            ),
            "tool_calls",
        ),
        None => (
            format!(r#""content":"{}""#, behaviour.texts().collect::<String>()),
            "stop",
        ),
    };
    let usage = usage(ask)
        .map(|u| format!(r#","usage":{u}"#))
        .unwrap_or_default();
    format!(
        r#"{{"id":"chatcmpl-mock_{number}","object":"chat.completion","created":{created},"model":{model},"choices":[{{"index":0,"message":{{"role":"assistant",{message},"refusal":null,"annotations":[]}},"logprobs":null,"finish_reason":"{finish}"}}]{usage},"service_tier":"default","system_fingerprint":"fp_mock"}}"#
    )
    .into_bytes()
}

/// `POST /v1/chat/completions`, streamed. Usage comes only if asked for.
pub(super) fn stream(ask: &Ask<'_>) -> Vec<u8> {
    let Ask {
        model,
        number,
        created,
        behaviour,
        ..
    } = ask;
    let usage = usage(ask).filter(|_| ask.include_usage);
    let no_usage_yet = if usage.is_some() {
        r#","usage":null"#
    } else {
        ""
    };
    let head = format!(
        r#"{{"id":"chatcmpl-mock_{number}","object":"chat.completion.chunk","created":{created},"model":{model},"service_tier":"default","system_fingerprint":"fp_mock""#
    );
    let mut events = Events::default();
    let mut chunk = |delta: &str, finish: &str| {
        events.plain(format_args!(
            r#"{head},"choices":[{{"index":0,"delta":{{{delta}}},"logprobs":null,"finish_reason":{finish}}}]{no_usage_yet}}}"#
        ));
    };
    if let Some(tool) = &behaviour.tool {
        chunk(
            &format!(
                r#""role":"assistant","content":null,"tool_calls":[{{"index":0,"id":"call_mock_{number}","type":"function","function":{{"name":"{tool}","arguments":""}}}}]"#
            ),
            "null",
        );
        for arguments in [r#"{\"city\":"#, r#" \"Paris\"}"#] {
            chunk(
                &format!(
                    r#""tool_calls":[{{"index":0,"function":{{"arguments":"{arguments}"}}}}]"#
                ),
                "null",
            );
        }
    } else {
        chunk(r#""role":"assistant","content":"","refusal":null"#, "null");
        let texts = behaviour.texts().take(if behaviour.midstream_error {
            1
        } else {
            usize::MAX
        });
        for text in texts {
            chunk(&format!(r#""content":"{text}""#), "null");
        }
    }
    if behaviour.midstream_error {
        let error = errors::body(Wire::OpenAi, 500, *number, behaviour.retry_after);
        events.plain(format_args!("{error}"));
        return events.into_bytes();
    }
    chunk(
        "",
        if behaviour.tool.is_some() {
            r#""tool_calls""#
        } else {
            r#""stop""#
        },
    );
    if let Some(usage) = usage {
        events.plain(format_args!(r#"{head},"choices":[],"usage":{usage}}}"#));
    }
    events.plain(format_args!("[DONE]"));
    events.into_bytes()
}

fn usage(ask: &Ask<'_>) -> Option<String> {
    let b = ask.behaviour;
    (!b.no_usage).then(|| {
        let write = match b.cache_write_5m {
            0 => String::new(),
            n => format!(r#","cache_write_tokens":{n}"#),
        };
        format!(
            r#"{{"prompt_tokens":{},"completion_tokens":{},"total_tokens":{},"prompt_tokens_details":{{"cached_tokens":{}{write},"audio_tokens":0}},"completion_tokens_details":{{"reasoning_tokens":{},"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}}}"#,
            b.input,
            b.output,
            b.input + b.output,
            b.cache_read,
            b.reasoning,
        )
    })
}
