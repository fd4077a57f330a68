//! A tree that only grows: what has to be kept of it to append and to know its
//! root.

use crate::hash::Hash;

/// Hashes that are no frontier of a tree of that size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a tree of {size} events has {} frontier hashes, not {found}", size.count_ones())]
pub struct ShapeError {
    /// The size that was claimed.
    pub size: u64,
    /// How many hashes came with it.
    pub found: usize,
}

/// The complete subtrees that tile a tree of [`Frontier::size`] leaves, the
/// largest and leftmost first: one hash for each set bit of the size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    hashes: Vec<Hash>,
}

impl Frontier {
    /// A frontier as it was stored.
    ///
    /// # Errors
    /// When there are not as many hashes as the size has bits set.
    pub fn new(size: u64, hashes: Vec<Hash>) -> Result<Self, ShapeError> {
        if size.count_ones() as usize == hashes.len() {
            Ok(Self { size, hashes })
        } else {
            Err(ShapeError {
                size,
                found: hashes.len(),
            })
        }
    }

    /// How many leaves the tree has.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The hashes, the largest subtree first.
    #[must_use]
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }

    /// Appends a leaf.
    ///
    /// # Panics
    /// When the tree has 2^64 - 1 leaves, which no log reaches.
    pub fn push(&mut self, leaf: Hash) {
        let size = self.size.checked_add(1).expect("no log is that long");
        // Each trailing one is a subtree that the leaf completes with its
        // sibling.
        let complete = self.hashes.len() - self.size.trailing_ones() as usize;
        let node = self
            .hashes
            .drain(complete..)
            .rev()
            .fold(leaf, |right, left| Hash::node(&left, &right));
        self.hashes.push(node);
        self.size = size;
    }

    /// The root: what a checkpoint of this size states.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut rest = self.hashes.iter().rev();
        let Some(smallest) = rest.next() else {
            return Hash::empty();
        };
        rest.fold(*smallest, |right, left| Hash::node(left, &right))
    }

    /// The subtrees with the leaves that they cover: first leaf, number, hash.
    pub(crate) fn subtrees(&self) -> impl Iterator<Item = (u64, u64, Hash)> {
        let mut size = self.size;
        let mut start = 0;
        self.hashes.iter().map(move |hash| {
            let width = 1 << size.ilog2();
            let first = start;
            size -= width;
            start += width;
            (first, width, *hash)
        })
    }
}
