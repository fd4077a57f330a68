//! The head: how long the log is, what it takes to append, and a MAC, so that
//! nobody without the key can write another.

use uuid::Uuid;

use crate::finding::Kind;
use crate::frontier::Frontier;
use crate::hash::Hash;
use crate::keys::Keys;

/// The row of `audit_head`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The log's id.
    pub log: Uuid,
    /// How many events it has.
    pub size: u64,
    /// The hashes of its [`Frontier`].
    pub frontier: Vec<Hash>,
    /// HMAC-SHA256 over `head`, the log's id, its size (64 bits, big-endian) and
    /// its root.
    pub mac: Vec<u8>,
}

impl Head {
    /// The head of a log.
    #[must_use]
    pub fn seal(keys: &Keys, tree: &Frontier) -> Self {
        let (log, size, root) = (keys.log(), tree.size(), tree.root());
        Self {
            log,
            size,
            frontier: tree.hashes().to_vec(),
            mac: keys
                .mac(&message(&log, &size.to_be_bytes(), &root))
                .to_vec(),
        }
    }

    /// The tree, if the head is what [`Self::seal`] made with the same keys.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn open(&self, keys: &Keys) -> Result<Frontier, Kind> {
        if self.log != keys.log() {
            return Err(Kind::OtherLog { found: self.log });
        }
        let tree =
            Frontier::new(self.size, self.frontier.clone()).map_err(|_| Kind::HeadMisshapen)?;
        let size = self.size.to_be_bytes();
        if keys.mac_is(&message(&self.log, &size, &tree.root()), &self.mac) {
            Ok(tree)
        } else {
            Err(Kind::HeadForged)
        }
    }
}

fn message<'a>(log: &'a Uuid, size: &'a [u8; 8], root: &'a Hash) -> [&'a [u8]; 4] {
    [b"head", log.as_bytes(), size, &root.0]
}
