//! What is written is what is read: spans that another server is sent.

use proptest::prelude::*;
use serde_json::{Value, json};
use systemprompt_domain::event::{RequestContext, RequestFinished, Reserved};
use systemprompt_domain::tool::{ToolStatus, Via};
use systemprompt_domain::{
    Api, Nanos, RequestId, RequestState, SpanId, Tokens, ToolCallId, ToolCalled, TraceId, Usage,
    UsageSource,
};
use systemprompt_otlp::{Signal, What, spans};
use time::Duration;
use uuid::{Builder, Uuid};

use crate::support::{NOW, batch};

/// An id of ten seconds before [`NOW`].
fn id(n: u8) -> Uuid {
    let at = (NOW - Duration::seconds(10)).unix_timestamp_nanos() / 1_000_000;
    let mut random = [0x55; 10];
    random[9] = n;
    Builder::from_unix_timestamp_millis(u64::try_from(at).unwrap(), &random).into_uuid()
}

fn finished() -> RequestFinished {
    let id = RequestId(id(1));
    let created_at = id.created_at().unwrap();
    let context = RequestContext {
        id,
        created_at,
        trace_id: TraceId(Uuid::from_u128(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736)),
        span_id: SpanId(0x00f0_67aa_0ba9_02b7),
        parent_span_id: Some(SpanId(7)),
        user: Some("ada".to_owned()),
        agent: Some("scout".to_owned()),
        token: None,
        session_id: Some("s-1".to_owned()),
        conversation_id: Some("c-1".to_owned()),
        conversation_derived: false,
        provider: "anthropic".to_owned(),
        api: Api::Messages,
        requested_model: Some("claude-sonnet-4-6".to_owned()),
        streamed: true,
        request_bytes: 0,
        reserved: Reserved::default(),
    };
    RequestFinished {
        http_status: Some(200),
        finish_reason: Some("end_turn".to_owned()),
        served_model: Some("claude-sonnet-4-6-20260101".to_owned()),
        response_id: Some("msg_1".to_owned()),
        usage_source: UsageSource::Provider,
        usage: Usage {
            tokens: Tokens {
                input: 1,
                cache_read: 20,
                cache_write_5m: 300,
                cache_write_1h: 4_000,
                audio_input: 50_000,
                tool_input: 600_000,
                output: 7,
                reasoning: 80,
                audio_output: 900,
            },
            service_tier: Some("priority".to_owned()),
            ..Usage::default()
        },
        cost: Some(Nanos(123_456_789)),
        latency_us: Some(1_500_000),
        ttfb_us: Some(250_000),
        ..RequestFinished::unanswered(
            context,
            RequestState::Completed,
            created_at + Duration::microseconds(1_500_000),
        )
    }
}

fn called(n: u8) -> ToolCalled {
    let id = ToolCallId(id(n));
    ToolCalled {
        id,
        created_at: id.created_at().unwrap(),
        trace_id: finished().context.trace_id,
        parent_span_id: None,
        request_id: None,
        server: "docs".to_owned(),
        tool: "search".to_owned(),
        via: Via::Otlp,
        user: Some("ada".to_owned()),
        agent: Some("scout".to_owned()),
        token: None,
        session_id: None,
        conversation_id: Some("c-1".to_owned()),
        call_id: Some("toolu_1".to_owned()),
        rpc_id: Some("3".to_owned()),
        client_name: None,
        client_version: None,
        protocol_version: Some("2025-11-25".to_owned()),
        status: ToolStatus::Success,
        error_type: None,
        error_code: None,
        argument_hash: None,
        latency_us: 40_000,
        ttfb_us: None,
        request_bytes: 0,
        response_bytes: 0,
    }
}

/// What another server makes of it.
fn read(
    requests: &[RequestFinished],
    calls: &[ToolCalled],
) -> (Vec<RequestFinished>, Vec<ToolCalled>) {
    let batch = batch(Signal::Traces, &spans(requests, calls, "1.2.3"));
    assert_eq!((batch.rejected, batch.ignored), (0, 0), "{batch:?}");
    let mut made = (Vec::new(), Vec::new());
    for seen in batch.seen {
        assert_eq!(seen.service, None, "nobody's agent");
        match seen.what {
            What::Request(request) => made.0.push(*request),
            What::Tool(call) => made.1.push(*call),
        }
    }
    // Ids are the other server's own, made of trace and span.
    for (read, sent) in made.0.iter_mut().zip(requests) {
        assert_ne!(read.context.id, sent.context.id);
        read.context.id = sent.context.id;
    }
    for (read, sent) in made.1.iter_mut().zip(calls) {
        assert_ne!(read.id, sent.id);
        read.id = sent.id;
        // Each is known by a span of its own, so that none is taken for another.
        let own = SpanId(sent.id.0.as_u64_pair().1);
        assert_eq!(read.parent_span_id, Some(own));
        read.parent_span_id = sent.parent_span_id;
    }
    made
}

#[test]
fn a_request_comes_back_whole() {
    let sent = finished();
    let (read, _) = read(std::slice::from_ref(&sent), &[]);
    let [read] = read.try_into().unwrap();
    // What it cost is reckoned anew, by the reader's prices; the counts as they were sent are kept.
    let expected = RequestFinished {
        cost: None,
        raw_usage: read.raw_usage.clone(),
        ..sent
    };
    assert_eq!(read, expected);
}

#[test]
fn ends_of_all_kinds_come_back() {
    for state in RequestState::ALL {
        let failed = state != RequestState::Completed;
        let sent = RequestFinished {
            state,
            http_status: None,
            error_type: failed.then(|| "overloaded_error".to_owned()),
            usage_source: UsageSource::None,
            usage: Usage::default(),
            cost: None,
            ..finished()
        };
        let (read, _) = read(std::slice::from_ref(&sent), &[]);
        assert_eq!(read, [sent]);
    }
    for status in ToolStatus::ALL {
        let sent = ToolCalled {
            status,
            error_type: match status {
                ToolStatus::Failed => Some("rpc_error".to_owned()),
                ToolStatus::Timeout | ToolStatus::Cancelled => Some(status.as_str().to_owned()),
                ToolStatus::Success | ToolStatus::NeedsInput => None,
            },
            error_code: (status == ToolStatus::Failed).then(|| "-32602".to_owned()),
            parent_span_id: Some(SpanId(9)),
            ..called(2)
        };
        let (_, read) = read(&[], std::slice::from_ref(&sent));
        assert_eq!(read, [sent]);
    }
}

#[test]
fn calls_without_a_caller_lie_below_the_request_that_asked() {
    let request = finished();
    let calls = [2, 3].map(|n| ToolCalled {
        request_id: Some(request.context.id),
        ..called(n)
    });
    let export = spans(std::slice::from_ref(&request), &calls, "1.2.3");
    let written = export["resourceSpans"][0]["scopeSpans"][0]["spans"]
        .as_array()
        .unwrap();
    assert_eq!(written.len(), 3);
    for span in &written[1..] {
        assert_eq!(span["parentSpanId"], written[0]["spanId"]);
    }
    let called_by_one = calls.map(|call| ToolCalled {
        parent_span_id: Some(SpanId(9)),
        request_id: None,
        ..call
    });
    let (_, read) = read(&[], &called_by_one);
    assert_eq!(read, called_by_one);
}

#[test]
fn what_is_not_known_is_not_there() {
    let mut request = finished();
    request.usage_source = UsageSource::None;
    request.cost = None;
    request.context.parent_span_id = None;
    let export = spans(&[request], &[], "1.2.3");
    let span = &export["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
    assert_eq!(span.get("parentSpanId"), None);
    assert_eq!(span["status"], json!({}));
    let keys: Vec<&str> = span["attributes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["key"].as_str().unwrap())
        .collect();
    let has = |part: &str| keys.iter().any(|key| key.contains(part));
    assert!(has("gen_ai.request.model"));
    assert!(!has("usage") && !has("cost") && !has("error"), "{keys:?}");
    let none: &[Value] = &[];
    assert_eq!(
        spans(&[], &[], "1.2.3")["resourceSpans"][0]["scopeSpans"][0]["spans"],
        json!(none)
    );
}

proptest! {
    #[test]
    fn tokens_and_times_come_back(
        counts in prop::array::uniform9(0_u64..1_000_000),
        provider in "anthropic|openai|gemini|azure|some-host",
        ttfb_us in 0_u64..=1_500_000,
    ) {
        let [input, cache_read, cache_write_5m, cache_write_1h, audio_input, tool_input, output, reasoning, audio_output] =
            counts;
        let tokens = Tokens {
            input, cache_read, cache_write_5m, cache_write_1h, audio_input, tool_input, output, reasoning,
            audio_output,
        };
        let mut sent = finished();
        sent.usage.tokens = tokens;
        sent.context.provider.clone_from(&provider);
        sent.ttfb_us = Some(ttfb_us);
        let (read, _) = read(&[sent], &[]);
        prop_assert_eq!(read[0].usage.tokens, tokens);
        prop_assert_eq!(&read[0].context.provider, &provider);
        prop_assert_eq!(read[0].ttfb_us, Some(ttfb_us));
    }
}
