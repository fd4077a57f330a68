//! Synthesised answers of the Anthropic Messages API.

use std::fmt::Write;

use super::errors;
use super::route::Wire;
use super::serve::Ask;
use super::sse::Events;

/// `POST /v1/messages`, plain.
pub(super) fn message(ask: &Ask<'_>) -> Vec<u8> {
    let Ask {
        model,
        number,
        behaviour,
        ..
    } = ask;
    let usage = usage(ask, behaviour.output).map(|u| format!(r#","usage":{u}"#));
    let (content, stop) = match &behaviour.tool {
        Some(tool) => (
            format!(
                r#"{{"type":"tool_use","id":"toolu_mock_{number}","name":"{tool}","input":{{"city":"Paris"}}}}"#
            ),
            "tool_use",
        ),
        None => {
            let text: String = behaviour.texts().collect();
            (format!(r#"{{"type":"text","text":"{text}"}}"#), "end_turn")
        }
    };
    format!(
        r#"{{"model":{model},"id":"msg_mock_{number}","type":"message","role":"assistant","content":[{content}],"stop_reason":"{stop}","stop_sequence":null{usage}}}"#,
        usage = usage.unwrap_or_default(),
    )
    .into_bytes()
}

/// `POST /v1/messages`, streamed.
pub(super) fn stream(ask: &Ask<'_>) -> Vec<u8> {
    let Ask {
        model,
        number,
        behaviour,
        ..
    } = ask;
    let mut events = Events::default();
    // The first count of output is a partial one, as the real one is.
    let first = usage(ask, behaviour.output.min(1)).map(|u| format!(r#","usage":{u}"#));
    events.named(
        "message_start",
        format_args!(
            r#"{{"type":"message_start","message":{{"model":{model},"id":"msg_mock_{number}","type":"message","role":"assistant","content":[],"stop_reason":null,"stop_sequence":null{usage}}}}}"#,
            usage = first.unwrap_or_default(),
        ),
    );
    let block = match &behaviour.tool {
        Some(tool) => {
            format!(
                r#"{{"type":"tool_use","id":"toolu_mock_{number}","name":"{tool}","input":{{}}}}"#
            )
        }
        None => r#"{"type":"text","text":""}"#.to_owned(),
    };
    events.named(
        "content_block_start",
        format_args!(r#"{{"type":"content_block_start","index":0,"content_block":{block}}}"#),
    );
    events.named("ping", format_args!(r#"{{"type":"ping"}}"#));
    let mut delta = |delta: &str| {
        events.named(
            "content_block_delta",
            format_args!(r#"{{"type":"content_block_delta","index":0,"delta":{delta}}}"#),
        );
    };
    if behaviour.tool.is_some() {
        delta(r#"{"type":"input_json_delta","partial_json":"{\"city\":"}"#);
        delta(r#"{"type":"input_json_delta","partial_json":" \"Paris\"}"}"#);
    } else {
        let texts = behaviour.texts().take(if behaviour.midstream_error {
            1
        } else {
            usize::MAX
        });
        for text in texts {
            delta(&format!(r#"{{"type":"text_delta","text":"{text}"}}"#));
        }
    }
    if behaviour.midstream_error {
        let error = errors::body(Wire::Anthropic, 529, *number, behaviour.retry_after);
        events.named("error", format_args!("{error}"));
        return events.into_bytes();
    }
    events.named(
        "content_block_stop",
        format_args!(r#"{{"type":"content_block_stop","index":0}}"#),
    );
    let stop = if behaviour.tool.is_some() {
        "tool_use"
    } else {
        "end_turn"
    };
    let last = cumulative_usage(ask).map(|u| format!(r#","usage":{u}"#));
    events.named(
        "message_delta",
        format_args!(
            r#"{{"type":"message_delta","delta":{{"stop_reason":"{stop}","stop_sequence":null}}{usage}}}"#,
            usage = last.unwrap_or_default(),
        ),
    );
    events.named("message_stop", format_args!(r#"{{"type":"message_stop"}}"#));
    events.into_bytes()
}

/// `POST /v1/messages/count_tokens`.
pub(super) fn count_tokens(ask: &Ask<'_>) -> Vec<u8> {
    format!(r#"{{"input_tokens":{}}}"#, ask.behaviour.input).into_bytes()
}

/// `GET /v1/models`.
pub(super) fn models() -> Vec<u8> {
    br#"{"data":[{"type":"model","id":"claude-sonnet-4-5","display_name":"Claude Sonnet 4.5","created_at":"2025-09-29T00:00:00Z"}],"has_more":false,"first_id":"claude-sonnet-4-5","last_id":"claude-sonnet-4-5"}"#.to_vec()
}

fn usage(ask: &Ask<'_>, output: u64) -> Option<String> {
    let b = ask.behaviour;
    if b.no_usage {
        return None;
    }
    let (five, hour) = (b.cache_write_5m, b.cache_write_1h);
    let mut usage = format!(
        r#"{{"input_tokens":{},"cache_creation_input_tokens":{},"cache_read_input_tokens":{},"cache_creation":{{"ephemeral_5m_input_tokens":{five},"ephemeral_1h_input_tokens":{hour}}},"output_tokens":{output},"service_tier":"standard""#,
        b.input,
        five + hour,
        b.cache_read,
    );
    if b.reasoning > 0 {
        let _ = write!(
            usage,
            r#","output_tokens_details":{{"thinking_tokens":{}}}"#,
            b.reasoning.min(output)
        );
    }
    usage.push('}');
    Some(usage)
}

/// A `message_delta` repeats the input side, without the split by lifetime.
fn cumulative_usage(ask: &Ask<'_>) -> Option<String> {
    let b = ask.behaviour;
    (!b.no_usage).then(|| {
        let thinking = match b.reasoning {
            0 => String::new(),
            n => format!(r#","output_tokens_details":{{"thinking_tokens":{n}}}"#),
        };
        format!(
            r#"{{"input_tokens":{},"cache_creation_input_tokens":{},"cache_read_input_tokens":{},"output_tokens":{}{thinking}}}"#,
            b.input,
            b.cache_write_5m + b.cache_write_1h,
            b.cache_read,
            b.output,
        )
    })
}
