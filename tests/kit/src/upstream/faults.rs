//! What happens to the bytes of an answer on their way: broken lines, cuts
//! into pieces, compression.

use std::collections::VecDeque;
use std::io::{self, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::behaviour::{Behaviour, Hang};
use super::sse::event_len;

/// Pieces of a `slow` body that has no events.
const SLOW_PIECES: usize = 16;

/// Largest piece of a random split, in bytes: small, so that lines, words and
/// characters are torn.
const SPLIT_MAX: usize = 96;

/// A line without a colon, a comment, an unknown event, an event whose data is
/// no JSON.
const BAD_EVENTS: &[u8] =
    b"nonsense\n: comment\n\nevent: mock.unknown\ndata: {}\n\ndata: {\"broken\":\n\n";

/// Breaks the text of a body as the behaviour asks.
pub(super) fn broken(mut body: Vec<u8>, behaviour: &Behaviour, sse: bool) -> Vec<u8> {
    if sse && behaviour.bad_sse {
        let first = event_len(&body);
        body.splice(first..first, BAD_EVENTS.iter().copied());
    }
    if sse && behaviour.crlf {
        body = with_crlf(&body);
    }
    if sse && behaviour.no_final_newline {
        let end = body.trim_ascii_end().len();
        body.truncate(end);
    }
    if behaviour.malformed {
        body.truncate(body.len() / 2);
    }
    body
}

fn with_crlf(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() + body.len() / 16);
    for (i, byte) in body.iter().enumerate() {
        if *byte == b'\n' && (i == 0 || body[i - 1] != b'\r') {
            out.push(b'\r');
        }
        out.push(*byte);
    }
    out
}

/// Cuts a body into the pieces it is sent in: random ones, else events.
pub(super) fn pieces(mut body: Bytes, behaviour: &Behaviour, sse: bool) -> VecDeque<Bytes> {
    let mut random = behaviour.split.map(StdRng::seed_from_u64);
    let slow_piece = body.len().div_ceil(SLOW_PIECES).max(1);
    let mut pieces = VecDeque::new();
    while !body.is_empty() {
        let len = match &mut random {
            Some(random) => random.random_range(1..=SPLIT_MAX),
            None if sse => event_len(&body),
            None if behaviour.slow.is_some() => slow_piece,
            None => body.len(),
        };
        pieces.push_back(body.split_to(len.min(body.len())));
    }
    pieces
}

/// Compresses the pieces so that each can be decoded as soon as it arrives.
pub(super) fn gzipped(pieces: VecDeque<Bytes>) -> io::Result<VecDeque<Bytes>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let mut compressed = VecDeque::with_capacity(pieces.len() + 1);
    for piece in pieces {
        encoder.write_all(&piece)?;
        encoder.flush()?;
        compressed.push_back(std::mem::take(encoder.get_mut()).into());
    }
    compressed.push_back(encoder.finish()?.into());
    Ok(compressed)
}

/// How many of `len` bytes are sent before the fault; `None` if all are.
pub(super) fn bytes_before_fault(behaviour: &Behaviour, len: usize) -> Option<usize> {
    match (behaviour.cut, behaviour.hang) {
        (Some(cut), _) => Some(cut.after),
        (None, Some(Hang::After(bytes))) => Some(bytes),
        (None, Some(Hang::Half)) => Some(len / 2),
        (None, None) => None,
    }
}

/// Drops everything after the first `limit` bytes.
pub(super) fn truncate(pieces: &mut VecDeque<Bytes>, limit: usize) {
    let mut left = limit;
    for piece in pieces.iter_mut() {
        piece.truncate(left);
        left -= piece.len();
    }
    pieces.retain(|piece| !piece.is_empty());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(pieces: &VecDeque<Bytes>) -> Vec<u8> {
        pieces.iter().flatten().copied().collect()
    }

    #[test]
    fn one_seed_gives_one_split_and_loses_nothing() {
        let body = Bytes::from_static(&[b'a'; 1_000]);
        let split = |seed| {
            pieces(
                body.clone(),
                &Behaviour {
                    split: Some(seed),
                    ..Behaviour::default()
                },
                true,
            )
        };
        assert_eq!(split(1), split(1));
        assert_ne!(split(1), split(2));
        assert_eq!(joined(&split(1)), body);
    }

    #[test]
    fn a_limit_falls_inside_a_piece() {
        let mut pieces: VecDeque<Bytes> = [&b"abc"[..], b"def", b"ghi"].map(Bytes::from).into();
        truncate(&mut pieces, 5);
        assert_eq!(pieces, [&b"abc"[..], b"de"].map(Bytes::from));
    }

    #[test]
    fn crlf_is_not_doubled() {
        assert_eq!(with_crlf(b"a\nb\r\n\n"), b"a\r\nb\r\n\r\n");
    }
}
