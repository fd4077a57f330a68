//! The spool's bytes: a segment header, then records of (magic, version,
//! length, CRC32C, payload). What comes after the last record is zero.

use std::io;

use systemprompt_domain::ids::SpoolId;
use uuid::Uuid;

/// Version of the record payload's encoding. A release reads its predecessor's.
pub(super) const VERSION: u8 = 1;
/// Bytes before each payload.
pub(super) const RECORD_HEADER: usize = 12;
/// Bytes before the first record of a segment.
pub(super) const SEGMENT_HEADER: usize = 64;
/// The largest payload; larger ones are refused when written and are noise when
/// read.
pub const MAX_PAYLOAD: usize = 256 * 1024;

const RECORD_MAGIC: [u8; 3] = *b"\xa5SP";
const SEGMENT_MAGIC: [u8; 8] = *b"SPSPOOL1";

/// What a segment says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    /// The spool it belongs to.
    pub(super) spool: SpoolId,
    /// Its number; numbers rise by one.
    pub(super) number: u64,
    /// Where the records of the segment before it end. What lies beyond that
    /// was never synced and was written again in this segment.
    pub(super) previous_end: u64,
}

impl SegmentHeader {
    /// The header as it is written.
    #[must_use]
    pub(super) fn encode(&self) -> [u8; SEGMENT_HEADER] {
        let mut out = [0; SEGMENT_HEADER];
        out[..8].copy_from_slice(&SEGMENT_MAGIC);
        out[8..24].copy_from_slice(self.spool.0.as_bytes());
        out[24..32].copy_from_slice(&self.number.to_le_bytes());
        out[32..40].copy_from_slice(&self.previous_end.to_le_bytes());
        let crc = crc32c::crc32c(&out[..40]);
        out[40..44].copy_from_slice(&crc.to_le_bytes());
        out
    }

    /// Reads a header.
    ///
    /// # Errors
    /// When the bytes are not a header of this format, or are damaged.
    pub(super) fn decode(bytes: &[u8]) -> io::Result<Self> {
        let bad = |what| io::Error::new(io::ErrorKind::InvalidData, what);
        let bytes: &[u8; SEGMENT_HEADER] = bytes
            .first_chunk()
            .ok_or_else(|| bad("a segment shorter than its header"))?;
        if bytes[..8] != SEGMENT_MAGIC {
            return Err(bad("not a spool segment of this version"));
        }
        if crc32c::crc32c(&bytes[..40]).to_le_bytes() != bytes[40..44] {
            return Err(bad("a damaged segment header"));
        }
        let number =
            |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
        Ok(Self {
            spool: SpoolId(Uuid::from_slice(&bytes[8..24]).expect("sixteen bytes")),
            number: number(24),
            previous_end: number(32),
        })
    }
}

/// Appends a record to `out`.
pub(super) fn write_record(out: &mut Vec<u8>, payload: &[u8]) {
    let start = out.len();
    out.extend_from_slice(&RECORD_MAGIC);
    out.push(VERSION);
    let length = u32::try_from(payload.len()).expect("payloads are below MAX_PAYLOAD");
    out.extend_from_slice(&length.to_le_bytes());
    let crc = crc32c::crc32c_append(crc32c::crc32c(&out[start..]), payload);
    out.extend_from_slice(&crc.to_le_bytes());
    out.extend_from_slice(payload);
}

/// What stands at one place of a segment.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Item<'a> {
    /// A good record; the next item starts after its payload.
    Record(&'a [u8]),
    /// Bytes that are no record, up to the next good one or the end.
    Damaged(&'a [u8]),
    /// Nothing but zeros from here on.
    End,
}

/// Reads the item at the start of `bytes`, and says how long it is.
#[must_use]
pub(super) fn read_item(bytes: &[u8]) -> (Item<'_>, usize) {
    if let Some(payload) = read_record(bytes) {
        return (Item::Record(payload), RECORD_HEADER + payload.len());
    }
    if bytes.iter().all(|b| *b == 0) {
        return (Item::End, bytes.len());
    }
    // Damage: look for the next place at which a whole record stands.
    let mut at = 1;
    while at < bytes.len() {
        let Some(found) = bytes[at..].iter().position(|b| *b == RECORD_MAGIC[0]) else {
            break;
        };
        at += found;
        if read_record(&bytes[at..]).is_some() {
            return (Item::Damaged(&bytes[..at]), at);
        }
        at += 1;
    }
    (Item::Damaged(bytes), bytes.len())
}

fn read_record(bytes: &[u8]) -> Option<&[u8]> {
    let header: &[u8; RECORD_HEADER] = bytes.first_chunk()?;
    if header[..3] != RECORD_MAGIC || header[3] != VERSION {
        return None;
    }
    let length = u32::from_le_bytes(header[4..8].try_into().expect("four bytes")) as usize;
    if length > MAX_PAYLOAD {
        return None;
    }
    let payload = bytes.get(RECORD_HEADER..RECORD_HEADER + length)?;
    let crc = crc32c::crc32c_append(crc32c::crc32c(&header[..8]), payload);
    (crc.to_le_bytes() == header[8..12]).then_some(payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(payloads: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        for payload in payloads {
            write_record(&mut out, payload);
        }
        out
    }

    #[test]
    fn a_header_survives() {
        let header = SegmentHeader {
            spool: SpoolId::new(),
            number: 7,
            previous_end: 4096,
        };
        let mut bytes = header.encode();
        assert_eq!(SegmentHeader::decode(&bytes).expect("valid"), header);
        bytes[30] ^= 1;
        assert!(SegmentHeader::decode(&bytes).is_err());
        assert!(SegmentHeader::decode(&bytes[..20]).is_err());
    }

    #[test]
    fn damage_ends_where_the_next_record_starts() {
        let mut bytes = records(&[b"one", b"two", b"three"]);
        bytes.extend([0; 32]);
        let second = RECORD_HEADER + 3;
        bytes[second + RECORD_HEADER] ^= 1;
        let (item, n) = read_item(&bytes);
        assert_eq!(item, Item::Record(b"one"));
        let (item, m) = read_item(&bytes[n..]);
        assert!(matches!(item, Item::Damaged(_)));
        let (item, k) = read_item(&bytes[n + m..]);
        assert_eq!(item, Item::Record(b"three"));
        assert_eq!(read_item(&bytes[n + m + k..]).0, Item::End);
    }

    #[test]
    fn a_torn_tail_is_damage_to_the_end() {
        let bytes = records(&[b"a record that was cut"]);
        let torn = &bytes[..bytes.len() - 4];
        assert_eq!(read_item(torn), (Item::Damaged(torn), torn.len()));
    }
}
