//! Synthesised answers of OpenAI Responses.

use std::fmt::Arguments;

use super::errors;
use super::serve::Ask;
use super::sse::Events;

/// `POST /v1/responses`, plain.
pub(super) fn response(ask: &Ask<'_>) -> Vec<u8> {
    let text: String = ask.behaviour.texts().collect();
    let usage = usage(ask).unwrap_or_else(|| "null".to_owned());
    object(
        ask,
        "completed",
        &output_item(ask, &text, "completed"),
        &usage,
    )
    .into_bytes()
}

/// `POST /v1/responses/compact`.
pub(super) fn compaction(ask: &Ask<'_>) -> Vec<u8> {
    let Ask {
        number, created, ..
    } = ask;
    let usage = usage(ask).unwrap_or_else(|| "null".to_owned());
    format!(
        r#"{{"id":"resp_mock_{number}","object":"response.compaction","created_at":{created},"output":[{{"id":"cmp_mock_{number}","type":"compaction","encrypted_content":"bW9jaw=="}}],"usage":{usage}}}"#
    )
    .into_bytes()
}

/// `POST /v1/responses`, streamed: usage stands in the terminal event only.
pub(super) fn stream(ask: &Ask<'_>) -> Vec<u8> {
    let number = ask.number;
    let mut stream = Stream::default();
    let in_progress = object(ask, "in_progress", "", "null");
    stream.event(
        "response.created",
        format_args!(r#""response":{in_progress}"#),
    );
    stream.event(
        "response.in_progress",
        format_args!(r#""response":{in_progress}"#),
    );
    stream.event(
        "response.output_item.added",
        format_args!(
            r#""output_index":0,"item":{}"#,
            output_item(ask, "", "in_progress")
        ),
    );
    let text = if ask.behaviour.tool.is_some() {
        arguments(&mut stream, number);
        String::new()
    } else {
        texts(&mut stream, ask)
    };
    if ask.behaviour.midstream_error {
        let (code, message) = errors::openai_code(500);
        stream.event(
            "error",
            format_args!(r#""code":"{code}","message":"{message}","param":null"#),
        );
        return stream.events.into_bytes();
    }
    let item = output_item(ask, &text, "completed");
    stream.event(
        "response.output_item.done",
        format_args!(r#""output_index":0,"item":{item}"#),
    );
    let usage = usage(ask).unwrap_or_else(|| "null".to_owned());
    let completed = object(ask, "completed", &item, &usage);
    stream.event(
        "response.completed",
        format_args!(r#""response":{completed}"#),
    );
    stream.events.into_bytes()
}

/// Events with their running number.
#[derive(Default)]
struct Stream {
    events: Events,
    sequence: u64,
}

impl Stream {
    fn event(&mut self, kind: &str, fields: Arguments<'_>) {
        let sequence = self.sequence;
        self.events.named(
            kind,
            format_args!(r#"{{"type":"{kind}","sequence_number":{sequence},{fields}}}"#),
        );
        self.sequence += 1;
    }
}

fn arguments(stream: &mut Stream, number: u64) {
    let at = format!(r#""item_id":"fc_mock_{number}","output_index":0"#);
    for delta in [r#"{\"city\":"#, r#" \"Paris\"}"#] {
        stream.event(
            "response.function_call_arguments.delta",
            format_args!(r#"{at},"delta":"{delta}""#),
        );
    }
    stream.event(
        "response.function_call_arguments.done",
        format_args!(r#"{at},"arguments":"{{\"city\": \"Paris\"}}""#),
    );
}

fn texts(stream: &mut Stream, ask: &Ask<'_>) -> String {
    let at = format!(
        r#""item_id":"msg_mock_{}","output_index":0,"content_index":0"#,
        ask.number
    );
    stream.event(
        "response.content_part.added",
        format_args!(
            r#"{at},"part":{{"type":"output_text","annotations":[],"logprobs":[],"text":""}}"#
        ),
    );
    let mut whole = String::new();
    let wanted = if ask.behaviour.midstream_error {
        1
    } else {
        usize::MAX
    };
    for text in ask.behaviour.texts().take(wanted) {
        stream.event(
            "response.output_text.delta",
            format_args!(r#"{at},"delta":"{text}","logprobs":[]"#),
        );
        whole.push_str(&text);
    }
    if ask.behaviour.midstream_error {
        return whole;
    }
    stream.event(
        "response.output_text.done",
        format_args!(r#"{at},"text":"{whole}","logprobs":[]"#),
    );
    stream.event(
        "response.content_part.done",
        format_args!(
            r#"{at},"part":{{"type":"output_text","annotations":[],"logprobs":[],"text":"{whole}"}}"#
        ),
    );
    whole
}

fn object(ask: &Ask<'_>, status: &str, output: &str, usage: &str) -> String {
    let Ask {
        model,
        number,
        created,
        ..
    } = ask;
    // The tier asked for stands in the first events, the real one in the last.
    let tier = if status == "completed" {
        "default"
    } else {
        "auto"
    };
    format!(
        r#"{{"id":"resp_mock_{number}","object":"response","created_at":{created},"status":"{status}","background":false,"error":null,"incomplete_details":null,"instructions":null,"max_output_tokens":null,"model":{model},"output":[{output}],"parallel_tool_calls":true,"previous_response_id":null,"reasoning":{{"effort":null,"summary":null}},"service_tier":"{tier}","store":true,"temperature":1.0,"text":{{"format":{{"type":"text"}}}},"tool_choice":"auto","tools":[],"top_p":1.0,"truncation":"disabled","usage":{usage},"user":null,"metadata":{{}}}}"#
    )
}

fn output_item(ask: &Ask<'_>, text: &str, status: &str) -> String {
    let Ask {
        number, behaviour, ..
    } = ask;
    let done = status == "completed";
    if let Some(tool) = &behaviour.tool {
        let arguments = if done { r#"{\"city\": \"Paris\"}"# } else { "" };
        return format!(
            r#"{{"id":"fc_mock_{number}","type":"function_call","status":"{status}","arguments":"{arguments}","call_id":"call_mock_{number}","name":"{tool}"}}"#
        );
    }
    let content = if done {
        format!(r#"{{"type":"output_text","annotations":[],"logprobs":[],"text":"{text}"}}"#)
    } else {
        String::new()
    };
    format!(
        r#"{{"id":"msg_mock_{number}","type":"message","status":"{status}","content":[{content}],"role":"assistant"}}"#
    )
}

fn usage(ask: &Ask<'_>) -> Option<String> {
    let b = ask.behaviour;
    (!b.no_usage).then(|| {
        let write = match b.cache_write_5m {
            0 => String::new(),
            n => format!(r#","cache_write_tokens":{n}"#),
        };
        format!(
            r#"{{"input_tokens":{},"input_tokens_details":{{"cached_tokens":{}{write}}},"output_tokens":{},"output_tokens_details":{{"reasoning_tokens":{}}},"total_tokens":{}}}"#,
            b.input,
            b.cache_read,
            b.output,
            b.reasoning,
            b.input + b.output,
        )
    })
}
