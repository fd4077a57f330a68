//! Ids that are made of what is told, so that the same told twice is the same:
//! version 7, with the time that it happened at.

use sha2::{Digest, Sha256};
use systemprompt_domain::ids::time_of;
use systemprompt_domain::reported::{EARLY, LATE};
use time::OffsetDateTime;
use uuid::{Builder, Uuid};

use crate::export::Reason;

/// An id and its time, to the millisecond.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp {
    pub(crate) id: Uuid,
    pub(crate) at: OffsetDateTime,
    /// Digits of the same, where a span's id is needed and none is told.
    pub(crate) span: u64,
}

/// The stamp of what began at `at` and is told apart by `parts`.
///
/// # Errors
/// When it is too long ago, or has not happened yet.
pub(crate) fn stamp(
    at: OffsetDateTime,
    now: OffsetDateTime,
    parts: &[&[u8]],
) -> Result<Stamp, Reason> {
    if at < now - LATE {
        return Err("a record is older than seven days");
    }
    if at > now + EARLY {
        return Err("a record lies in the future; compare the clocks");
    }
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let hash: [u8; 32] = hash.finalize().into();
    let (random, rest) = hash.split_first_chunk::<10>().expect("32 are more than 10");
    let (span, _) = rest.split_first_chunk::<8>().expect("22 are more than 8");
    let millis = at.unix_timestamp_nanos() / 1_000_000;
    let millis = u64::try_from(millis).map_err(|_| "a record is older than seven days")?;
    let id = Builder::from_unix_timestamp_millis(millis, random).into_uuid();
    Ok(Stamp {
        id,
        at: time_of(id).expect("version 7 has a time"),
        span: u64::from_le_bytes(*span).max(1),
    })
}

/// A moment as OTLP has it; `None` for none.
pub(crate) fn moment(nanos: u64) -> Option<OffsetDateTime> {
    if nanos == 0 {
        return None;
    }
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(nanos)).ok()
}

/// An id of sixteen bytes that are not all zero.
pub(crate) fn trace(bytes: &[u8]) -> Option<Uuid> {
    let id = Uuid::from_slice(bytes).ok()?;
    (!id.is_nil()).then_some(id)
}

/// An id of eight bytes that are not all zero.
pub(crate) fn span(bytes: &[u8]) -> Option<u64> {
    let id = u64::from_be_bytes(bytes.try_into().ok()?);
    (id != 0).then_some(id)
}
