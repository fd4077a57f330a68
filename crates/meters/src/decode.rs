//! The content encodings a meter can read. Decoding works on the copy and in
//! small steps: a compression bomb costs time, never memory.

use std::io::{self, Write};

use flate2::write::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

use crate::body::Body;

/// Wire bytes decoded in one step. Deflate grows at most 1,032-fold, so what a
/// step gives stays below 300 KiB.
const STEP: usize = 256;

/// Undoes a content encoding.
pub(crate) enum Decoder {
    Identity,
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
    /// Deflate before its first byte, which tells whether there is the zlib
    /// header that the standard wants and some servers leave out.
    Deflate,
    Zlib(Box<ZlibDecoder<Vec<u8>>>),
    RawDeflate(Box<DeflateDecoder<Vec<u8>>>),
    /// What came was not what the header said, or was corrupted.
    Failed,
    /// An encoding that is not read.
    Unreadable,
}

impl Decoder {
    /// The decoder for the value of a `content-encoding` header.
    pub(crate) fn new(content_encoding: &str) -> Self {
        match content_encoding.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Self::Identity,
            "gzip" | "x-gzip" => Self::Gzip(Box::new(MultiGzDecoder::new(Vec::new()))),
            "deflate" => Self::Deflate,
            _ => Self::Unreadable,
        }
    }

    /// Leads the next wire bytes into the body. Returns where in them the
    /// terminal event begins, or goes on: in a compressed chunk that is not
    /// known, and so it is all of it.
    pub(crate) fn feed(&mut self, bytes: &[u8], body: &mut Body) -> Option<usize> {
        if let (Self::Deflate, Some(first)) = (&self, bytes.first()) {
            *self = if first & 0x0F == 8 {
                Self::Zlib(Box::new(ZlibDecoder::new(Vec::new())))
            } else {
                Self::RawDeflate(Box::new(DeflateDecoder::new(Vec::new())))
            };
        }
        if matches!(self, Self::Identity) {
            return body.read(bytes);
        }
        for step in bytes.chunks(STEP) {
            let result = match self {
                Self::Gzip(decoder) => {
                    inflate(decoder.as_mut(), MultiGzDecoder::get_mut, step, body)
                }
                Self::Zlib(decoder) => inflate(decoder.as_mut(), ZlibDecoder::get_mut, step, body),
                Self::RawDeflate(decoder) => {
                    inflate(decoder.as_mut(), DeflateDecoder::get_mut, step, body)
                }
                Self::Identity | Self::Deflate | Self::Failed | Self::Unreadable => break,
            };
            if result.is_err() {
                *self = Self::Failed;
            }
        }
        body.is_terminal().then_some(0)
    }
}

/// Decodes one step and hands what it gave to the body.
fn inflate<D: Write>(
    decoder: &mut D,
    output: fn(&mut D) -> &mut Vec<u8>,
    step: &[u8],
    body: &mut Body,
) -> io::Result<()> {
    let result = decoder.write_all(step).and_then(|()| decoder.flush());
    let decoded = output(decoder);
    body.read(decoded);
    decoded.clear();
    result
}
