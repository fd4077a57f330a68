//! The hashes of the tree, as RFC 6962 (section 2.1) has them.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest as _, Sha256};

/// A SHA-256 hash: of an event, of a node, or of a whole log. Shown in base64,
/// as checkpoints write it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// The root of a log without events.
    #[must_use]
    pub fn empty() -> Self {
        Self(Sha256::digest([]).into())
    }

    /// The hash of an event's text.
    #[must_use]
    pub fn leaf(text: &[u8]) -> Self {
        Self(
            Sha256::new()
                .chain_update([0x00])
                .chain_update(text)
                .finalize()
                .into(),
        )
    }

    /// The hash over two subtrees.
    #[must_use]
    pub fn node(left: &Self, right: &Self) -> Self {
        // One buffer: a node is hashed in one call, which is what an append does
        // most.
        let mut both = [0x01; 65];
        both[1..33].copy_from_slice(&left.0);
        both[33..].copy_from_slice(&right.0);
        Self(Sha256::digest(both).into())
    }

    /// The hash written in base64, if that is what `text` is.
    #[must_use]
    pub fn from_base64(text: &str) -> Option<Self> {
        let bytes = BASE64_STANDARD.decode(text).ok()?;
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64_STANDARD.encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
