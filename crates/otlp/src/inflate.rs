//! Compressed bodies, within a size: a bomb costs neither time nor memory.

use std::io::Read;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;

/// Why a body cannot be inflated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InflateError {
    /// It is larger than may be.
    #[error("the body is too large once it is inflated; export fewer records at once")]
    TooLarge,
    /// It is no gzip, or broken.
    #[error("the body is not gzip")]
    Broken,
}

/// Undoes gzip, for bodies of at most `limit` bytes once inflated.
///
/// # Errors
/// When it would be more, or is broken.
pub fn inflate(body: &[u8], limit: usize) -> Result<Bytes, InflateError> {
    let mut whole = Vec::new();
    // One more than allowed tells that there is more.
    let mut reader = MultiGzDecoder::new(body).take(limit as u64 + 1);
    reader
        .read_to_end(&mut whole)
        .map_err(|_| InflateError::Broken)?;
    if whole.len() > limit {
        return Err(InflateError::TooLarge);
    }
    Ok(whole.into())
}
