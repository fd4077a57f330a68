//! Compressed bodies.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use systemprompt_domain::api::Api;
use systemprompt_meters::{Ending, Meter};

use crate::support::{EVENTS, JSON, meter_pieces, random_pieces, stream};

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).expect("memory");
    encoder.finish().expect("memory")
}

fn zlib(body: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).expect("memory");
    encoder.finish().expect("memory")
}

fn raw_deflate(body: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).expect("memory");
    encoder.finish().expect("memory")
}

fn chat() -> String {
    let chunk = r#"{"id":"c","model":"m","choices":[{"delta":{"content":"hello"}}],"usage":null}"#;
    let last = r#"{"id":"c","model":"m","choices":[],"usage":{"prompt_tokens":7}}"#;
    let mut chunks = vec![chunk; 50];
    chunks.extend([last, "[DONE]"]);
    stream(&chunks)
}

#[test]
fn gzip_and_deflate_are_read_in_any_pieces() {
    let body = chat();
    let plain = Meter::new(Api::ChatCompletions, 200, EVENTS, "identity");
    let (expected, _) = meter_pieces(plain, std::iter::once(body.as_bytes()));
    assert!(expected.usage.is_some());
    for (encoding, wire) in [
        ("gzip", gzip(body.as_bytes())),
        (
            "GZIP",
            [gzip(&body.as_bytes()[..900]), gzip(&body.as_bytes()[900..])].concat(),
        ),
        ("x-gzip", gzip(body.as_bytes())),
        ("deflate", zlib(body.as_bytes())),
        ("deflate", raw_deflate(body.as_bytes())),
    ] {
        for seed in 0..50 {
            let meter = Meter::new(Api::ChatCompletions, 200, EVENTS, encoding);
            let (outcome, held) = meter_pieces(meter, random_pieces(&wire, seed));
            assert_eq!(outcome, expected, "{encoding} {seed}");
            assert!(held.is_some(), "{encoding} {seed}");
        }
    }
}

#[test]
fn a_compressed_stream_flushed_by_event_is_held_by_chunk() {
    let body = chat();
    let done = body.find("data: [DONE]").expect("there");
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let mut flushed = |part: &str| {
        encoder.write_all(part.as_bytes()).expect("memory");
        encoder.flush().expect("memory");
        std::mem::take(encoder.get_mut())
    };
    let (first, last) = (flushed(&body[..done]), flushed(&body[done..]));
    let mut meter = Meter::new(Api::ChatCompletions, 200, EVENTS, "gzip");
    assert_eq!(meter.feed(&first), None);
    assert_eq!(meter.feed(&last), Some(0));
    assert_eq!(meter.finish().ending, Ending::Terminal);
}

#[test]
fn bad_compression_leaves_the_body_open() {
    let document = br#"{"id":"a","usage":{"prompt_tokens":1}}"#;
    let mut corrupted = gzip(document);
    corrupted[12] ^= 0xFF;
    for (encoding, wire) in [
        ("gzip", document.to_vec()),
        ("gzip", corrupted),
        ("deflate", b"\x08\xFF\xFF\xFF".to_vec()),
        ("deflate", b"\xFF\xFF\xFF".to_vec()),
        ("gzip", gzip(document)[..14].to_vec()),
    ] {
        let mut meter = Meter::new(Api::ChatCompletions, 200, JSON, encoding);
        assert_eq!(meter.feed(&wire), None);
        assert_eq!(meter.feed(&wire), None);
        let outcome = meter.finish();
        assert_eq!(
            (outcome.ending, outcome.decodable),
            (Ending::Open, true),
            "{encoding}"
        );
    }
}

#[test]
fn a_bomb_is_read_through() {
    let mut body = br#"{"x":""#.to_vec();
    body.resize(32 << 20, b' ');
    body.extend_from_slice(br#"","usage":{"prompt_tokens":1}}"#);
    let mut meter = Meter::new(Api::ChatCompletions, 200, JSON, "gzip");
    meter.feed(&gzip(&body));
    assert!(meter.finish().usage.is_some());
}

#[test]
fn other_encodings_are_not_read() {
    for encoding in ["br", "zstd", "gzip, br"] {
        let mut meter = Meter::new(Api::ChatCompletions, 200, EVENTS, encoding);
        assert_eq!(meter.feed(chat().as_bytes()), None);
        let outcome = meter.finish();
        assert!(!outcome.decodable, "{encoding}");
        assert_eq!(outcome.usage, None);
    }
}
