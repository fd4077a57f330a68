//! Whatever comes: nothing panics, nothing grows, and counts add up.

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::io::Write as _;
use systemprompt_otlp::{
    Format, InflateError, MOST_RECORDS, Signal, failure, inflate, read, receipt,
};

use crate::support::{NOW, batch, span, traces};

const SIGNALS: [Signal; 3] = [Signal::Traces, Signal::Logs, Signal::Metrics];

fn read_all(body: &[u8]) {
    let body = Bytes::copy_from_slice(body);
    for signal in SIGNALS {
        for format in [Format::Protobuf, Format::Json] {
            let _ = read(signal, format, &body, NOW);
        }
    }
}

fn good() -> Value {
    span(&json!({
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o",
        "gen_ai.usage.input_tokens": 1, "gen_ai.usage.output_tokens": 1,
    }))
}

#[test]
fn a_huge_export_is_taken_as_far_as_may_be() {
    let spans: Vec<Value> = (0..MOST_RECORDS + 17)
        .map(|n| {
            let mut one = good();
            one["spanId"] = json!(format!("{:016x}", n + 1));
            one
        })
        .collect();
    let found = batch(Signal::Traces, &traces("a", &spans));
    assert_eq!((found.seen.len(), found.rejected), (MOST_RECORDS, 17));
    assert!(found.reason.unwrap().contains("10,000"));
}

#[test]
fn numbers_that_cannot_be_are_no_usage() {
    let mut odd = good();
    for value in [
        json!("9223372036854775807"),
        json!("-5"),
        json!("1e3"),
        json!(true),
    ] {
        let attributes = odd["attributes"].as_array_mut().unwrap();
        attributes.retain(|one| one["key"] != "gen_ai.usage.input_tokens");
        let key = json!("gen_ai.usage.input_tokens");
        attributes.push(json!({ "key": key, "value": { "stringValue": value } }));
        let _ = read(
            Signal::Traces,
            Format::Json,
            &Bytes::from(traces("a", &[odd.clone()]).to_string()),
            NOW,
        );
    }
    let attributes = odd["attributes"].as_array_mut().unwrap();
    attributes.retain(|one| one["key"] != "gen_ai.usage.input_tokens");
    attributes.push(
        json!({ "key": "gen_ai.usage.input_tokens", "value": { "intValue": "9223372036854775807" } }),
    );
    let found = crate::support::request(Signal::Traces, &traces("a", &[odd]));
    assert_eq!(found.usage, systemprompt_domain::Usage::default());
}

#[test]
fn a_bomb_is_refused_before_it_is_large() {
    let mut zipped = GzEncoder::new(Vec::new(), Compression::best());
    for _ in 0..64 {
        zipped.write_all(&[0; 1 << 20]).unwrap();
    }
    let bomb = zipped.finish().unwrap();
    assert_eq!(inflate(&bomb, 1 << 20), Err(InflateError::TooLarge));
    assert_eq!(
        inflate(&bomb[..bomb.len() / 2], 128 << 20),
        Err(InflateError::Broken)
    );
    assert_eq!(inflate(b"no gzip", 100), Err(InflateError::Broken));
    assert_eq!(
        inflate(&bomb, 64 << 20).map(|whole| whole.len()),
        Ok(64 << 20)
    );
}

#[test]
fn depth_does_not_matter() {
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(5_000), close.repeat(5_000));
    let value = deep("{\"arrayValue\":{\"values\":[", "]}}");
    let mut odd = good();
    odd["attributes"] = json!([]);
    let text = odd.to_string();
    let text = text.replace(
        "\"attributes\":[]",
        &format!("\"attributes\":[{{\"key\":\"a\",\"value\":{value}}}]"),
    );
    let body = traces("a", &[json!("HERE")])
        .to_string()
        .replace("\"HERE\"", &text);
    let found = read(Signal::Traces, Format::Json, &Bytes::from(body), NOW).unwrap();
    assert_eq!(found.rejected, 1);
    // In protobuf: length-delimited fields within each other, as deep as the body lasts.
    let mut nested = Vec::new();
    for _ in 0..2_000 {
        let mut outer = vec![0x2a];
        prost_length(nested.len() + 1, &mut outer);
        outer.push(0x0a);
        outer.extend(&nested);
        nested = outer;
    }
    read_all(&nested);
}

fn prost_length(mut n: usize, to: &mut Vec<u8>) {
    while n >= 0x80 {
        to.push(u8::try_from(n & 0x7f).unwrap() | 0x80);
        n >>= 7;
    }
    to.push(u8::try_from(n).unwrap());
}

/// An array is no object, whose members it would give by their order.
#[test]
fn objects_are_objects() {
    for signal in SIGNALS {
        for body in [
            "[]",
            "[[]]",
            r#"{"resourceSpans":[[]]}"#,
            r#"{"resourceSpans":[{"scopeSpans":[[]]}]}"#,
        ] {
            let found = read(signal, Format::Json, &Bytes::from(body), NOW);
            assert!(found.is_err(), "{signal:?} {body}");
        }
    }
    let found = batch(Signal::Traces, &traces("a", &[json!([])]));
    assert_eq!((found.rejected, found.seen.len()), (1, 0));
}

#[test]
fn answers_are_in_the_format_that_was_sent() {
    let json = receipt(Signal::Logs, Format::Json, 3, Some("why"));
    let json: Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(
        json,
        json!({ "partialSuccess": { "rejectedLogRecords": "3", "errorMessage": "why" } })
    );
    assert_eq!(receipt(Signal::Traces, Format::Json, 0, None), b"{}");
    assert!(receipt(Signal::Traces, Format::Protobuf, 0, None).is_empty());
    // Field 1: a message of rejected (1) and text (2).
    let binary = receipt(Signal::Traces, Format::Protobuf, 3, Some("why"));
    assert_eq!(binary, b"\x0a\x07\x08\x03\x12\x03why");
    assert_eq!(failure(Format::Protobuf, "no"), b"\x12\x02no");
}

proptest! {
    #[test]
    fn whatever_comes_nothing_panics(body in prop::collection::vec(any::<u8>(), 0..400)) {
        read_all(&body);
        let _ = inflate(&body, 1_000);
    }

    #[test]
    fn nearly_an_export_does_not_either(cut in 0usize..900, at in 0usize..900, byte in any::<u8>()) {
        let mut body = traces("a", &[good()]).to_string().into_bytes();
        let at = at % body.len();
        body[at] = byte;
        body.truncate(cut.max(1));
        read_all(&body);
    }

    #[test]
    fn values_of_any_kind_are_read_or_not(text in ".{0,300}", n in any::<i64>(), d in any::<f64>()) {
        let mut odd = good();
        for name in ["gen_ai.request.model", "gen_ai.usage.input_tokens", "error.type", "gen_ai.response.id"] {
            for value in [
                json!({ "stringValue": text }), json!({ "intValue": n.to_string() }),
                json!({ "doubleValue": d }), json!({}),
            ] {
                odd["attributes"].as_array_mut().unwrap().insert(0, json!({ "key": name, "value": value }));
                let found = batch(Signal::Traces, &traces("a", &[odd.clone()]));
                prop_assert_eq!(found.seen.len() + found.ignored + found.rejected, 1);
            }
        }
    }
}
