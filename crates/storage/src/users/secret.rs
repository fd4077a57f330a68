//! Ids that open something: 256 random bits as text for their holder, SHA-256
//! for the database.

use std::fmt;

use rand::Rng as _;
use sha2::{Digest as _, Sha256};

/// A random id. Its text is shown once, to its holder.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// A new one, from the operating system's randomness.
    pub(super) fn new() -> Self {
        let mut bits = [0_u8; 32];
        rand::rng().fill_bytes(&mut bits);
        Self(bits.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The text its holder gets.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What the database keeps.
    pub(super) fn hash(&self) -> [u8; 32] {
        hash(&self.0)
    }
}

/// What the database keeps of a text. A fast hash is enough: there is nothing to
/// guess in 256 random bits.
pub(super) fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_long_random_and_not_shown_by_accident() {
        let (one, other) = (Secret::new(), Secret::new());
        assert_eq!(one.expose().len(), 64);
        assert_ne!(one.expose(), other.expose());
        assert_eq!(format!("{one:?}"), "***");
    }
}
